"""Watching how the read models stand: all who watch share one look at a time, and hold nothing between looks."""

import asyncio
from typing import Any

from anyio import CapacityLimiter, to_thread

from projections.following.follower import Follower
from replay.read_model_status import Follows, Standing, standings
from store.database import Database

PAUSE_SECONDS = 0.25


class Watching:
    """Looks when somebody watches. `ending` says that this process was told to end, and that watching is over."""

    def __init__(self, database: Database, follower: Follower) -> None:
        self.database = database
        self.follower = follower
        self.ending = False
        self.looking: asyncio.Task[list[Standing]] | None = None
        self.limiter: CapacityLimiter | None = None

    def end(self) -> None:
        """Lets everybody go."""
        self.ending = True

    async def pause(self) -> None:
        """Waits until it is time for another look."""
        await asyncio.sleep(PAUSE_SECONDS)

    async def look(self) -> list[Standing]:
        """How the read models stand; those who ask at the same time share one look. Raises DatabaseAway."""
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look())
        return await asyncio.shield(self.looking)

    def now(self) -> list[Standing]:
        """The same for a caller in a thread. Raises DatabaseAway."""
        return standings(self.database, Follows(self.follower.alive, self.follower.error))

    async def _look(self) -> Any:
        self.limiter = self.limiter or CapacityLimiter(1)
        return await to_thread.run_sync(self.now, limiter=self.limiter)
