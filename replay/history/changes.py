"""What an event changed, from what to what, with the names of that time."""

from collections.abc import Iterator
from typing import Any

from domain.link import LinkProperties
from domain.managed_link import ManagedLinkProperties
from domain.meeting_type import MeetingTypeProperties
from domain.person import PersonProperties
from replay.history.event_context import ONE, SEVERAL, Surroundings
from replay.history.event_rows import Change, LogRow, as_id

PROPERTIES: dict[str, tuple[str, ...]] = {
    "PersonUpdated": tuple(PersonProperties.model_fields),
    "MeetingTypeUpdated": tuple(MeetingTypeProperties.model_fields),
    "ManagedLinkUpdated": tuple(name for name in ManagedLinkProperties.model_fields if name != "links"),
    "LinkUpdated": tuple(LinkProperties.model_fields),
    "Rescheduled": ("starts_at", "ends_at"),
    "MeetingReassigned": ("host_ids",),
}


def changes(row: LogRow, known: Surroundings) -> list[Change]:
    """What an update changed, computed against what its stream said before; nothing for other events."""
    return list(_changes(row, known))


def _changes(row: LogRow, known: Surroundings) -> Iterator[Change]:
    for field in PROPERTIES.get(row.name, ()):
        before, after = row.data.get(f"previous_{field}", row.before.get(field)), row.data.get(field)
        if before != after:
            yield {"field": field, "from": shown(field, before, row, known), "to": shown(field, after, row, known)}


def shown(field: str, value: Any, row: LogRow, known: Surroundings) -> Any:
    """A value of a payload, an id with the name that it had at the event's position."""
    if field in ONE:
        return named(value, row, known)
    if field in SEVERAL and isinstance(value, list):
        return [named(one, row, known) for one in value]
    return value


def named(value: Any, row: LogRow, known: Surroundings) -> Any:
    """An id with its name; what is no id stays as it is."""
    id = as_id(value)
    return value if id is None else {"id": id, "name": known.name(id, row)}
