"""Waits for the read models to reach a position, holding neither thread nor connection meanwhile."""

import asyncio

from anyio import CapacityLimiter, to_thread

from projections.following.follower import Follower
from projections.following.positions import read_positions
from store.database import Database

MAX_WAIT_SECONDS = 2.0
POLL_SECONDS = 0.004


class PositionWaiter:
    """Reads the follower's position for all waiters: from memory where it leads, else with one query at a time."""

    def __init__(self, database: Database, follower: Follower) -> None:
        self.database = database
        self.follower = follower
        self.pending_read: asyncio.Task[int] | None = None
        self.limiter: CapacityLimiter | None = None

    async def wait_for_position(self, position: int, seconds: float = MAX_WAIT_SECONDS) -> bool:
        """Wait until the read models reach a position; False when they do not in time. Raises DatabaseAway."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while await self.fetch_position() < position:
            if loop.time() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def fetch_position(self) -> int:
        """Fetch the read models' position; concurrent callers share one read. Raises DatabaseAway."""
        if self.follower.is_leader:
            return self.follower.position
        if self.pending_read is None or self.pending_read.done():
            self.pending_read = asyncio.create_task(self._read_position())
        return await asyncio.shield(self.pending_read)

    async def _read_position(self) -> int:
        self.limiter = self.limiter or CapacityLimiter(1)
        positions = await to_thread.run_sync(read_positions, self.database, limiter=self.limiter)
        return positions.position
