"""Meeting Logs: what was booked, by which kind of link; filters in the URL, and the same rows as CSV."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.field_types import Day
from api.http.dependencies import Parts
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, Row, Words
from api.pages.rendering.templates import render
from api.services import Oncelink
from api.v1.meeting_log import READERS, download
from domain.availability.offer import days_as_interval
from projections import links, meeting_log, meeting_types, people
from projections.meeting_log import MeetingFilters

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LinkType = Annotated[Literal["standard", "managed", "single_use"] | None, Blank]
Status = Annotated[Literal["scheduled", "rescheduled", "cancelled"] | None, Blank]
Sort = Annotated[Literal["booked_at", "-booked_at", "starts_at", "-starts_at"] | None, Blank]
Known = Annotated[UUID | None, Blank]
OnDay = Annotated[Day | None, Blank]
NEWEST = "-booked_at"
MOST_CHOICES = 200


@dataclass(frozen=True)
class Asked:
    """The filters as a question, and the days as they were asked for."""

    filters: MeetingFilters
    days: dict[str, Day | None]

    @property
    def narrowed(self) -> bool:
        """Whether rows may be left out that the viewer could see."""
        found = self.filters
        others = (found.link_type, found.status, found.host_id, found.link_id, found.meeting_type_id, found.q)
        return found.hide_single_use or any(others) or any(self.days.values())


def asked(
    viewer: Viewer,
    link_type: LinkType = None,
    hide_single_use: bool = False,
    status: Status = None,
    host_id: Known = None,
    link_id: Known = None,
    meeting_type_id: Known = None,
    q: Words = None,
    booked_from: OnDay = None,
    booked_to: OnDay = None,
    starts_from: OnDay = None,
    starts_to: OnDay = None,
) -> Asked:
    """What is asked for, narrowed to what the viewer may see; days are the viewer's own, the last one included."""
    zone = viewer.person.properties.time_zone
    days = {
        "booked_from": booked_from,
        "booked_to": booked_to,
        "starts_from": starts_from,
        "starts_to": starts_to,
    }
    bounds: dict[str, Any] = {name: instant_of(name, day, zone) for name, day in days.items()}
    filters = MeetingFilters(
        link_type=link_type,
        hide_single_use=hide_single_use,
        status=status,
        host_id=host_id,
        link_id=link_id,
        meeting_type_id=meeting_type_id,
        q=q,
        visible_to=viewer.sees_all(*READERS),
        **bounds,
    )
    return Asked(filters, days)


AskedFor = Annotated[Asked, Depends(asked)]


@router.get("/meeting-log", dependencies=[CaughtUp])
def meeting_logs(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    asked_for: AskedFor,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: Row = 1,
) -> Response:
    """The meeting log, newest booking first."""
    page = meeting_log.page(parts.live, asked_for.filters, sort or NEWEST, cursor=cursor)
    return render(
        request,
        "meetings/log.html",
        page=page,
        filters=asked_for.filters,
        days=asked_for.days,
        narrowed=asked_for.narrowed,
        sort=sort or NEWEST,
        row=row,
        views=views(viewer.today),
        **choices(parts, asked_for.filters, viewer.context.now),
    )


@router.get("/meeting-log.csv")
def meeting_log_csv(parts: Parts, asked_for: AskedFor, sort: Sort = None) -> Response:
    """The whole filter as CSV."""
    return download(meeting_log.stream(parts.live, asked_for.filters, sort or NEWEST))


def instant_of(name: str, day: Day | None, zone: str) -> datetime | None:
    """Where a day begins, or for `…_to` where it ends, in a zone."""
    if day is None:
        return None
    whole = days_as_interval(day, day, zone)
    return whole.end if name.endswith("_to") else whole.start


def choices(parts: Oncelink, filters: MeetingFilters, now: datetime) -> dict[str, Any]:
    """What the filters offer: people and meeting types by name; a link is chosen on its own page."""
    link = links.one(parts.live, filters.link_id, now) if filters.link_id else None
    hosts = people.page(parts.live, sort="name", limit=MOST_CHOICES).items
    types = meeting_types.page(parts.live, sort="name", limit=MOST_CHOICES).items
    return {
        "link": link,
        "hosts": [(str(person["id"]), person["name"]) for person in hosts],
        "types": [(str(one["id"]), one["name"]) for one in types],
    }


def views(today: date) -> list[tuple[str, str]]:
    """Questions that are asked often, as plain addresses."""
    return [
        ("Everything", "/meeting-log"),
        ("Upcoming", f"/meeting-log?starts_from={today}&sort=starts_at"),
        ("By single-use links", "/meeting-log?link_type=single_use"),
        ("Cancelled", "/meeting-log?status=cancelled"),
    ]
