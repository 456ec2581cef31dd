"""Meeting Logs: booked meetings with filters in the URL, and the same rows as CSV."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.field_types import Day
from api.http.dependencies import CurrentServices
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, RowNumber, SearchQuery
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.meeting_log import READERS, stream_csv
from domain.availability.offer import build_days_interval
from projections import links, meeting_log, meeting_types, people
from projections.meeting_log import MeetingFilters

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LinkType = Annotated[Literal["standard", "managed", "single_use"] | None, Blank]
Status = Annotated[Literal["scheduled", "rescheduled", "cancelled"] | None, Blank]
Sort = Annotated[Literal["booked_at", "-booked_at", "starts_at", "-starts_at"] | None, Blank]
OptionalId = Annotated[UUID | None, Blank]
OptionalDay = Annotated[Day | None, Blank]
NEWEST_FIRST = "-booked_at"
MAX_CHOICES = 200


@dataclass(frozen=True)
class PageFilters:
    """The filters of the page: as the read model takes them, and the days as they were sent."""

    filters: MeetingFilters
    days: dict[str, Day | None]

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set that could hide rows which the viewer may see."""
        filters = self.filters
        values = (
            filters.link_type,
            filters.status,
            filters.host_id,
            filters.link_id,
            filters.meeting_type_id,
            filters.q,
        )
        return filters.hide_single_use or any(values) or any(self.days.values())


def parse_filters(
    viewer: Viewer,
    link_type: LinkType = None,
    hide_single_use: bool = False,
    status: Status = None,
    host_id: OptionalId = None,
    link_id: OptionalId = None,
    meeting_type_id: OptionalId = None,
    q: SearchQuery = None,
    booked_from: OptionalDay = None,
    booked_to: OptionalDay = None,
    starts_from: OptionalDay = None,
    starts_to: OptionalDay = None,
) -> PageFilters:
    """Parse the filters, limited to what the viewer may see. Days are in the viewer's zone, ends included."""
    zone = viewer.person.properties.time_zone
    days = {
        "booked_from": booked_from,
        "booked_to": booked_to,
        "starts_from": starts_from,
        "starts_to": starts_to,
    }
    bounds: dict[str, Any] = {name: resolve_day_bound(name, day, zone) for name, day in days.items()}
    filters = MeetingFilters(
        link_type=link_type,
        hide_single_use=hide_single_use,
        status=status,
        host_id=host_id,
        link_id=link_id,
        meeting_type_id=meeting_type_id,
        q=q,
        visible_to=viewer.limit_visibility(*READERS),
        **bounds,
    )
    return PageFilters(filters, days)


Filters = Annotated[PageFilters, Depends(parse_filters)]


@router.get("/meeting-log", dependencies=[WaitsForPosition])
def show_meeting_log(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    page_filters: Filters,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: RowNumber = 1,
) -> Response:
    """Show the meeting log, newest booking first."""
    page = meeting_log.list_meetings(services.live_source, page_filters.filters, sort or NEWEST_FIRST, cursor=cursor)
    return render_page(
        request,
        "meetings/log.html",
        page=page,
        filters=page_filters.filters,
        days=page_filters.days,
        narrowed=page_filters.is_filtered,
        sort=sort or NEWEST_FIRST,
        row=row,
        views=list_views(viewer.today),
        **list_filter_choices(services, page_filters.filters, viewer.context.now),
    )


@router.get("/meeting-log.csv")
def download_meeting_log_csv(services: CurrentServices, page_filters: Filters, sort: Sort = None) -> Response:
    """Stream all rows that match the filters as CSV."""
    return stream_csv(meeting_log.iterate_meetings(services.live_source, page_filters.filters, sort or NEWEST_FIRST))


def resolve_day_bound(name: str, day: Day | None, zone: str) -> datetime | None:
    """Return the instant at which a day begins in a zone; for a name that ends in `_to`, at which it ends."""
    if day is None:
        return None
    interval = build_days_interval(day, day, zone)
    return interval.end if name.endswith("_to") else interval.start


def list_filter_choices(services: Services, filters: MeetingFilters, now: datetime) -> dict[str, Any]:
    """Return what the filters offer: people and meeting types by name, and the link that is filtered by."""
    link = links.find_link(services.live_source, filters.link_id, now) if filters.link_id else None
    hosts = people.list_people(services.live_source, sort="name", limit=MAX_CHOICES).items
    types = meeting_types.list_meeting_types(services.live_source, sort="name", limit=MAX_CHOICES).items
    return {
        "link": link,
        "hosts": [(str(person["id"]), person["name"]) for person in hosts],
        "types": [(str(meeting_type["id"]), meeting_type["name"]) for meeting_type in types],
    }


def list_views(today: date) -> list[tuple[str, str]]:
    """Return (title, URL) of frequently used filters."""
    return [
        ("Everything", "/meeting-log"),
        ("Upcoming", f"/meeting-log?starts_from={today}&sort=starts_at"),
        ("By single-use links", "/meeting-log?link_type=single_use"),
        ("Cancelled", "/meeting-log?status=cancelled"),
    ]
