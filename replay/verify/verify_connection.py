"""The database connection of a verification check, without timeouts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, tuple_row

from store.database import Database

NO_TIMEOUTS = (
    "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 "
    "-c work_mem=128MB -c jit=off -c timezone=UTC"
)
FETCH_SIZE = 5_000


@dataclass(frozen=True, slots=True)
class VerifyConnection:
    """Runs queries over the whole log. Every answer is of one statement, so of one snapshot, or of a snapshot held."""

    db: Database
    connection: Connection[DictRow]

    @contextmanager
    def hold_snapshot(self) -> Iterator[None]:
        """Answers all queries until the end from one snapshot, for what no single statement can compare."""
        is_first = self.connection.info.transaction_status == TransactionStatus.IDLE
        with self.connection.transaction():
            if is_first:  # inside of the caller's transaction, its isolation is the caller's
                self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def fetch_rows(self, query: str, params: dict[str, Any] | None = None) -> list[DictRow]:
        """The rows of a query whose answer is short."""
        return self.connection.execute(self.db.compose_query(query), params or {}).fetchall()

    def stream_rows(self, query: str, params: dict[str, Any] | None = None) -> Iterator[DictRow]:
        """The rows of a query whose answer is long, fetched in batches, so that memory stays constant."""
        with self.connection.transaction(), self.connection.cursor("whole_log") as cursor:
            cursor.itersize = FETCH_SIZE
            yield from cursor.execute(self.db.compose_query(query), params or {})

    def stream_tuples(self, query: str, params: dict[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
        """The same as tuples, in PostgreSQL's binary format: three times as fast."""
        with (
            self.connection.transaction(),
            self.connection.cursor("whole_log", row_factory=tuple_row) as cursor,
        ):
            cursor.itersize = FETCH_SIZE
            yield from cursor.execute(self.db.compose_query(query), params or {}, binary=True)
