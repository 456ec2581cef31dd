"""The state of the running rebuild, visible to every process. The session that rebuilds holds an advisory lock."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, DatabaseError
from psycopg.rows import DictRow

from domain.refusals import RebuildRunning
from projections.queries.query import compile_statement
from projections.read_model import ReadModel
from store.database import Database

NO_TIMEOUTS = (
    "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c timezone=UTC -c jit=off "
    "-c max_parallel_workers_per_gather=0 -c max_parallel_maintenance_workers=0 "  # one core at most
    "-c work_mem=64MB -c maintenance_work_mem=128MB -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
    "-c tcp_keepalives_count=3 -c client_connection_check_interval=200"  # a killed process's session ends soon
)
LOCK_NAME = "hashtextextended(%(schema)s || '.rebuild', 0)"
TRY_LOCK = f"SELECT pg_try_advisory_lock({LOCK_NAME}) AS locked"
LOCK = f"SELECT pg_advisory_lock({LOCK_NAME})"
# trying the lock to find out would hold it for a moment, and make another process refuse its rebuild
IS_HELD = """EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32) | objid::bigint = hashtextextended(%(schema)s || '.{name}', 0)
)"""
DELETE_REBUILDS = "DELETE FROM {schema}.rebuilds"
INSERT_REBUILD = "INSERT INTO {schema}.rebuilds (read_model, version) VALUES (%(name)s, %(version)s)"
UPDATE_PROGRESS = """
UPDATE {schema}.rebuilds SET done = %(done)s, total = %(total)s, share = %(share)s, moved_at = clock_timestamp(),
    started_at = CASE WHEN total = 0 THEN clock_timestamp() ELSE started_at END
WHERE read_model = %(name)s
"""
RECORD_ERROR = "UPDATE {schema}.rebuilds SET error = %(error)s"
REPORT_INTERVAL_SECONDS = 0.1


@dataclass(slots=True)
class Progress:
    """The progress of one read model: events done, their total, and the share (0 to 1) of all its work."""

    model: ReadModel
    total: int = 0
    done: int = 0
    share: float = 0.0


def ignore_progress(progress: Progress) -> None:
    """Reports to nobody."""


@dataclass
class RebuildLock:
    """The right to rebuild, held by a database session until it ends. It also records the progress."""

    db: Database
    connection: Connection[DictRow]
    on_progress: Callable[[Progress], None] = ignore_progress
    _reported_at: float = field(default=0.0)

    @classmethod
    def acquire(
        cls, db: Database, wait: bool = False, on_progress: Callable[[Progress], None] = ignore_progress
    ) -> "RebuildLock":
        """Takes the lock, at once or, with `wait`, when it is free. Raises RebuildRunning, psycopg.OperationalError."""
        lock = cls(db, db.connect("rebuild", options=NO_TIMEOUTS), on_progress)
        with lock.release_on_error():
            if wait:
                lock.execute(LOCK, schema=db.schema)
            elif not lock.execute(TRY_LOCK, schema=db.schema)[0]["locked"]:
                raise RebuildRunning
        return lock

    def release(self) -> None:
        """Ends the session, and with it the lock."""
        self.connection.close()

    @contextmanager
    def release_on_error(self) -> Iterator[None]:
        """Releases the lock if the block fails."""
        try:
            yield
        except BaseException:
            self.release()
            raise

    def announce_rebuild(self, models: Sequence[ReadModel]) -> None:
        """Records which read models are being rebuilt, and deletes the records of earlier rebuilds."""
        with self.connection.transaction():
            self.clear_rebuilds()
            for model in models:
                self.execute(INSERT_REBUILD, name=model.name, version=model.version)

    def report_progress(self, progress: Progress, immediately: bool = False) -> None:
        """Reports and records the progress of one read model, at most every 0.1 s unless `immediately`."""
        self.on_progress(progress)
        if immediately or time.monotonic() > self._reported_at + REPORT_INTERVAL_SECONDS:
            values = {"done": progress.done, "total": progress.total, "share": progress.share}
            self.execute(UPDATE_PROGRESS, name=progress.model.name, **values)
            self._reported_at = time.monotonic()

    def record_failure(self, error: Exception) -> None:
        """Records why the rebuild failed, if the connection still works."""
        try:
            self.execute(RECORD_ERROR, error=describe_error(error))
        except DatabaseError:
            return

    def clear_rebuilds(self) -> None:
        """Records that no read model is being rebuilt."""
        self.execute(DELETE_REBUILDS)

    def execute(self, text: str, **params: Any) -> list[DictRow]:
        """Runs a statement, and returns its rows, if it has any."""
        cursor = self.connection.execute(compile_statement(self.db.schema, self.db.reporting, text), params or None)
        return cursor.fetchall() if cursor.description else []


def describe_error(error: Exception) -> str:
    """The message of an error, without the values that PostgreSQL adds in its details."""
    primary_message = error.diag.message_primary if isinstance(error, DatabaseError) else None
    return primary_message or getattr(error, "sentence", None) or str(error) or type(error).__name__
