"""The sealer: folds settled events into the sealed tree, beside the follower that leads."""

from collections.abc import Callable

from projections.following.background_worker import Supervised, Worker
from store.database import Database

BATCH = 2_000
IDLE_SECONDS = 1.0
SEAL = "SELECT {schema}.seal(%s) AS sealed"


class Sealer(Worker):
    """Seals in a thread while `leading`; SQL lets one seal at a time, so that a second one changes nothing."""

    def __init__(self, db: Database, leading: Callable[[], bool]) -> None:
        self.db = db
        self.leading = leading
        self._thread = Supervised("sealer", self._work)

    def stop(self) -> None:
        """Ends after the batch at hand."""
        self._thread.stop()

    def _work(self) -> None:
        while not self._thread.stopping.is_set():
            sealed = seal(self.db) if self.leading() else 0
            self._thread.succeeded()
            if sealed < BATCH:
                self._thread.stopping.wait(IDLE_SECONDS)


def seal(db: Database, most: int = BATCH) -> int:
    """Seals the next settled events, as many as there are; their number, -1 while another one seals.

    Raises DatabaseAway; then it may have happened, and the next call goes on from there.
    """
    return int(db.rows(SEAL, (most,))[0]["sealed"])


def seal_all(db: Database) -> int:
    """Seals everything that is settled by now; how many events that were. Raises DatabaseAway."""
    total = 0
    while (sealed := seal(db)) > 0:
        total += sealed
    return total
