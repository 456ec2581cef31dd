"""What an event changed, from which value to which, with the names at that position."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from domain.event import Properties
from domain.link import LinkProperties
from domain.managed_link import ManagedLinkProperties
from domain.meeting_type import MeetingTypeProperties
from domain.organisation import OrganisationProperties
from domain.person import PersonProperties
from domain.team import TeamProperties
from replay.history.event_context import ID_FIELDS, ID_LIST_FIELDS, EventContext
from replay.history.event_rows import Change, LogRow, to_id, to_object

PROPERTIES: dict[str, type[Properties]] = {
    "PersonUpdated": PersonProperties,
    "MeetingTypeUpdated": MeetingTypeProperties,
    "TeamUpdated": TeamProperties,
    "ManagedLinkUpdated": ManagedLinkProperties,
    "LinkUpdated": LinkProperties,
    "OrganisationUpdated": OrganisationProperties,
}
UPDATED_FIELDS: dict[str, tuple[str, ...]] = {
    **{name: tuple(field for field in kind.model_fields if field != "links") for name, kind in PROPERTIES.items()},
    "Rescheduled": ("starts_at", "ends_at"),
    "MeetingReassigned": ("host_ids",),
}
# what a field is in events that are stored under a version from before the field
DEFAULTS: dict[tuple[str, str], Any] = {
    (name, field): to_jsonable_python(info.default)
    for name, kind in PROPERTIES.items()
    for field, info in kind.model_fields.items()
    if not info.is_required() and info.default_factory is None
}


def list_changes(row: LogRow, context: EventContext) -> list[Change]:
    """The fields that an update changed, compared with what its stream said before; empty for other events."""
    return list(_iterate_changes(row, context))


def _iterate_changes(row: LogRow, context: EventContext) -> Iterator[Change]:
    for field in UPDATED_FIELDS.get(row.name, ()):
        default = DEFAULTS.get((row.name, field))
        before = row.data.get(f"previous_{field}", row.before.get(field, default))
        after = row.data.get(field, default)
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
    if field == "members" and isinstance(value, list):
        return [resolve_member(to_object(item), row, context) for item in value]
    return value


def resolve_member(member: Mapping[str, Any], row: LogRow, context: EventContext) -> Any:
    """A member of a team as {id, name, weight, priority}."""
    reference = to_object(resolve_reference(member.get("person_id"), row, context))
    return {**reference, "weight": member.get("weight"), "priority": member.get("priority")}


def resolve_reference(value: Any, row: LogRow, context: EventContext) -> Any:
    """An id as {id, name}. A value that is no id is returned unchanged."""
    id = to_id(value)
    return value if id is None else {"id": id, "name": context.find_name(id, row)}
