"""The follower: keeps every live table up to date with the log, one leader among all processes."""

from contextlib import suppress
from threading import Event
from typing import Self

from psycopg import Connection
from psycopg.errors import LockNotAvailable
from psycopg.rows import DictRow

from projections.catalogue import READ_MODELS
from projections.following.append_notify import Listener
from projections.following.background_worker import Supervised, Worker
from projections.following.batch_projector import Folding
from projections.following.positions import position
from projections.read_model import ReadModel
from store.database import Database

# polling is the guarantee, hints only make it sooner; twice as long each time that there is nothing new
FIRST_IDLE_SECONDS, MOST_IDLE_SECONDS = 0.05, 0.2
BREATH_SECONDS = 0.002  # lets the next few events come together
STALLED_SECONDS = 0.05  # after a writer that was not waited for any longer
STANDBY_SECONDS = 0.2

LEADER_OPTIONS = (
    "-c lock_timeout=200ms -c statement_timeout=60s -c idle_in_transaction_session_timeout=10s "
    # a fold that a crash takes is folded again; planning costs more than folding a few streams
    "-c synchronous_commit=off -c plan_cache_mode=force_generic_plan "
    "-c client_connection_check_interval=200 -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
    "-c tcp_keepalives_count=3"
)
LEAD = "SELECT pg_try_advisory_lock(hashtextextended(%(schema)s || '.follower', 0)) AS leading"
SETTLE = """
SELECT {schema}.settle() AS settled
WHERE %(position)s < (SELECT coalesce(max(position), 0) FROM {schema}.events)
"""


class Follower(Worker):
    """Follows the log for all read models at once, so that they are always consistent with each other.

    `position` is the last one known here, `error` what went wrong last and is not yet over.
    """

    def __init__(self, db: Database, models: tuple[ReadModel, ...] = READ_MODELS) -> None:
        self.db = db
        self.models = models
        self.position = 0
        self.leading = False
        self._wake = Event()
        self._thread = Supervised("follower", self._work)
        self._listener = Listener(db, self.wake)

    def start(self) -> Self:
        """Begins in a daemon thread."""
        self._listener.start()
        return super().start()

    def stop(self) -> None:
        """Ends after the batch at hand."""
        self._thread.stopping.set()
        self.wake()
        self._thread.stop()
        self._listener.stop()

    def run(self) -> None:
        """Follows in this thread, until `stop` is called from another."""
        self._listener.start()
        self._thread.run()

    def wake(self) -> None:
        """Says that the log may have grown; returns at once."""
        self._wake.set()

    def _work(self) -> None:
        """Stands by until the leadership is free, then leads, until stopped or anything fails."""
        with self.db.connect(options=LEADER_OPTIONS) as connection:
            folding = Folding(self.db, connection, self.models)
            while not self._thread.stopping.is_set():
                folding.live_tables()
                self.leading = self._is_leader(connection)
                if self.leading:
                    self._lead(folding)
                else:
                    self._stand_by()

    def _is_leader(self, connection: Connection[DictRow]) -> bool:
        row = connection.execute(LEAD, {"schema": self.db.schema}).fetchone()
        return bool(row and row["leading"])

    def _stand_by(self) -> None:
        self.position = position(self.db).position
        self._thread.succeeded()
        self._thread.stopping.wait(STANDBY_SECONDS)

    def _lead(self, folding: Folding) -> None:
        try:
            self.position = position(self.db).position
            idle = FIRST_IDLE_SECONDS
            while not self._thread.stopping.is_set():
                self._wake.clear()
                pause = self._follow(folding)
                self._thread.succeeded()
                if pause is None:
                    self._wake.wait(idle)
                    idle = min(MOST_IDLE_SECONDS, idle * 2)
                else:
                    self._thread.stopping.wait(pause)
                    idle = FIRST_IDLE_SECONDS
        finally:
            self.leading = False

    def _follow(self, folding: Folding) -> float | None:
        """Folds everything that is settled by now; the seconds to pause before the next look, None without news."""
        try:
            news = folding.rows(SETTLE, {"position": self.position})
        except LockNotAvailable:
            return STALLED_SECONDS
        if not news:
            folding.live_tables()  # a batch looks at them itself
            return None
        settled: int = news[0]["settled"]
        with suppress(LockNotAvailable):  # a rebuild is switching, which takes a moment
            while self.position < settled and not self._thread.stopping.is_set():
                self.position = folding.batch(settled)
        return BREATH_SECONDS
