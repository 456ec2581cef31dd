"""Watches the status of read models: concurrent watchers share one query, and hold nothing between polls."""

import asyncio
from typing import Any

from anyio import CapacityLimiter, to_thread

from projections.following.follower import Follower
from replay.read_model_status import FollowerHealth, ReadModelStatus, list_read_model_statuses
from store.database import Database

POLL_SECONDS = 0.25


class ReadModelWatcher:
    """Loads statuses while somebody watches. `stopping` says that this process shuts down and watching ends."""

    def __init__(self, database: Database, follower: Follower) -> None:
        self.database = database
        self.follower = follower
        self.stopping = False
        self.pending_read: asyncio.Task[list[ReadModelStatus]] | None = None
        self.limiter: CapacityLimiter | None = None

    def stop(self) -> None:
        """End all watching."""
        self.stopping = True

    async def wait_for_next_poll(self) -> None:
        """Wait until the next poll."""
        await asyncio.sleep(POLL_SECONDS)

    async def fetch_statuses(self) -> list[ReadModelStatus]:
        """Fetch the read models' statuses; concurrent callers share one query. Raises DatabaseAway."""
        if self.pending_read is None or self.pending_read.done():
            self.pending_read = asyncio.create_task(self._load_statuses())
        return await asyncio.shield(self.pending_read)

    def load_statuses(self) -> list[ReadModelStatus]:
        """Load the statuses in the calling thread. Raises DatabaseAway."""
        return list_read_model_statuses(self.database, FollowerHealth(self.follower.is_alive, self.follower.error))

    async def _load_statuses(self) -> Any:
        self.limiter = self.limiter or CapacityLimiter(1)
        return await to_thread.run_sync(self.load_statuses, limiter=self.limiter)
