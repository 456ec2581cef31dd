"""The sealer: adds settled events to the sealed tree, in the process whose follower is the leader."""

from collections.abc import Callable

from projections.following.background_worker import BackgroundWorker, SupervisedThread
from store.database import Database

BATCH_SIZE = 2_000
IDLE_SECONDS = 1.0
SEAL = "SELECT {schema}.seal(%s) AS sealed"


class Sealer(BackgroundWorker):
    """Seals in a thread while `is_leader` is true. SQL lets only one session seal at a time."""

    def __init__(self, db: Database, is_leader: Callable[[], bool]) -> None:
        self.db = db
        self.is_leader = is_leader
        self._thread = SupervisedThread("sealer", self._run_loop)

    def stop(self) -> None:
        """Stops after the current batch, and waits for it."""
        self._thread.stop()

    def _run_loop(self) -> None:
        while not self._thread.stop_requested.is_set():
            sealed_count = seal_batch(self.db) if self.is_leader() else 0
            self._thread.record_success()
            if sealed_count < BATCH_SIZE:
                self._thread.stop_requested.wait(IDLE_SECONDS)


def seal_batch(db: Database, limit: int = BATCH_SIZE) -> int:
    """Seals the next settled events, up to `limit`. Returns their number; -1 while another session seals.

    Raises DatabaseAway; then it may have happened, and the next call continues from there.
    """
    return int(db.fetch_rows(SEAL, (limit,))[0]["sealed"])


def seal_all_events(db: Database) -> int:
    """Seals everything that is settled by now. Returns the number of events. Raises DatabaseAway."""
    total = 0
    while (sealed_count := seal_batch(db)) > 0:
        total += sealed_count
    return total
