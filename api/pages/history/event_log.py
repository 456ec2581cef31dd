"""The event log as a filtered list; each event is described in a sentence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import CurrentServices
from api.pages.meetings.meeting_log import MAX_CHOICES, resolve_day_bound
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, OptionalDay, OptionalId, PageCursor, RowNumber
from api.pages.rendering.story import EventGroup, group_by_meeting
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.history import redact_event
from domain.notifications.rules import CHANNEL_BY_EVENT
from projections import people
from projections.queries.pagination import Page
from replay.history import event_history
from replay.history.event_history import HistoryFilters

router = APIRouter(prefix="/history", include_in_schema=False, route_class=PageRoute)

FilterText = Annotated[str | None, Blank, Query(max_length=100)]
ACTOR_KINDS = [("person", "People"), ("guest", "Guests"), ("system", "The system")]


@router.get("")
def show_log(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    type: FilterText = None,
    actor: FilterText = None,
    stream_id: OptionalId = None,
    recorded_from: OptionalDay = None,
    recorded_to: OptionalDay = None,
    cursor: PageCursor = None,
    row: RowNumber = 1,
) -> Response:
    """Show every event, newest first (auditor, admin)."""
    viewer.require_any_role("auditor", "admin")
    zone = viewer.person.properties.time_zone
    begin, end = (
        resolve_day_bound("recorded_from", recorded_from, zone),
        resolve_day_bound("recorded_to", recorded_to, zone),
    )
    filters = build_filters(type, actor, stream_id, begin, end)
    page = event_history.list_events(services.database, filters, "-position", cursor=cursor, zone=zone)
    events = [redact_event(viewer, event) for event in page.items]
    names_one_notification = type in CHANNEL_BY_EVENT  # each of them is looked for
    return render_page(
        request,
        "history/log.html",
        page=Page(events, page.next_cursor),
        groups=list_single_events(events) if names_one_notification else group_by_meeting(events),
        row=row,
        filters=filters,
        days={"recorded_from": recorded_from, "recorded_to": recorded_to},
        narrowed=any((type, actor, stream_id, recorded_from, recorded_to)),
        types=[(name, format_event_name(name)) for name in event_history.list_event_names()],
        actors=ACTOR_KINDS + list_person_options(services),
    )


def list_single_events(events: Sequence[Any]) -> list[EventGroup]:
    """Return events each as a group of its own."""
    return [{"events": [(event["version"], event)], "deliveries": []} for event in events]


def build_filters(
    type: str | None, actor: str | None, stream: UUID | None, begin: datetime | None, end: datetime | None
) -> HistoryFilters:
    """Build the filters of the event log."""
    return HistoryFilters(type=type, actor=actor, stream_id=stream, recorded_from=begin, recorded_to=end)


def list_person_options(services: Services) -> list[tuple[str, str]]:
    """Return (id, name) of each person, by name."""
    people_rows: Any = people.list_people(services.live_source, sort="name", limit=MAX_CHOICES).items
    return [(str(person["id"]), person["name"]) for person in people_rows]


def format_event_name(name: str) -> str:
    """Return an event's name as words: `LinkUpdated` becomes `Link updated`."""
    words = "".join(f" {character.lower()}" if character.isupper() else character for character in name).strip()
    return words[:1].upper() + words[1:]
