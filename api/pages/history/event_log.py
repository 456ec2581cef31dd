"""The log as a filtered list of sentences."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import Parts
from api.pages.meetings.meeting_log import MOST_CHOICES, Known, OnDay, instant_of
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, Row
from api.pages.rendering.templates import render
from api.services import Oncelink
from api.v1.history import shown
from projections import people
from projections.queries.pagination import Page
from replay.history import event_history
from replay.history.event_history import HistoryFilters

router = APIRouter(prefix="/history", include_in_schema=False, route_class=PageRoute)

Name = Annotated[str | None, Blank, Query(max_length=100)]
KINDS = [("person", "People"), ("guest", "Guests"), ("system", "The system")]


@router.get("")
def log(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    type: Name = None,
    actor: Name = None,
    stream_id: Known = None,
    recorded_from: OnDay = None,
    recorded_to: OnDay = None,
    cursor: PageCursor = None,
    row: Row = 1,
) -> Response:
    """Every event, newest first."""
    viewer.require("auditor", "admin")
    zone = viewer.person.properties.time_zone
    begin, end = instant_of("recorded_from", recorded_from, zone), instant_of("recorded_to", recorded_to, zone)
    asked = filters(type, actor, stream_id, begin, end)
    page = event_history.page(parts.database, asked, "-position", cursor=cursor)
    return render(
        request,
        "history/log.html",
        page=Page([shown(viewer, event) for event in page.items], page.next_cursor),
        row=row,
        asked=asked,
        days={"recorded_from": recorded_from, "recorded_to": recorded_to},
        narrowed=any((type, actor, stream_id, recorded_from, recorded_to)),
        types=[(name, in_words(name)) for name in event_history.event_names()],
        actors=KINDS + names(parts),
    )


def filters(
    type: str | None, actor: str | None, stream: UUID | None, begin: datetime | None, end: datetime | None
) -> HistoryFilters:
    """What the log is narrowed to."""
    return HistoryFilters(type=type, actor=actor, stream_id=stream, recorded_from=begin, recorded_to=end)


def names(parts: Oncelink) -> list[tuple[str, str]]:
    """The people, by name."""
    found: Any = people.page(parts.live, sort="name", limit=MOST_CHOICES).items
    return [(str(person["id"]), person["name"]) for person in found]


def in_words(name: str) -> str:
    """The name of an event in words: `LinkUpdated` is `Link updated`."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return spaced[:1].upper() + spaced[1:]
