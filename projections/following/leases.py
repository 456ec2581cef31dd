"""Who is busy telling what: a courier takes one thing that is due for a while, and holds no transaction meanwhile.

`FOR UPDATE SKIP LOCKED` keeps couriers that look at the same moment apart; the lease keeps them apart afterwards.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UndefinedTable

from domain.notifications.outbox import Telling
from projections.outbox import OUTBOX
from projections.queries.query import Source, statement
from store.database import Database

# of each recipient only the first, so that they are told in order; what is older than the outbox is owed to nobody
TAKE = """
WITH due AS MATERIALIZED (
    SELECT o.* FROM {schema}."TABLE" AS o
    WHERE o.state = 'owed' AND o.channel = ANY (%(channels)s) AND o.due_at <= %(now)s AND o.ends_at > %(now)s
        AND o.owed_id <> ALL (%(but)s::uuid[]) AND o.due_at >= (SELECT began_at FROM {schema}.outbox_beginning)
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
       EXISTS (SELECT FROM before WHERE before.owed_id = due.owed_id) AS in_doubt
FROM due JOIN taken ON taken.owed_id = due.owed_id
"""
OURS = "booking_id = %(booking_id)s AND channel = %(channel)s AND recipient = %(recipient)s AND courier = %(courier)s"
HAND_OVER = f"""
UPDATE {{schema}}.outbox_leases SET handing_over = true WHERE {OURS} AND taken_until > %(now)s RETURNING true AS ours
"""
RELEASE = f"DELETE FROM {{schema}}.outbox_leases WHERE {OURS} RETURNING true AS ours"
FORGET = "DELETE FROM {schema}.outbox_leases WHERE taken_until < %(before)s AND NOT handing_over RETURNING true AS gone"


@dataclass(frozen=True, slots=True)
class Taken:
    """Something due that a courier has taken; `in_doubt` says that an earlier one died while handing it over."""

    id: UUID
    token_id: UUID
    telling: Telling
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class Leases:
    """One courier's leases. Every method raises DatabaseAway."""

    db: Database
    source: Source
    courier: UUID

    def take(self, channels: Sequence[str], now: datetime, until: datetime, but: Collection[UUID] = ()) -> Taken | None:
        """The next thing that is due, but for some, taken until an instant; None when there is none.

        Raises ReadModelBehind.
        """
        asked = {"channels": list(channels), "now": now, "until": until, "courier": self.courier, "but": list(but)}
        try:
            rows = self.rows(TAKE, asked)
        except UndefinedTable:  # a rebuild switched it just now
            rows = self.rows(TAKE, asked)
        return next(map(taken, rows), None)

    def hand_over(self, one: Taken, now: datetime) -> bool:
        """Says that from now on the other side may have it; whether the lease is still ours."""
        return bool(self.rows(HAND_OVER, {**self.ours(one), "now": now}))

    def release(self, one: Taken) -> None:
        """Lets go, because the log says what became of it."""
        self.rows(RELEASE, self.ours(one))

    def forget(self, before: datetime) -> None:
        """Leases that ended before an instant, of couriers that died without having handed anything over."""
        self.rows(FORGET, {"before": before})

    def ours(self, one: Taken) -> dict[str, Any]:
        """How a statement names a lease."""
        telling = one.telling
        recipient = "guest" if telling.person_id is None else str(telling.person_id)
        return {
            "booking_id": one.token_id,
            "channel": telling.channel,
            "recipient": recipient,
            "courier": self.courier,
        }

    def rows(self, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """A statement of its own, done when it returns."""
        named = text.replace("TABLE", self.source.live_table(OUTBOX)) if "TABLE" in text else text
        with self.db.connection() as connection:
            return connection.execute(statement(self.db.schema, self.db.reporting, named), params).fetchall()


def taken(row: dict[str, Any]) -> Taken:
    """A row as what was taken."""
    telling = Telling(row["cause_version"], row["channel"], row["recipient_role"], row["person_id"])
    return Taken(row["owed_id"], row["booking_id"], telling, row["in_doubt"])
