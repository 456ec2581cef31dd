"""What editing a link and editing a managed link share: the thing as it was, who changed it since, the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request, Response

from api.pages.links.change_summary import Comparison, Wording, compared
from api.pages.rendering.templates import render
from api.services import Oncelink
from domain.link import Link
from domain.managed_link import ManagedLink
from replay.history import event_history
from replay.history.event_history import HistoryFilters

Thing = TypeVar("Thing", Link, ManagedLink)
MEANWHILE_SHOWN = 20


def properties_at(parts: Oncelink, thing: Thing, version: int | None) -> dict[str, Any]:
    """The properties that somebody saw who began to edit at this version; those of now for a version unknown."""
    if version is None or not 1 <= version < thing.version:
        return dict(thing.properties)
    events = parts.reader.events_after({thing.id: 0})[thing.id]
    was = type(thing)(thing.id).after(one for one in events if one.originator_version <= version)
    return dict(was.properties)


def meanwhile(parts: Oncelink, id: UUID, version: int | None) -> list[Any]:
    """What happened to a thing since a version, newest first, as the history tells it."""
    found = event_history.page(parts.database, HistoryFilters(stream_id=id), "-position", MEANWHILE_SHOWN)
    return [row for row in found.items if version is not None and row["version"] > version]


@dataclass(frozen=True)
class Conflict:
    """Two edits of one thing: before, theirs and mine, of these fields."""

    fields: Mapping[str, str]
    before: Mapping[str, Any]
    theirs: Mapping[str, Any]
    mine: Mapping[str, Any]

    def comparison(self, parts: Oncelink, zone: str) -> Comparison:
        """Field by field, in words."""
        wording = Wording.of(parts, zone, self.before, self.theirs, self.mine)
        return compared(self.fields, self.before, self.theirs, self.mine, wording)


def shown(
    request: Request, parts: Oncelink, comparison: Comparison, thing: Thing, version: int | None, path: str
) -> Response:
    """The page that compares two edits, for the second of them to choose."""
    return render(
        request,
        "links/conflict.html",
        412,
        comparison=comparison,
        thing=thing,
        meanwhile=meanwhile(parts, thing.id, version),
        path=path,
    )
