"""Leases of notifications: an outbox worker leases one that is due, and holds no transaction while it sends.

`FOR UPDATE SKIP LOCKED` keeps workers apart that select at the same time; the lease keeps them apart afterwards.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UndefinedTable

from domain.notifications.outbox import Notification
from projections.outbox import OUTBOX
from projections.queries.query import QuerySource, compile_statement
from store.database import Database

# of each recipient only the first, so that they are notified in order; nothing older than the outbox is due
TAKE_LEASE = """
WITH due AS MATERIALIZED (
    SELECT o.* FROM {schema}."TABLE" AS o
    WHERE o.state = 'owed' AND o.channel = ANY (%(channels)s) AND o.due_at <= %(now)s AND o.ends_at > %(now)s
        AND o.owed_id <> ALL (%(excluding)s::uuid[]) AND o.due_at >= (SELECT began_at FROM {schema}.outbox_beginning)
        AND (o.channel <> 'calendar' OR o.person_id IN (SELECT w.person_id FROM {schema}.calendar_writers AS w))
        AND NOT EXISTS (
            SELECT FROM {schema}.outbox_leases AS l
            WHERE l.booking_id = o.booking_id AND l.channel = o.channel AND l.recipient = o.recipient
                AND l.taken_until > %(now)s
        )
    ORDER BY o.due_at LIMIT 1 FOR UPDATE OF o SKIP LOCKED
), before AS MATERIALIZED (
    SELECT l.owed_id FROM {schema}.outbox_leases AS l
    JOIN due ON l.booking_id = due.booking_id AND l.channel = due.channel AND l.recipient = due.recipient
    WHERE l.handing_over
), taken AS (
    INSERT INTO {schema}.outbox_leases AS l (booking_id, channel, recipient, owed_id, courier, taken_until)
    SELECT booking_id, channel, recipient, owed_id, %(courier)s, %(until)s FROM due
    ON CONFLICT (booking_id, channel, recipient) DO UPDATE
    SET owed_id = excluded.owed_id, courier = excluded.courier, taken_until = excluded.taken_until, handing_over = false
    WHERE l.taken_until <= %(now)s
    RETURNING l.owed_id
)
SELECT due.owed_id, due.booking_id, due.cause_version, due.channel, due.recipient_role, due.person_id,
       due.offset_minutes, EXISTS (SELECT FROM before WHERE before.owed_id = due.owed_id) AS in_doubt
FROM due JOIN taken ON taken.owed_id = due.owed_id
"""
# nothing else has to be looked at: what is due by then, `take_lease` would have taken
NEXT_DUE = """
SELECT o.due_at FROM {schema}."TABLE" AS o
WHERE o.state = 'owed' AND o.channel = ANY (%(channels)s) AND o.due_at > %(now)s AND o.ends_at > o.due_at
ORDER BY o.due_at LIMIT 1
"""
IS_OWN_LEASE = (
    "booking_id = %(booking_id)s AND channel = %(channel)s AND recipient = %(recipient)s AND courier = %(courier)s"
)
MARK_HANDING_OVER = f"""
UPDATE {{schema}}.outbox_leases SET handing_over = true
WHERE {IS_OWN_LEASE} AND taken_until > %(now)s RETURNING true AS ours
"""
RELEASE_LEASE = f"DELETE FROM {{schema}}.outbox_leases WHERE {IS_OWN_LEASE} RETURNING true AS ours"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease on a notification that is due.

    `in_doubt`: an earlier worker died while it was handing the notification over.
    """

    id: UUID
    token_id: UUID
    notification: Notification
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one outbox worker. Every method raises DatabaseAway."""

    db: Database
    source: QuerySource
    worker_id: UUID

    def take_lease(
        self, channels: Sequence[str], now: datetime, until: datetime, excluding: Collection[UUID] = ()
    ) -> Lease | None:
        """Leases the next notification that is due, except `excluding`, until an instant; None when there is none.

        Raises ReadModelBehind.
        """
        params = {
            "channels": list(channels),
            "now": now,
            "until": until,
            "courier": self.worker_id,
            "excluding": list(excluding),
        }
        return next(map(to_lease, self.fetch_live_rows(TAKE_LEASE, params)), None)

    def find_next_due(self, channels: Sequence[str], now: datetime) -> datetime | None:
        """Returns when the next notification after `now` will be due; None when none will. Raises ReadModelBehind."""
        rows = self.fetch_live_rows(NEXT_DUE, {"channels": list(channels), "now": now})
        return rows[0]["due_at"] if rows else None

    def mark_handing_over(self, lease: Lease, now: datetime) -> bool:
        """Marks that from now on the recipient may have it. Returns whether the lease is still held by this worker."""
        return bool(self.fetch_rows(MARK_HANDING_OVER, {**self.build_lease_params(lease), "now": now}))

    def release_lease(self, lease: Lease) -> None:
        """Deletes the lease, because the log has the outcome."""
        self.fetch_rows(RELEASE_LEASE, self.build_lease_params(lease))

    def build_lease_params(self, lease: Lease) -> dict[str, Any]:
        """The parameters by which a statement identifies a lease of this worker."""
        notification = lease.notification
        recipient = "guest" if notification.person_id is None else str(notification.person_id)
        return {
            "booking_id": lease.token_id,
            "channel": notification.channel,
            "recipient": recipient,
            "courier": self.worker_id,
        }

    def fetch_live_rows(self, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Runs a statement over the live table, again if a rebuild has just switched it."""
        try:
            return self.fetch_rows(text, params)
        except UndefinedTable:
            return self.fetch_rows(text, params)

    def fetch_rows(self, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Runs a statement in a transaction of its own; it is committed when this returns."""
        statement_text = text.replace("TABLE", self.source.find_live_table(OUTBOX)) if "TABLE" in text else text
        with self.db.acquire_connection() as connection:
            return connection.execute(
                compile_statement(self.db.schema, self.db.reporting, statement_text), params
            ).fetchall()


def to_lease(row: dict[str, Any]) -> Lease:
    """A record as a lease."""
    notification = Notification(
        row["cause_version"], row["channel"], row["recipient_role"], row["person_id"], row["offset_minutes"]
    )
    return Lease(row["owed_id"], row["booking_id"], notification, row["in_doubt"])
