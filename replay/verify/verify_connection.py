"""One check's questions to the database, on a connection that may take its time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow, tuple_row

from store.database import Database

UNHURRIED = (
    "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 "
    "-c work_mem=128MB -c jit=off -c timezone=UTC"
)
FETCHED = 5_000


@dataclass(frozen=True, slots=True)
class Ask:
    """Asks whole-log questions; every answer is of one statement, so of one snapshot."""

    db: Database
    connection: Connection[DictRow]

    def rows(self, query: str, params: dict[str, Any] | None = None) -> list[DictRow]:
        """The rows of an answer that is expected to be short."""
        return self.connection.execute(self.db.text(query), params or {}).fetchall()

    def stream(self, query: str, params: dict[str, Any] | None = None) -> Iterator[DictRow]:
        """The rows of a long answer, some at a time, so that memory stays constant."""
        with self.connection.transaction(), self.connection.cursor("whole_log") as cursor:
            cursor.itersize = FETCHED
            yield from cursor.execute(self.db.text(query), params or {})

    def tuples(self, query: str, params: dict[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
        """The same as tuples, in PostgreSQL's binary form: three times as fast."""
        with (
            self.connection.transaction(),
            self.connection.cursor("whole_log", row_factory=tuple_row) as cursor,
        ):
            cursor.itersize = FETCHED
            yield from cursor.execute(self.db.text(query), params or {}, binary=True)
