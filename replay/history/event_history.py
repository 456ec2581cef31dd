"""The history: every event of the log in its order, each told as a sentence."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.event import Event
from domain.refusals import Invalid
from projections.queries.pagination import MOST_ROWS, Page
from projections.queries.query import Where
from replay.history.event_context import surroundings
from replay.history.event_rows import HistoryRow, LogRow
from replay.history.sentences import told
from replay.instants import first_recorded, last_recorded
from replay.settled import settled
from store.database import Database

# each as the index that finds it wants it asked
KINDS: dict[str, dict[str, object]] = {
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
# what an update is compared with: the last event before it in its stream that says what the thing, or meeting, is
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
    """What the history is narrowed to: positions after one and until one, recorded in [from, to).

    `type` is the name of an event, with its version or without; `actor` a person's id, or `person`, `guest`, `system`.
    """

    after: int = 0
    until_position: int | None = None
    type: str | None = None
    stream_id: UUID | None = None
    actor: str | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None


def page(
    db: Database, filters: HistoryFilters, sort: str = "position", limit: int = 50, cursor: str | None = None
) -> Page[HistoryRow]:
    """Settled events in the order of the log, or newest first (`-position`); a reader who pages never misses one.

    Raises Invalid for a type that no event has, for an actor that is none, and for a foreign cursor.
    """
    newest_first = sort == "-position"
    bounds = bounded(db, narrowed(filters, sort, cursor))
    order = "e.position DESC" if newest_first else "e.position"
    return asked(db, bounds, order, limit, lambda row: cursor_of(sort, row.position))


def stream(db: Database, id: UUID, limit: int = MOST_ROWS, cursor: str | None = None) -> Page[HistoryRow] | None:
    """One stream's whole story, always current, in pages; None when there is no such stream.

    Within a stream versions have no gaps and appear in their order, so there is nothing to wait for. Raises Invalid.
    """
    after = 0 if cursor is None else place(f"stream {id}", cursor)
    where = Where((FILTERS["stream_id"], FILTERS["after_version"]), {"stream_id": id, "after_version": after})
    found = asked(db, where, "e.version", limit, lambda row: cursor_of(f"stream {id}", row.version))
    return found if found.items or db.rows(EXISTS, {"stream_id": id}) else None


def asked(db: Database, where: Where, order: str, limit: int, cursor: Callable[[LogRow], str]) -> Page[HistoryRow]:
    """One page of events, told. It is planned for these very filters."""
    limit = max(1, min(limit, MOST_ROWS))
    query = ROWS.replace("{where}", " AND ".join(where.conditions)).replace("{order}", order)
    with db.connection() as connection:
        found = connection.execute(db.text(query), {**where.params, "limit": limit + 1}, prepare=False).fetchall()
    rows = [LogRow.read(row) for row in found]
    items = told(rows[:limit], surroundings(db, rows[:limit]))
    return Page(items, cursor(rows[limit - 1]) if len(rows) > limit else None)


def narrowed(filters: HistoryFilters, sort: str, cursor: str | None) -> HistoryFilters:
    """The filters, from where a cursor leads on. Raises Invalid."""
    if cursor is None:
        return filters
    at = place(sort, cursor)
    if sort == "-position":
        return replace(filters, until_position=min(at - 1, filters.until_position or at))
    return replace(filters, after=max(at, filters.after))


def bounded(db: Database, filters: HistoryFilters) -> Where:
    """The conditions of the filters on the settled log; instants also bound the positions that need a look."""
    end = settled(db)
    given = asdict(filters) | by_type(filters.type) | by_actor(filters.actor)
    given["until_position"] = end if filters.until_position is None else min(end, filters.until_position)
    if filters.recorded_from is not None:
        given["after"] = max(filters.after, first_recorded(db, filters.recorded_from, end) - 1)
    if filters.recorded_to is not None:
        given["until_position"] = min(given["until_position"], last_recorded(db, filters.recorded_to, end) or 0)
    return Where(tuple(FILTERS[name] for name in FILTERS if given.get(name) is not None), given)


def by_type(name: str | None) -> dict[str, str | None]:
    """How events of a name are found, all its versions where none is said. Raises Invalid."""
    if name is None:
        return {}
    names = event_names()
    if name in names:
        return {"type_name": name, "type": None}
    if name not in Event.catalogue:
        raise Invalid("type", f"There is no such event; the events are {', '.join(names)}.")
    return {"type_name": name.split(".")[0], "type": name}


def by_actor(actor: str | None) -> dict[str, object]:
    """How events of an actor are found. Raises Invalid."""
    if actor is None:
        return {}
    if actor in KINDS:
        return dict(KINDS[actor])
    try:
        return {"actor_id": str(UUID(actor))}
    except ValueError:
        raise Invalid("actor", "Send the id of a person, or person, guest or system.") from None


def event_names() -> Sequence[str]:
    """The names of all events, without their versions."""
    return sorted({name.split(".")[0] for name in Event.catalogue})


def cursor_of(list_name: str, at: int) -> str:
    """The cursor of the page of a list that goes on after a place."""
    return urlsafe_b64encode(json.dumps(["history", list_name, at]).encode()).decode().rstrip("=")


def place(list_name: str, cursor: str) -> int:
    """The place after which a cursor goes on. Raises Invalid for one that is malformed or of another list."""
    try:
        of, name, at = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        of, name, at = None, None, None
    if (of, name) != ("history", list_name) or type(at) is not int or not 0 <= at < 2**63:
        raise Invalid("cursor", "This cursor does not belong to this list.")
    return at
