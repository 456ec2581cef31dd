"""Waiting for the read models to reach a position, holding neither thread nor connection meanwhile."""

import asyncio

from anyio import CapacityLimiter, to_thread

from projections.following.follower import Follower
from projections.following.positions import position
from store.database import Database

LONGEST_WAIT_SECONDS = 2.0
LOOK_SECONDS = 0.004


class Waiting:
    """Looks at the follower's position for all who wait: at once where it leads, else one query at a time."""

    def __init__(self, database: Database, follower: Follower) -> None:
        self.database = database
        self.follower = follower
        self.looking: asyncio.Task[int] | None = None
        self.limiter: CapacityLimiter | None = None

    async def reached(self, wanted: int, seconds: float = LONGEST_WAIT_SECONDS) -> bool:
        """Whether the read models reach a position in time. Raises DatabaseAway."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while await self.position() < wanted:
            if loop.time() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def position(self) -> int:
        """Where the read models are; those who ask at the same time share one look. Raises DatabaseAway."""
        if self.follower.leading:
            return self.follower.position
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look())
        return await asyncio.shield(self.looking)

    async def _look(self) -> int:
        self.limiter = self.limiter or CapacityLimiter(1)
        found = await to_thread.run_sync(position, self.database, limiter=self.limiter)
        return found.position
