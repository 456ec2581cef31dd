"""What an event changed, from which value to which, with the names at that position."""

from collections.abc import Iterator
from typing import Any

from domain.link import LinkProperties
from domain.managed_link import ManagedLinkProperties
from domain.meeting_type import MeetingTypeProperties
from domain.person import PersonProperties
from replay.history.event_context import ID_FIELDS, ID_LIST_FIELDS, EventContext
from replay.history.event_rows import Change, LogRow, to_id

UPDATED_FIELDS: dict[str, tuple[str, ...]] = {
    "PersonUpdated": tuple(PersonProperties.model_fields),
    "MeetingTypeUpdated": tuple(MeetingTypeProperties.model_fields),
    "ManagedLinkUpdated": tuple(name for name in ManagedLinkProperties.model_fields if name != "links"),
    "LinkUpdated": tuple(LinkProperties.model_fields),
    "Rescheduled": ("starts_at", "ends_at"),
    "MeetingReassigned": ("host_ids",),
}


def list_changes(row: LogRow, context: EventContext) -> list[Change]:
    """The fields that an update changed, compared with what its stream said before; empty for other events."""
    return list(_iterate_changes(row, context))


def _iterate_changes(row: LogRow, context: EventContext) -> Iterator[Change]:
    for field in UPDATED_FIELDS.get(row.name, ()):
        before, after = row.data.get(f"previous_{field}", row.before.get(field)), row.data.get(field)
        if before != after:
            yield {
                "field": field,
                "from": resolve_value(field, before, row, context),
                "to": resolve_value(field, after, row, context),
            }


def resolve_value(field: str, value: Any, row: LogRow, context: EventContext) -> Any:
    """A value of a payload; ids are replaced by {id, name}, with the name at the event's position."""
    if field in ID_FIELDS:
        return resolve_reference(value, row, context)
    if field in ID_LIST_FIELDS and isinstance(value, list):
        return [resolve_reference(item, row, context) for item in value]
    return value


def resolve_reference(value: Any, row: LogRow, context: EventContext) -> Any:
    """An id as {id, name}. A value that is no id is returned unchanged."""
    id = to_id(value)
    return value if id is None else {"id": id, "name": context.find_name(id, row)}
