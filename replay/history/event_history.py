"""The history: every event of the log in order, each described by a sentence."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.event import Event
from domain.refusals import Invalid
from projections.queries.pagination import MAX_ROWS, Page
from projections.queries.query import WhereClause
from replay.history.event_context import load_event_context
from replay.history.event_rows import HistoryRow, LogRow
from replay.history.sentences import to_history_rows
from replay.instants import find_first_position, find_last_position
from replay.settled import find_settled_position
from store.database import Database

# each in the form that its index supports
ACTOR_KIND_FILTERS: dict[str, dict[str, object]] = {
    "person": {"actor_kind": "person"},
    "guest": {"actor_id": "guest"},
    "system": {"is_system": True},
}

FILTERS = {
    "after": "e.position > %(after)s",
    "until_position": "e.position <= %(until_position)s",
    "type_name": "split_part(e.type, '.', 1) = %(type_name)s",
    "type": "e.type = %(type)s",
    "stream_id": "e.stream_id = %(stream_id)s",
    "actor_id": "coalesce(e.data #>> '{{actor,id}}', e.data #>> '{{actor,kind}}') = %(actor_id)s",
    "actor_kind": "e.data #>> '{{actor,kind}}' = %(actor_kind)s",
    "is_system": "e.data #>> '{{actor,kind}}' = 'system'",
    "recorded_from": "e.recorded_at >= %(recorded_from)s",
    "recorded_to": "e.recorded_at < %(recorded_to)s",
    "after_version": "e.version > %(after_version)s",
}
# the last earlier event of the stream that has the values which an update changes
BEFORE = """CASE WHEN e.type ~ '^(Rescheduled|MeetingCancelled|[A-Za-z]+Updated)[.]' THEN (
    SELECT b.data FROM {schema}.events AS b
    WHERE b.stream_id = e.stream_id AND b.version < e.version AND (b.data ? 'name' OR b.data ? 'starts_at')
    ORDER BY b.version DESC LIMIT 1) END"""
ROWS = f"""
SELECT e.position, e.recorded_at, e.stream_id, e.version, e.type, e.data, {BEFORE} AS before
FROM {{schema}}.events AS e WHERE {{where}} ORDER BY {{order}} LIMIT %(limit)s
"""
EXISTS = "SELECT FROM {schema}.events WHERE stream_id = %(stream_id)s LIMIT 1"


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """Filters of the history: positions after one and until one, recorded in [from, to).

    `type` is the name of an event, with its version or without; `actor` a person's id, or `person`, `guest`, `system`.
    """

    after: int = 0
    until_position: int | None = None
    type: str | None = None
    stream_id: UUID | None = None
    actor: str | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None


def list_events(
    db: Database,
    filters: HistoryFilters,
    sort: str = "position",
    limit: int = 50,
    cursor: str | None = None,
    zone: str | None = None,
) -> Page[HistoryRow]:
    """One page of settled events in the order of the log, or newest first (`-position`). Pages never miss an event.

    `zone` is that of times in sentences, UTC if there is none. Raises Invalid for an unknown type or actor, and for a
    foreign cursor.
    """
    newest_first = sort == "-position"
    where = build_where_clause(db, apply_cursor(filters, sort, cursor))
    order = "e.position DESC" if newest_first else "e.position"
    return fetch_page(db, where, order, limit, lambda row: encode_cursor(sort, row.position), zone)


def list_stream_events(
    db: Database, id: UUID, limit: int = MAX_ROWS, cursor: str | None = None, zone: str | None = None
) -> Page[HistoryRow] | None:
    """One page of a stream's events, always current; None when there is no such stream.

    The versions of a stream have no gaps and appear in order, so there is nothing to wait for. Raises Invalid.
    """
    after = 0 if cursor is None else decode_cursor(f"stream {id}", cursor)
    where = WhereClause((FILTERS["stream_id"], FILTERS["after_version"]), {"stream_id": id, "after_version": after})
    event_page = fetch_page(db, where, "e.version", limit, lambda row: encode_cursor(f"stream {id}", row.version), zone)
    return event_page if event_page.items or db.fetch_rows(EXISTS, {"stream_id": id}) else None


def fetch_page(
    db: Database,
    where: WhereClause,
    order: str,
    limit: int,
    encode_row_cursor: Callable[[LogRow], str],
    zone: str | None,
) -> Page[HistoryRow]:
    """One page of events with their sentences. The statement is planned for these filters."""
    limit = max(1, min(limit, MAX_ROWS))
    query = ROWS.replace("{where}", " AND ".join(where.conditions)).replace("{order}", order)
    with db.acquire_connection() as connection:
        records = connection.execute(
            db.compose_query(query), {**where.params, "limit": limit + 1}, prepare=False
        ).fetchall()
    rows = [LogRow.from_record(row) for row in records]
    items = to_history_rows(rows[:limit], load_event_context(db, rows[:limit], zone))
    return Page(items, encode_row_cursor(rows[limit - 1]) if len(rows) > limit else None)


def apply_cursor(filters: HistoryFilters, sort: str, cursor: str | None) -> HistoryFilters:
    """The filters, continued from a cursor. Raises Invalid."""
    if cursor is None:
        return filters
    position = decode_cursor(sort, cursor)
    if sort == "-position":
        return replace(filters, until_position=min(position - 1, filters.until_position or position))
    return replace(filters, after=max(position, filters.after))


def build_where_clause(db: Database, filters: HistoryFilters) -> WhereClause:
    """The conditions of the filters on the settled log. Instants are also turned into bounds of positions."""
    settled_position = find_settled_position(db)
    filter_values = asdict(filters) | filter_by_type(filters.type) | filter_by_actor(filters.actor)
    filter_values["until_position"] = (
        settled_position if filters.until_position is None else min(settled_position, filters.until_position)
    )
    if filters.recorded_from is not None:
        filter_values["after"] = max(
            filters.after, find_first_position(db, filters.recorded_from, settled_position) - 1
        )
    if filters.recorded_to is not None:
        filter_values["until_position"] = min(
            filter_values["until_position"], find_last_position(db, filters.recorded_to, settled_position) or 0
        )
    return WhereClause(tuple(FILTERS[name] for name in FILTERS if filter_values.get(name) is not None), filter_values)


def filter_by_type(name: str | None) -> dict[str, str | None]:
    """The filters for an event name, in all versions if it has none. Raises Invalid."""
    if name is None:
        return {}
    known_names = list_event_names()
    if name in known_names:
        return {"type_name": name, "type": None}
    if name not in Event.catalogue:
        raise Invalid("type", f"There is no such event; the events are {', '.join(known_names)}.")
    return {"type_name": name.split(".")[0], "type": name}


def filter_by_actor(actor: str | None) -> dict[str, object]:
    """The filters for an actor. Raises Invalid."""
    if actor is None:
        return {}
    if actor in ACTOR_KIND_FILTERS:
        return dict(ACTOR_KIND_FILTERS[actor])
    try:
        return {"actor_id": str(UUID(actor))}
    except ValueError:
        raise Invalid("actor", "Send the id of a person, or person, guest or system.") from None


def list_event_names() -> Sequence[str]:
    """The names of all events, without their versions, sorted."""
    return sorted({name.split(".")[0] for name in Event.catalogue})


def encode_cursor(list_name: str, after: int) -> str:
    """The cursor of the page of a list that begins after a position or version."""
    return urlsafe_b64encode(json.dumps(["history", list_name, after]).encode()).decode().rstrip("=")


def decode_cursor(list_name: str, cursor: str) -> int:
    """The position or version after which a cursor's page begins. Raises Invalid for a malformed or foreign cursor."""
    try:
        kind, name, after = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        kind, name, after = None, None, None
    if (kind, name) != ("history", list_name) or type(after) is not int or not 0 <= after < 2**63:
        raise Invalid("cursor", "This cursor does not belong to this list.")
    return after
