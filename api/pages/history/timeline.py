"""One stream's timeline, and the thing as it stood after each of its events."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import Id, Parts
from api.pages.history.state_at_event import Fact, standing
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render
from api.services import Oncelink
from api.v1.history import shown
from domain.refusals import NotFound
from replay.as_of import AsOf
from replay.history import event_history
from replay.history.event_rows import HistoryRow

router = APIRouter(prefix="/history", include_in_schema=False, route_class=PageRoute)

Step = Annotated[int | None, Query(ge=1, le=1_000_000_000)]


@router.get("/{id}")
def travel(request: Request, parts: Parts, viewer: Viewer, id: Id, step: Step = None) -> Response:
    """A stream's events, and what it was after one of them (the last one unless asked otherwise)."""
    viewer.require("auditor", "admin")
    events = [shown(viewer, event) for event in whole(parts, id)]
    chosen = min(step or len(events), len(events))
    facts = stood(parts, viewer, id, events, chosen)
    return render(
        request, "history/stream.html", id=id, events=events, step=chosen, event=events[chosen - 1], facts=facts
    )


def whole(parts: Oncelink, id: UUID) -> list[HistoryRow]:
    """All events of a stream. Raises NotFound."""
    found: list[HistoryRow] = []
    cursor = None
    while True:
        page = event_history.stream(parts.database, id, cursor=cursor)
        if page is None:
            raise NotFound
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def stood(parts: Oncelink, viewer: Any, id: UUID, events: list[Any], step: int) -> list[Fact]:
    """What the thing was after an event; what this event changed of it is marked."""
    after = at(parts, viewer, id, events[step - 1]["position"])
    before = at(parts, viewer, id, events[step - 2]["position"]) if step > 1 else {}
    return [Fact(name, value, step > 1 and before.get(name) != value) for name, value in after.items()]


def at(parts: Oncelink, viewer: Any, id: UUID, position: int) -> dict[str, Any]:
    """What a thing was at a position."""
    asked = AsOf.asked(parts.database, position, viewer.context.now)
    return standing(asked.source, id, asked.now, viewer)
