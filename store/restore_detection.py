"""Detects a restore from a backup, and lists the single-use links that may have been booked in what was lost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import scalar_row

from store.database import Database

DecisionKind = Literal["revoked", "nothing_lost", "restored"]

SELECT_UNCONFIRMED_UNTIL = "SELECT {schema}.unconfirmed_until() AS position"
SELECT_UNCONFIRMED_LINKS = """
SELECT issued.stream_id AS id, (issued.data ->> 'link_id')::uuid AS link_id, issued.recorded_at AS issued_at
FROM {schema}.events issued
WHERE issued.type LIKE 'SingleUseIssued.%%' AND issued.position <= {schema}.unconfirmed_until() AND NOT EXISTS (
    SELECT FROM {schema}.events later WHERE later.stream_id = issued.stream_id
    AND (later.type LIKE 'MeetingBooked.%%' OR later.type LIKE 'SingleUseRevoked.%%')
)
ORDER BY issued.position
"""
NOTE_RESTORE = "SELECT {schema}.note_restore() AS position"
CONFIRM_LINKS = "SELECT {schema}.confirm() AS confirmed"
RECORD_DECISION = """
INSERT INTO {schema}.reconciliations (decided_at, decision, unconfirmed, revoked, reason)
VALUES (%(decided_at)s, %(decision)s, %(unconfirmed)s, %(revoked)s, %(reason)s)
RETURNING id
"""
SELECT_DECISIONS = """
SELECT decided_at, decision, unconfirmed, revoked, reason FROM {schema}.reconciliations ORDER BY id DESC LIMIT 20
"""
RESTORE_PROBLEM = (
    "The database was restored from a backup: single-use links issued before that cannot be booked until "
    "`oncelink reconcile` has been run. See Restore in docs/operations.md."
)


@dataclass(frozen=True, slots=True)
class UnconfirmedLink:
    """A single-use link that is unused by the log, but may have been booked in what was lost."""

    id: UUID
    link_id: UUID
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operator decided: how many links were unconfirmed, how many of them were revoked, and why.

    The reason of revocations is in the log, where an erasure reaches it.
    """

    decided_at: datetime
    decision: DecisionKind
    unconfirmed: int
    revoked: int = 0
    reason: str | None = None


class RestoreReconciliation:
    """Reconciliation after a restore. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find_unconfirmed_until(self) -> int | None:
        """Returns the position up to which single-use links are unconfirmed, or None."""
        position: int | None = self.database.fetch_rows(SELECT_UNCONFIRMED_UNTIL)[0]["position"]
        return position

    def list_unconfirmed_links(self) -> Sequence[UnconfirmedLink]:
        """Lists the unconfirmed single-use links."""
        return [UnconfirmedLink(**row) for row in self.database.fetch_rows(SELECT_UNCONFIRMED_LINKS)]

    def record_restore(self) -> int:
        """Records that the log was restored just now. Returns the position that it ends at."""
        return int(self.database.fetch_rows(NOTE_RESTORE)[0]["position"])

    def confirm_links(self) -> None:
        """Confirms that every single-use link issued so far is what the log says."""
        self.database.fetch_rows(CONFIRM_LINKS)

    def record_decision(self, decision: Decision) -> None:
        """Records a decision beside the log."""
        self.database.fetch_rows(RECORD_DECISION, asdict(decision))

    def list_decisions(self) -> Sequence[Decision]:
        """Lists the last decisions, newest first."""
        return [Decision(**row) for row in self.database.fetch_rows(SELECT_DECISIONS)]


def find_restore_problems(connection: Connection[Any], schema: str) -> list[str]:
    """Returns a sentence if the log was restored and not reconciled, else nothing."""
    query = sql.SQL("SELECT {}.unconfirmed_until()").format(sql.Identifier(schema))
    with connection.cursor(row_factory=scalar_row) as cursor:
        return [] if cursor.execute(query).fetchone() is None else [RESTORE_PROBLEM]
