"""A stream's timeline, and the state after each of its events."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.pages.history.state_at_event import StateField, describe_state
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.story import group_notifications
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.history import redact_event
from domain.refusals import NotFound
from replay.as_of import AsOfQuery
from replay.history import event_history
from replay.history.event_rows import HistoryRow

router = APIRouter(prefix="/history", include_in_schema=False, route_class=PageRoute)

Step = Annotated[int | None, Query(ge=1, le=1_000_000_000)]


@router.get("/{id}")
def show_timeline(request: Request, services: CurrentServices, viewer: Viewer, id: Id, step: Step = None) -> Response:
    """Show a stream's events and the state after one of them, by default the last one (auditor, admin)."""
    viewer.require_any_role("auditor", "admin")
    zone = viewer.person.properties.time_zone
    events = [redact_event(viewer, event) for event in load_events(services, id, zone)]
    selected_step = min(step or len(events), len(events))
    facts = describe_state_after(services, viewer, id, events, selected_step)
    return render_page(
        request,
        "history/stream.html",
        id=id,
        events=events,
        groups=group_notifications(events),
        step=selected_step,
        event=events[selected_step - 1],
        facts=facts,
    )


def load_events(services: Services, id: UUID, zone: str) -> list[HistoryRow]:
    """Return all events of a stream, with times in a zone. Raises NotFound."""
    rows: list[HistoryRow] = []
    cursor = None
    while True:
        page = event_history.list_stream_events(services.database, id, cursor=cursor, zone=zone)
        if page is None:
            raise NotFound
        rows += page.items
        cursor = page.next_cursor
        if cursor is None:
            return rows


def describe_state_after(services: Services, viewer: Any, id: UUID, events: list[Any], step: int) -> list[StateField]:
    """Return the state after an event, with the fields that this event changed marked."""
    after = describe_state_at(services, viewer, id, events[step - 1]["position"])
    before = describe_state_at(services, viewer, id, events[step - 2]["position"]) if step > 1 else {}
    return [StateField(name, value, step > 1 and before.get(name) != value) for name, value in after.items()]


def describe_state_at(services: Services, viewer: Any, id: UUID, position: int) -> dict[str, Any]:
    """Return the state at a position, by label."""
    as_of = AsOfQuery.from_request(services.database, position, viewer.context.now)
    return describe_state(as_of.source, id, as_of.now, viewer)
