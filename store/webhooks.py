"""Webhook endpoints: their cursors, leases and deliveries, and the events of the log that they wait for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from store.database import Database

COLUMNS = """id, owner_id, sealed, types, event_names, details, active, version, request_digest, created_at, updated_at,
    position, attempts, due_at, problem, disabled_at, previous_until"""
INSERT_WEBHOOK = """
INSERT INTO {schema}.webhooks (id, owner_id, sealed, types, event_names, details, active, request_digest, created_at,
    updated_at, position, due_at)
VALUES (%(id)s, %(owner_id)s, %(sealed)s, %(types)s, %(event_names)s, %(details)s, %(active)s, %(request_digest)s,
    %(now)s, %(now)s, %(position)s, %(now)s)
ON CONFLICT DO NOTHING RETURNING id
"""
SELECT_WEBHOOKS = f"SELECT {COLUMNS} FROM {{schema}}.webhooks ORDER BY created_at, id"
SELECT_WEBHOOK = f"SELECT {COLUMNS} FROM {{schema}}.webhooks WHERE id = %s"
DELETE_WEBHOOK = "DELETE FROM {schema}.webhooks WHERE id = %s RETURNING id"
# whatever is changed, the next event is tried at once
UPDATE_WEBHOOK = """
UPDATE {schema}.webhooks SET sealed = %(sealed)s, types = %(types)s, event_names = %(event_names)s,
    details = %(details)s, active = %(active)s, version = version + 1, updated_at = %(now)s,
    due_at = %(now)s, attempts = 0,
    disabled_at = CASE WHEN %(active)s THEN NULL ELSE disabled_at END,
    problem = CASE WHEN %(active)s AND NOT active THEN NULL ELSE problem END,
    notify_at = CASE WHEN %(active)s THEN NULL ELSE notify_at END
WHERE id = %(id)s AND version = %(earlier)s RETURNING id
"""
UPDATE_SIGNING = """
UPDATE {schema}.webhooks SET sealed = %(sealed)s, previous_until = %(until)s, version = version + 1,
    updated_at = %(now)s
WHERE id = %(id)s AND version = %(earlier)s RETURNING id
"""
UPDATE_ENCRYPTION = "UPDATE {schema}.webhooks SET sealed = %s WHERE id = %s AND sealed = %s RETURNING id"
UPDATE_POSITION = """
UPDATE {schema}.webhooks SET position = %(position)s, attempts = 0, due_at = %(now)s, problem = NULL
WHERE id = %(id)s RETURNING id
"""
UPDATE_DUE = "UPDATE {schema}.webhooks SET due_at = %s WHERE id = %s AND due_at > %s RETURNING id"
# an endpoint is taken by one worker at a time, and only when an event waits for it
LEASE_DUE = f"""
UPDATE {{schema}}.webhooks SET lease = %(lease)s, leased_until = %(until)s
WHERE id IN (
    SELECT w.id FROM {{schema}}.webhooks AS w
    WHERE w.active AND w.due_at <= %(now)s AND (w.leased_until IS NULL OR w.leased_until <= %(now)s)
        AND w.position < %(settled)s AND EXISTS (
            SELECT FROM {{schema}}.events AS e
            WHERE split_part(e.type, '.', 1) = ANY(w.event_names) AND e.position > w.position
                AND e.position <= %(settled)s)
    ORDER BY w.due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
) RETURNING {COLUMNS}
"""
RELEASE = "UPDATE {schema}.webhooks SET lease = NULL, leased_until = NULL WHERE id = %s AND lease = %s RETURNING id"
SELECT_EVENTS = """
SELECT position, stream_id, version, split_part(type, '.', 1) AS name, data ->> 'occurred_at' AS occurred_at, data
FROM {schema}.events
WHERE split_part(type, '.', 1) = ANY(%(names)s) AND position > %(after)s AND position <= %(until)s
ORDER BY position LIMIT %(most)s
"""
# nothing, if somebody moved the cursor or switched it off meanwhile
RECORD_OUTCOME = """
UPDATE {schema}.webhooks SET position = %(position)s, attempts = %(attempts)s, due_at = %(due_at)s,
    problem = %(problem)s, active = NOT %(disabled)s, disabled_at = CASE WHEN %(disabled)s THEN %(at)s::timestamptz END,
    notify_at = CASE WHEN %(disabled)s THEN %(at)s::timestamptz END
WHERE id = %(id)s AND lease = %(lease)s AND position = %(earlier)s AND active RETURNING id
"""
INSERT_DELIVERY = """
INSERT INTO {schema}.webhook_deliveries (webhook_id, event_id, type, position, attempt, at, delivered, status, reason,
    milliseconds)
SELECT %(webhook_id)s, %(event_id)s, %(type)s, %(position)s, %(attempt)s, %(at)s, %(delivered)s, %(status)s, %(reason)s,
    %(milliseconds)s
WHERE EXISTS (SELECT FROM {schema}.webhooks WHERE id = %(webhook_id)s FOR KEY SHARE) RETURNING id
"""
SELECT_DELIVERIES = """
SELECT id, event_id, type, position, attempt, at, delivered, status, reason, milliseconds
FROM {schema}.webhook_deliveries
WHERE webhook_id = %(id)s AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s
"""
DELETE_DELIVERIES = "DELETE FROM {schema}.webhook_deliveries WHERE at < %s RETURNING id"
LEASE_NOTICE = f"""
UPDATE {{schema}}.webhooks SET notify_at = %(next)s WHERE id = (
    SELECT id FROM {{schema}}.webhooks WHERE notify_at <= %(now)s LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING {COLUMNS}
"""
END_NOTICE = "UPDATE {schema}.webhooks SET notify_at = NULL WHERE id = %s RETURNING id"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A row of webhooks; `sealed` is its URL and secrets, encrypted."""

    id: UUID
    owner_id: UUID
    sealed: bytes
    types: list[str]
    event_names: list[str]
    details: str
    active: bool
    version: int
    request_digest: bytes | None
    created_at: datetime
    updated_at: datetime
    position: int
    attempts: int
    due_at: datetime
    problem: str | None
    disabled_at: datetime | None
    previous_until: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver an event: `status` is that of the answer, `reason` why it failed."""

    event_id: str
    type: str
    position: int
    attempt: int
    at: datetime
    delivered: bool
    status: int | None
    reason: str | None
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt means for the endpoint: its cursor, when it is tried again, and whether it ends."""

    position: int
    attempts: int
    due_at: datetime
    problem: str | None = None
    disabled: bool = False


class Webhooks:
    """Stores webhook endpoints. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add_webhook(self, now: datetime, position: int, fields: Mapping[str, Any]) -> bool:
        """Adds an endpoint that gets what follows a position. Returns False when this id exists."""
        return self.change_rows(INSERT_WEBHOOK, {**fields, "now": now, "position": position})

    def list_webhooks(self) -> list[Webhook]:
        """Lists all endpoints, oldest first."""
        return self.fetch_webhooks(SELECT_WEBHOOKS, ())

    def find_webhook(self, id: UUID) -> Webhook | None:
        """Returns an endpoint, or None."""
        return next(iter(self.fetch_webhooks(SELECT_WEBHOOK, (id,))), None)

    def remove_webhook(self, id: UUID) -> bool:
        """Removes an endpoint with its deliveries. Returns False when there was none."""
        return self.change_rows(DELETE_WEBHOOK, (id,))

    def update_webhook(self, webhook: Webhook, now: datetime, fields: Mapping[str, Any]) -> bool:
        """Changes an endpoint; its next event is tried at once. Returns False when its secrets changed meanwhile."""
        current = {
            name: getattr(webhook, name) for name in ("id", "sealed", "types", "event_names", "details", "active")
        }
        return self.change_rows(UPDATE_WEBHOOK, {**current, **fields, "now": now, "earlier": webhook.version})

    def replace_secret(self, webhook: Webhook, sealed: bytes, until: datetime, now: datetime) -> bool:
        """Replaces the secrets; the one before signs too until an instant. Returns False when they have changed."""
        params = {"id": webhook.id, "sealed": sealed, "until": until, "now": now, "earlier": webhook.version}
        return self.change_rows(UPDATE_SIGNING, params)

    def rotate_encryption(self, webhook: Webhook, sealed: bytes) -> None:
        """Stores the same secrets encrypted with another secret key."""
        self.change_rows(UPDATE_ENCRYPTION, (sealed, webhook.id, webhook.sealed))

    def move_cursor(self, id: UUID, position: int, now: datetime) -> bool:
        """Moves a cursor: what follows this position is delivered again. Returns False without such an endpoint."""
        return self.change_rows(UPDATE_POSITION, {"id": id, "position": position, "now": now})

    def mark_due(self, id: UUID, now: datetime) -> None:
        """Makes the next attempt due now, if it is later."""
        self.change_rows(UPDATE_DUE, (now, id, now))

    def lease_due_webhooks(
        self, lease: UUID, now: datetime, until: datetime, settled: int, limit: int
    ) -> list[Webhook]:
        """Leases endpoints that are due and have events at or before a settled position, at most `limit`."""
        params = {"lease": lease, "now": now, "until": until, "settled": settled, "most": limit}
        return self.fetch_webhooks(LEASE_DUE, params)

    def release_lease(self, id: UUID, lease: UUID) -> None:
        """Releases a lease, if it is still held."""
        self.change_rows(RELEASE, (id, lease))

    def list_events(self, webhook: Webhook, until: int, limit: int) -> list[DictRow]:
        """Lists the next events for an endpoint: position, stream_id, version, name, occurred_at, data."""
        params = {"names": webhook.event_names, "after": webhook.position, "until": until, "most": limit}
        return self.database.fetch_rows(SELECT_EVENTS, params)

    def record_outcome(self, webhook: Webhook, lease: UUID, at: datetime, outcome: Outcome) -> bool:
        """Records what an attempt means. Returns False when the endpoint or the lease changed meanwhile."""
        params = {
            "id": webhook.id,
            "lease": lease,
            "earlier": webhook.position,
            "at": at,
            **asdict(outcome),
        }
        return self.change_rows(RECORD_OUTCOME, params)

    def add_delivery(self, webhook_id: UUID, attempt: Attempt) -> None:
        """Adds an attempt to the deliveries of an endpoint, unless it was removed."""
        self.change_rows(INSERT_DELIVERY, {"webhook_id": webhook_id, **asdict(attempt)})

    def list_deliveries(self, id: UUID, limit: int, before: int | None = None) -> list[DictRow]:
        """Lists attempts with an id below `before`, newest first: id and the fields of Attempt."""
        return self.database.fetch_rows(SELECT_DELIVERIES, {"id": id, "before": before, "limit": limit})

    def delete_deliveries_before(self, instant: datetime) -> None:
        """Deletes the attempts from before an instant."""
        self.change_rows(DELETE_DELIVERIES, (instant,))

    def lease_notice(self, now: datetime, next_at: datetime) -> Webhook | None:
        """Leases an endpoint whose owner is to be told that it ended; it is due again at `next_at`."""
        return next(iter(self.fetch_webhooks(LEASE_NOTICE, {"now": now, "next": next_at})), None)

    def end_notice(self, id: UUID) -> None:
        """Records that the owner was told."""
        self.change_rows(END_NOTICE, (id,))

    def fetch_webhooks(self, query: str, params: Mapping[str, Any] | Sequence[Any]) -> list[Webhook]:
        """Returns the endpoints that a query finds."""
        return [Webhook(**row) for row in self.database.fetch_rows(query, params)]

    def change_rows(self, query: str, params: Mapping[str, Any] | Sequence[Any]) -> bool:
        """Runs a statement. Returns whether it changed a row."""
        return bool(self.database.fetch_rows(query, params))
