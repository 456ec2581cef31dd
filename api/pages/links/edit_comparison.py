"""Shared by the edit pages of links and managed links: an earlier version, the events since, the conflict page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request, Response

from api.pages.links.change_summary import Comparison, ValueFormatter, compare_edits
from api.pages.rendering.templates import render_page
from api.services import Services
from domain.link import Link
from domain.managed_link import ManagedLink
from replay.history import event_history
from replay.history.event_history import HistoryFilters

AnyLink = TypeVar("AnyLink", Link, ManagedLink)
MAX_RECENT_EVENTS = 20


def load_properties_at(services: Services, link: AnyLink, version: int | None) -> dict[str, Any]:
    """Return the properties at a version; the current ones if the version is None, unknown or current."""
    if version is None or not 1 <= version < link.version:
        return dict(link.properties)
    events = services.reader.read_events_after({link.id: 0})[link.id]
    earlier_link = type(link)(link.id).copy_with_events(
        event for event in events if event.originator_version <= version
    )
    return dict(earlier_link.properties)


def list_events_since(services: Services, id: UUID, version: int | None, zone: str) -> list[Any]:
    """Return the events of a stream after a version, newest first, as rows of the history with times in a zone."""
    page = event_history.list_events(
        services.database, HistoryFilters(stream_id=id), "-position", MAX_RECENT_EVENTS, zone=zone
    )
    return [row for row in page.items if version is not None and row["version"] > version]


@dataclass(frozen=True)
class EditConflict:
    """Two edits of the same thing: the values of these fields before, and after either edit."""

    fields: Mapping[str, str]
    before: Mapping[str, Any]
    theirs: Mapping[str, Any]
    mine: Mapping[str, Any]

    def compare_edits(self, services: Services, zone: str) -> Comparison:
        """Compare the two edits field by field, formatted for people."""
        formatter = ValueFormatter.from_properties(services, zone, self.before, self.theirs, self.mine)
        return compare_edits(self.fields, self.before, self.theirs, self.mine, formatter)


def render_conflict_page(
    request: Request,
    services: Services,
    comparison: Comparison,
    link: AnyLink,
    version: int | None,
    path: str,
    zone: str,
) -> Response:
    """Render the page that compares two edits, in the editor's zone, where the second one chooses for each field."""
    return render_page(
        request,
        "links/conflict.html",
        412,
        comparison=comparison,
        thing=link,
        meanwhile=list_events_since(services, link.id, version, zone),
        path=path,
    )
