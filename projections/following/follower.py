"""The follower: keeps every live table up to date with the log. One process at a time is the leader."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import Self

from psycopg import Connection
from psycopg.errors import LockNotAvailable
from psycopg.rows import DictRow

from projections.catalogue import READ_MODELS
from projections.following.append_notify import AppendListener
from projections.following.background_worker import BackgroundWorker, SupervisedThread
from projections.following.batch_projector import BatchProjector
from projections.following.positions import read_positions
from projections.read_model import ReadModel
from store.database import Database

# polling is the guarantee, notifications only make it sooner; the pause doubles each time that there is nothing new
MIN_IDLE_SECONDS, MAX_IDLE_SECONDS = 0.05, 0.2
COALESCE_SECONDS = 0.002  # lets the next few events arrive, so that one batch folds them together
# while many arrive: a batch costs far more than one event more in it
BUSY_EVENTS, BUSY_COALESCE_SECONDS = 4, 0.025
STALLED_PAUSE_SECONDS = 0.05  # after a writer that held the fence longer than the lock timeout
STANDBY_PAUSE_SECONDS = 0.2
LEADER_CHECK_SECONDS = 1.0  # where somebody wants to know who leads

LEADER_OPTIONS = (
    "-c lock_timeout=200ms -c statement_timeout=60s -c idle_in_transaction_session_timeout=10s "
    # a fold that a crash loses is repeated; planning costs more than folding a few streams
    "-c synchronous_commit=off -c plan_cache_mode=force_generic_plan "
    "-c client_connection_check_interval=200 -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
    "-c tcp_keepalives_count=3"
)
TRY_LEADERSHIP_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%(schema)s || '.follower', 0)) AS leading"
FIND_LEADER = """
SELECT coalesce(a.application_name, 'somebody') || ', backend ' || a.pid AS leader
FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND l.classid::bigint << 32 | l.objid::bigint = hashtextextended(%(schema)s || '.follower', 0)
"""
SETTLE = """
SELECT {schema}.settle() AS settled
WHERE %(position)s < (SELECT coalesce(max(position), 0) FROM {schema}.events)
"""


class Follower(BackgroundWorker):
    """Follows the log for all read models at once, so that they are always consistent with each other.

    `position` is the last one known to this process; `error` is the last error, None once the work has succeeded
    again.
    """

    def __init__(self, db: Database, models: tuple[ReadModel, ...] = READ_MODELS) -> None:
        self.db = db
        self.models = models
        self.position = 0
        self.is_leader = False
        self._last_count = 0
        self.on_leader_change: Callable[[str | None], None] | None = None
        self._announced_leader: str | None = ""
        self._leader_checked_at = 0.0
        self._wake = Event()
        self._thread = SupervisedThread("follower", self._run_loop)
        self._listener = AppendListener(db, self.wake)

    def start(self) -> Self:
        """Starts in a daemon thread."""
        self._listener.start()
        return super().start()

    def stop(self) -> None:
        """Stops after the current batch, and waits for it."""
        self._thread.stop_requested.set()
        self.wake()
        self._thread.stop()
        self._listener.stop()

    def run(self) -> None:
        """Follows in the calling thread until `stop` is called from another one."""
        self._listener.start()
        self._thread.run()

    def wake(self) -> None:
        """Signals that the log may have grown. Returns at once."""
        self._wake.set()

    def wait_for_append(self, seconds: float) -> None:
        """Waits until the log may have grown, but no longer than some seconds."""
        self._wake.wait(seconds)

    def _announce_leader(self) -> None:
        """Calls `on_leader_change` with the leader's name when that has changed; with None when we lead ourselves."""
        if self.on_leader_change is None:
            return
        if not self.is_leader and monotonic() - self._leader_checked_at < LEADER_CHECK_SECONDS:
            return
        self._leader_checked_at = monotonic()
        leader = None if self.is_leader else find_leader(self.db)
        if leader != self._announced_leader and (leader or self.is_leader):
            self._announced_leader = leader
            self.on_leader_change(leader)

    def _run_loop(self) -> None:
        """Waits for the leadership, then leads, until stopped or until anything fails."""
        with self.db.connect("follower", options=LEADER_OPTIONS) as connection:
            projector = BatchProjector(self.db, connection, self.models)
            while not self._thread.stop_requested.is_set():
                projector.find_live_tables()
                self.is_leader = self._take_leadership(connection)
                self._announce_leader()
                if self.is_leader:
                    self._run_as_leader(projector)
                else:
                    self._wait_for_leadership()

    def _take_leadership(self, connection: Connection[DictRow]) -> bool:
        row = connection.execute(TRY_LEADERSHIP_LOCK, {"schema": self.db.schema}).fetchone()
        return bool(row and row["leading"])

    def _wait_for_leadership(self) -> None:
        self.position = read_positions(self.db).position
        self._thread.record_success()
        self._thread.stop_requested.wait(STANDBY_PAUSE_SECONDS)

    def _run_as_leader(self, projector: BatchProjector) -> None:
        try:
            self.position = read_positions(self.db).position
            idle_seconds = MIN_IDLE_SECONDS
            while not self._thread.stop_requested.is_set():
                self._wake.clear()
                pause_seconds = self.follow_log(projector)
                self._thread.record_success()
                if pause_seconds is None:
                    self.wait_for_append(idle_seconds)
                    idle_seconds = min(MAX_IDLE_SECONDS, idle_seconds * 2)
                else:
                    self._thread.stop_requested.wait(pause_seconds)
                    idle_seconds = MIN_IDLE_SECONDS
        finally:
            self.is_leader = False

    def follow_log(self, projector: BatchProjector) -> float | None:
        """Folds everything that is settled by now.

        Returns the seconds to pause before the next check; None without new events.
        """
        try:
            rows = projector.fetch_rows(SETTLE, {"position": self.position})
        except LockNotAvailable:
            return STALLED_PAUSE_SECONDS
        if not rows:
            projector.find_live_tables()  # a batch checks them itself
            return None
        settled, position = int(rows[0]["settled"]), self.position
        with suppress(LockNotAvailable):  # a rebuild is switching tables, which takes a moment
            while self.position < settled and not self._thread.stop_requested.is_set():
                self.position = projector.project_batch(settled)
        return self._choose_pause(self.position - position)

    def _choose_pause(self, count: int) -> float:
        """Returns the seconds until the next batch: longer when this one and the last one had many events."""
        is_busy = min(count, self._last_count) >= BUSY_EVENTS
        self._last_count = count
        return BUSY_COALESCE_SECONDS if is_busy else COALESCE_SECONDS


def find_leader(db: Database) -> str | None:
    """Returns the name of the connection that leads, or None when none does at this instant. Raises DatabaseAway."""
    rows = db.fetch_rows(FIND_LEADER, {"schema": db.schema})
    return str(rows[0]["leader"]) if rows else None
