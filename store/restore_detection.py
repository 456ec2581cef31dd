"""Whether the log was restored from a backup, and which single-use links nobody can be sure of since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import scalar_row

from store.database import Database

UNTIL = "SELECT {schema}.unconfirmed_until() AS position"
UNSPENT = """
SELECT issued.stream_id AS id, (issued.data ->> 'link_id')::uuid AS link_id, issued.recorded_at AS issued_at
FROM {schema}.events issued
WHERE issued.type LIKE 'SingleUseIssued.%%' AND issued.position <= {schema}.unconfirmed_until() AND NOT EXISTS (
    SELECT FROM {schema}.events later WHERE later.stream_id = issued.stream_id
    AND (later.type LIKE 'MeetingBooked.%%' OR later.type LIKE 'SingleUseRevoked.%%')
)
ORDER BY issued.position
"""
NOTE = "SELECT {schema}.note_restore() AS position"
CONFIRM = "SELECT {schema}.confirm() AS confirmed"
FOUND = (
    "The database was restored from a backup: single-use links issued before that cannot be booked until "
    "`oncelink reconcile` has been run. See Restore in docs/operations.md."
)


@dataclass(frozen=True, slots=True)
class Unspent:
    """A single-use link that the log has as unused, and that may have been booked in what is lost."""

    id: UUID
    link_id: UUID
    issued_at: datetime


class Lineage:
    """Where the log has lived. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def unconfirmed_until(self) -> int | None:
        """The position up to which single-use links are not confirmed; None when all of them are."""
        position: int | None = self.database.rows(UNTIL)[0]["position"]
        return position

    def unspent(self) -> Sequence[Unspent]:
        """The single-use links that somebody must decide about."""
        return [Unspent(**row) for row in self.database.rows(UNSPENT)]

    def note_restore(self) -> int:
        """Says that the log was restored just now; the position that it then ends at."""
        return int(self.database.rows(NOTE)[0]["position"])

    def confirm(self) -> None:
        """Says that every single-use link issued so far is what the log says it is."""
        self.database.rows(CONFIRM)


def restore_problems(connection: Connection[Any], schema: str) -> list[str]:
    """That the log was restored and not reconciled, in a sentence; none when all is well."""
    query = sql.SQL("SELECT {}.unconfirmed_until()").format(sql.Identifier(schema))
    with connection.cursor(row_factory=scalar_row) as cursor:
        return [] if cursor.execute(query).fetchone() is None else [FOUND]
