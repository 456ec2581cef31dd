"""Which rebuild is running and how far it is, where every process sees it; the session that rebuilds holds a lock."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, DatabaseError
from psycopg.rows import DictRow

from domain.refusals import RebuildRunning
from projections.queries.query import statement
from projections.read_model import ReadModel
from store.database import Database

UNHURRIED = (
    "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c timezone=UTC -c jit=off "
    "-c max_parallel_workers_per_gather=0 -c max_parallel_maintenance_workers=0 "  # one core, whatever it does
    "-c work_mem=64MB -c maintenance_work_mem=128MB -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
    "-c tcp_keepalives_count=3 -c client_connection_check_interval=200"  # a killed one ends soon, whatever it does
)
LOCK_NAME = "hashtextextended(%(schema)s || '.rebuild', 0)"
TRY_LOCK = f"SELECT pg_try_advisory_lock({LOCK_NAME}) AS locked"
LOCK = f"SELECT pg_advisory_lock({LOCK_NAME})"
# whoever tried the lock to find out would hold it for a moment, and refuse somebody else's rebuild
IS_HELD = """EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32) | objid::bigint = hashtextextended(%(schema)s || '.{name}', 0)
)"""
FORGET = "DELETE FROM {schema}.rebuilds"
ANNOUNCE = "INSERT INTO {schema}.rebuilds (read_model, version) VALUES (%(name)s, %(version)s)"
MOVED = """
UPDATE {schema}.rebuilds SET done = %(done)s, total = %(total)s, share = %(share)s, moved_at = clock_timestamp(),
    started_at = CASE WHEN total = 0 THEN clock_timestamp() ELSE started_at END
WHERE read_model = %(name)s
"""
FAILED = "UPDATE {schema}.rebuilds SET error = %(error)s"
SAID_EVERY_SECONDS = 0.1


@dataclass(slots=True)
class Progress:
    """How far the building of one read model is: events folded, and the share of all its work, indexes included."""

    model: ReadModel
    total: int = 0
    done: int = 0
    share: float = 0.0


@dataclass
class Claim:
    """The right to rebuild, held by a session of its own until it is closed or lost, and what is told meanwhile."""

    db: Database
    connection: Connection[DictRow]
    told: Callable[[Progress], None] = lambda progress: None
    _said_at: float = field(default=0.0)

    @classmethod
    def taken(cls, db: Database, wait: bool = False) -> "Claim":
        """The claim, at once or when it is free. Raises RebuildRunning, psycopg.OperationalError."""
        connection = db.connect(options=UNHURRIED)
        claim = cls(db, connection)
        try:
            if wait:
                claim.run(LOCK, schema=db.schema)
            elif not claim.run(TRY_LOCK, schema=db.schema)[0]["locked"]:
                raise RebuildRunning
        except BaseException:
            connection.close()
            raise
        return claim

    def announce(self, models: Sequence[ReadModel]) -> None:
        """Says which read models are being rebuilt; what was said of an earlier rebuild is forgotten."""
        with self.connection.transaction():
            self.forget()
            for model in models:
                self.run(ANNOUNCE, name=model.name, version=model.version)

    def say(self, progress: Progress, now: bool = False) -> None:
        """Says how far one of them is, a few times a second at most."""
        self.told(progress)
        if now or time.monotonic() > self._said_at + SAID_EVERY_SECONDS:
            told = {"done": progress.done, "total": progress.total, "share": progress.share}
            self.run(MOVED, name=progress.model.name, **told)
            self._said_at = time.monotonic()

    def failed(self, error: Exception) -> None:
        """Leaves word of why it ended, if the connection still lives."""
        try:
            self.run(FAILED, error=sentence(error))
        except DatabaseError:
            return

    def forget(self) -> None:
        """Says that none is being rebuilt."""
        self.run(FORGET)

    def run(self, text: str, **params: Any) -> list[DictRow]:
        """Runs a statement; its rows, if it has any."""
        cursor = self.connection.execute(statement(self.db.schema, self.db.reporting, text), params or None)
        return cursor.fetchall() if cursor.description else []


def sentence(error: Exception) -> str:
    """What went wrong, without the values that PostgreSQL adds in its details."""
    primary = error.diag.message_primary if isinstance(error, DatabaseError) else None
    return primary or getattr(error, "sentence", None) or str(error) or type(error).__name__
