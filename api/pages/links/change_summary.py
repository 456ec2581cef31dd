"""Describes what an edit changes, field by field, and compares two edits of the same thing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from api.pages.links.form import format_local_time
from api.pages.rendering.time_formatting import format_instant
from api.services import Services
from domain.text_direction import isolate_text

LINK_FIELDS = {
    "name": "Name",
    "slug": "Slug",
    "meeting_type_id": "Meeting type",
    "co_host_ids": "Co-hosts",
    "team_id": "Team",
    "expires_at": "Expires",
    "single_use_only": "Single-use only",
    "default_lifetime_days": "Lifetime of single-use links",
    "in_library": "In the library",
}
MANAGED_LINK_FIELDS = {
    "name": "Name",
    "slug": "Slug",
    "meeting_type_id": "Meeting type",
    "host_ids": "Hosts",
    "team_id": "Team",
    "expires_at": "Expires",
    "single_use_only": "Single-use only",
    "default_lifetime_days": "Lifetime of single-use links",
}
ABSENT = {"team_id": "No team", "default_lifetime_days": "No limit"}


@dataclass(frozen=True)
class ValueFormatter:
    """Formats values of fields, for people and for forms. Times are in `zone`; `names` maps ids to names."""

    zone: str
    names: Mapping[UUID, str]

    @classmethod
    def from_properties(cls, services: Services, zone: str, *properties: Mapping[str, Any]) -> "ValueFormatter":
        """Create a formatter that knows the current names of everything these properties refer to."""
        ids = {id for values in properties for value in values.values() for id in find_ids(value)}
        aggregates = services.links.load_aggregates(ids)
        return cls(zone, {id: cast(Any, aggregate).properties.name for id, aggregate in aggregates.items()})

    def get_name(self, id: UUID) -> str:
        """Return the name of an id."""
        return self.names.get(id, "somebody unknown")

    def format_value(self, value: Any, field: str = "") -> str:
        """Return a value as people read it; the field says what it means that there is none."""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, int):
            return f"{value} {'day' if value == 1 else 'days'}"
        if isinstance(value, UUID):
            return self.get_name(value)
        if isinstance(value, list | tuple):
            return ", ".join(isolate_text(self.get_name(id)) for id in value) or "Nobody"
        if value is None:
            return ABSENT.get(field, "Never")
        return value if isinstance(value, str) else format_instant(value, self.zone)

    def to_form_value(self, value: Any) -> str:
        """Return a value as a form's field sends it."""
        if isinstance(value, bool):
            return "on" if value else ""
        if isinstance(value, list | tuple):
            return ",".join(map(str, value))
        return str(value) if isinstance(value, str | UUID | int) else format_local_time(value, self.zone)


def find_ids(value: Any) -> Iterator[UUID]:
    """Yield the ids that a value consists of."""
    values = value if isinstance(value, list | tuple) else [value]
    yield from (item for item in values if isinstance(item, UUID))


@dataclass(frozen=True)
class Change:
    """One field that an edit changes, formatted. For a list of people: who is removed and who is added."""

    label: str
    before: str
    after: str


def list_changes(
    fields: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any], formatter: ValueFormatter
) -> list[Change]:
    """Return the fields that an edit changes."""
    return [
        describe_change(field, label, before[field], after[field], formatter)
        for field, label in fields.items()
        if before[field] != after[field]
    ]


def describe_change(field: str, label: str, before: Any, after: Any, formatter: ValueFormatter) -> Change:
    """Describe the change of one field."""
    if not isinstance(before, tuple):
        return Change(label, formatter.format_value(before, field), formatter.format_value(after, field))
    removed, added = (
        [person for person in people if person not in others] for people, others in ((before, after), (after, before))
    )
    return Change(
        label, formatter.format_value(removed) if removed else "", formatter.format_value(added) if added else ""
    )


@dataclass(frozen=True)
class Difference:
    """A field that differs after two edits. `clash`: both changed it. `propose_mine`: mine is preselected."""

    field: str
    label: str
    before: str
    theirs: str
    mine: str
    theirs_typed: str
    mine_typed: str
    clash: bool
    propose_mine: bool


@dataclass(frozen=True)
class Comparison:
    """Two edits of the same thing: the fields that differ, and the form values of the others."""

    differences: list[Difference]
    agreed: dict[str, str]


def compare_edits(
    fields: Mapping[str, str],
    before: Mapping[str, Any],
    theirs: Mapping[str, Any],
    mine: Mapping[str, Any],
    formatter: ValueFormatter,
) -> Comparison:
    """Compare two edits made on `before`. The fields that differ propose mine if I changed them."""
    differences = [
        Difference(
            field=field,
            label=label,
            before=formatter.format_value(before[field], field),
            theirs=formatter.format_value(theirs[field], field),
            mine=formatter.format_value(mine[field], field),
            theirs_typed=formatter.to_form_value(theirs[field]),
            mine_typed=formatter.to_form_value(mine[field]),
            clash=before[field] not in (theirs[field], mine[field]),
            propose_mine=mine[field] != before[field],
        )
        for field, label in fields.items()
        if theirs[field] != mine[field]
    ]
    agreed = {field: formatter.to_form_value(mine[field]) for field in fields if theirs[field] == mine[field]}
    return Comparison(differences, agreed)
