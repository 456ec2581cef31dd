"""What an edit changes, field by field in words, and how two edits of the same thing compare."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from api.pages.links.form import as_typed
from api.pages.rendering.time_formatting import in_words
from api.services import Oncelink

LINK_FIELDS = {
    "name": "Name",
    "slug": "Slug",
    "meeting_type_id": "Meeting type",
    "co_host_ids": "Co-hosts",
    "expires_at": "Expires",
    "in_library": "In the library",
}
MANAGED_LINK_FIELDS = {
    "name": "Name",
    "slug": "Slug",
    "meeting_type_id": "Meeting type",
    "host_ids": "Hosts",
    "expires_at": "Expires",
}


@dataclass(frozen=True)
class Wording:
    """Turns values of fields into words, and into what a form holds."""

    zone: str
    names: Mapping[UUID, str]

    @classmethod
    def of(cls, parts: Oncelink, zone: str, *properties: Mapping[str, Any]) -> "Wording":
        """The wording for these properties, with the current names of what they refer to."""
        ids = {id for one in properties for value in one.values() for id in ids_in(value)}
        found = parts.publishing.load(ids)
        return cls(zone, {id: cast(Any, thing).properties.name for id, thing in found.items()})

    def name(self, id: UUID) -> str:
        """The name of what has this id."""
        return self.names.get(id, "somebody unknown")

    def words(self, value: Any) -> str:
        """A value as people read it."""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, UUID):
            return self.name(value)
        if isinstance(value, list | tuple):
            return ", ".join(map(self.name, value)) or "Nobody"
        if value is None:
            return "Never"
        return value if isinstance(value, str) else in_words(value, self.zone)

    def typed(self, value: Any) -> str:
        """A value as a form's field sends it."""
        if isinstance(value, bool):
            return "on" if value else ""
        if isinstance(value, list | tuple):
            return ",".join(map(str, value))
        return str(value) if isinstance(value, str | UUID) else as_typed(value, self.zone)


def ids_in(value: Any) -> Iterator[UUID]:
    """The ids that a value consists of."""
    values = value if isinstance(value, list | tuple) else [value]
    yield from (one for one in values if isinstance(one, UUID))


@dataclass(frozen=True)
class Change:
    """One field of an edit, from what to what, in words; of several people, who goes and who comes."""

    label: str
    before: str
    after: str


def changes(
    fields: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any], wording: Wording
) -> list[Change]:
    """The fields that an edit changes."""
    return [
        change(label, before[field], after[field], wording)
        for field, label in fields.items()
        if before[field] != after[field]
    ]


def change(label: str, before: Any, after: Any, wording: Wording) -> Change:
    """One field that an edit changes."""
    if not isinstance(before, tuple):
        return Change(label, wording.words(before), wording.words(after))
    gone, come = ([one for one in some if one not in others] for some, others in ((before, after), (after, before)))
    return Change(label, wording.words(gone) if gone else "", wording.words(come) if come else "")


@dataclass(frozen=True)
class Difference:
    """One field that two edits leave different. `clash` says that both changed it, `mine` that mine is proposed."""

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
    """Two edits of the same thing: what differs, and what a form must send of the rest."""

    differences: list[Difference]
    agreed: dict[str, str]


def compared(
    fields: Mapping[str, str],
    before: Mapping[str, Any],
    theirs: Mapping[str, Any],
    mine: Mapping[str, Any],
    wording: Wording,
) -> Comparison:
    """My edit beside theirs, both made on `before`: what only one of us changed is proposed, what both did is mine."""
    differences = [
        Difference(
            field=field,
            label=label,
            before=wording.words(before[field]),
            theirs=wording.words(theirs[field]),
            mine=wording.words(mine[field]),
            theirs_typed=wording.typed(theirs[field]),
            mine_typed=wording.typed(mine[field]),
            clash=before[field] not in (theirs[field], mine[field]),
            propose_mine=mine[field] != before[field],
        )
        for field, label in fields.items()
        if theirs[field] != mine[field]
    ]
    agreed = {field: wording.typed(mine[field]) for field in fields if theirs[field] == mine[field]}
    return Comparison(differences, agreed)
