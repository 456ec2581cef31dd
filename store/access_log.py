"""The access log: who came in, what they took along, whose rights they changed. A plain table with a retention."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from store.database import Database

AccessKind = Literal[
    "sign_in",
    "sign_in_refused",
    "sign_out",
    "identity_bound",
    "identity_unbound",
    "key_made",
    "key_used_from_new_address",
    "key_revoked",
    "export",
    "bulk_read",
    "erasure",
    "role_change",
]
COLUMNS = "id, at, kind, reason, actor_id, person_id, client, request_id, details"
INSERT_ENTRY = """
INSERT INTO {schema}.access_log (at, kind, reason, actor_id, person_id, client, request_id, details)
VALUES (%(at)s, %(kind)s, %(reason)s, %(actor_id)s, %(person_id)s, %(client)s, %(request_id)s, %(details)s) RETURNING id
"""
INSERT_ENTRY_ONCE = """
INSERT INTO {schema}.access_log (at, kind, reason, actor_id, person_id, client, request_id, details)
SELECT %(at)s, %(kind)s, %(reason)s, %(actor_id)s, %(person_id)s, %(client)s, %(request_id)s, %(details)s
WHERE NOT EXISTS (
    SELECT FROM {schema}.access_log
    WHERE person_id = %(person_id)s AND kind = %(kind)s AND details = %(details)s AND at > %(since)s
        AND client IS NOT DISTINCT FROM %(client)s
) RETURNING id
"""
SELECT_ENTRIES = f"""
SELECT {COLUMNS} FROM {{schema}}.access_log
WHERE (%(before)s::bigint IS NULL OR id < %(before)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(person)s::uuid IS NULL OR person_id = %(person)s OR actor_id = %(person)s)
    AND (%(begin)s::timestamptz IS NULL OR at >= %(begin)s)
    AND (%(end)s::timestamptz IS NULL OR at < %(end)s)
ORDER BY id DESC LIMIT %(limit)s
"""
DELETE_OLD = "DELETE FROM {schema}.access_log WHERE at < %s RETURNING id"


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One entry: what happened, by whom and about whom, from which address. `details` hold no personal details."""

    at: datetime
    kind: AccessKind
    request_id: str
    client: str | None = None
    actor_id: UUID | None = None
    person_id: UUID | None = None
    reason: str | None = None
    details: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessFilters:
    """Which entries to list: of a kind, about or by a person, from `begin` until before `end`."""

    kind: str | None = None
    person_id: UUID | None = None
    begin: datetime | None = None
    end: datetime | None = None


class AccessLog:
    """Stores entries. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, entry: AccessEntry) -> None:
        """Adds an entry."""
        self.database.fetch_rows(INSERT_ENTRY, build_params(entry))

    def add_once(self, entry: AccessEntry, period: timedelta) -> bool:
        """Adds an entry about a person unless its like was added within the period before. Returns whether it did."""
        return bool(self.database.fetch_rows(INSERT_ENTRY_ONCE, build_params(entry) | {"since": entry.at - period}))

    def list_entries(self, filters: AccessFilters, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """Lists entries with an id below `before`, newest first: id and the fields of AccessEntry."""
        params = {
            "before": before,
            "kind": filters.kind,
            "person": filters.person_id,
            "begin": filters.begin,
            "end": filters.end,
            "limit": limit,
        }
        return self.database.fetch_rows(SELECT_ENTRIES, params)

    def delete_older_than(self, instant: datetime) -> int:
        """Deletes the entries from before an instant. Returns how many."""
        return len(self.database.fetch_rows(DELETE_OLD, (instant,)))


def build_params(entry: AccessEntry) -> dict[str, Any]:
    """Returns the parameters of the statements that add an entry."""
    params = {name: getattr(entry, name) for name in AccessEntry.__dataclass_fields__}
    return params | {"details": Jsonb(dict(entry.details))}
