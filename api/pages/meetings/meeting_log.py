"""Meeting Logs: booked meetings with filters in the URL, and the same rows as CSV."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.field_types import Day
from api.http.auditing.recording import record_own_access
from api.http.dependencies import Caller, CurrentServices
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListPageQuery
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.list_queries import MeetingSelection, MeetingSort
from api.v1.meeting_log import READERS, stream_csv
from domain.link import Link
from domain.offer import build_days_interval
from domain.permissions import is_link_visible
from projections import links, meeting_types, people, teams
from projections.links import LinkRow
from projections.log_rows import iterate_rows, list_rows
from projections.meeting_log import MeetingFilters

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MAX_CHOICES = 200


class MeetingLogPageQuery(MeetingSelection[Day], ListPageQuery):
    """The meeting log, with days in the viewer's zone, ends included."""

    sort: MeetingSort = "-booked_at"

    @property
    def days(self) -> dict[str, Day | None]:
        """The bounds of times, as they were sent."""
        return {name: value for name, value in self.values.items() if name.endswith(("_from", "_to"))}

    def to_filters(self, viewer: Caller) -> MeetingFilters:
        """The filters of the read model, limited to what the viewer sees."""
        zone = viewer.person.properties.time_zone
        bounds = {name: resolve_day_bound(name, day, zone) for name, day in self.days.items()}
        return MeetingFilters(**self.values | bounds, visible_to=viewer.limit_visibility(*READERS))


PageQuery = Annotated[MeetingLogPageQuery, Query()]


@router.get("/meeting-log", dependencies=[WaitsForPosition])
def show_meeting_log(request: Request, services: CurrentServices, viewer: Viewer, query: PageQuery) -> Response:
    """Show the meeting log, newest booking first."""
    filters = query.to_filters(viewer)
    return render_page(
        request,
        "meetings/log.html",
        page=list_rows(services.live_source, viewer.context.now, filters, query.sort, cursor=query.cursor),
        filters=filters,
        days=query.days,
        narrowed=any(query.values.values()),
        sort=query.sort,
        row=query.row,
        sees_links=bool(viewer.context.roles & {"member", "auditor"}),
        views=list_views(viewer.today),
        **list_filter_choices(services, viewer, filters),
    )


@router.get("/meeting-log.csv")
def download_meeting_log_csv(request: Request, services: CurrentServices, viewer: Viewer, query: PageQuery) -> Response:
    """Stream all rows that match the filters as CSV."""
    now, filters = viewer.context.now, query.to_filters(viewer)
    record_own_access(services, request, viewer, "export", what="meeting log")
    return stream_csv(request, iterate_rows(services.live_source, now, filters, query.sort))


def resolve_day_bound(name: str, day: Day | None, zone: str) -> datetime | None:
    """Return the instant at which a day begins in a zone; for a name that ends in `_to`, at which it ends."""
    if day is None:
        return None
    interval = build_days_interval(day, day, zone)
    return interval.end if name.endswith("_to") else interval.start


def list_filter_choices(services: Services, viewer: Caller, filters: MeetingFilters) -> dict[str, Any]:
    """Return what the filters offer: people, meeting types and teams by name, and the link that is filtered by."""
    link = find_visible_link(services, viewer, filters.link_id) if filters.link_id else None
    hosts = people.list_people(services.live_source, sort="name", limit=MAX_CHOICES).items
    types = meeting_types.list_meeting_types(services.live_source, sort="name", limit=MAX_CHOICES).items
    all_teams = teams.list_teams(services.live_source, sort="name", limit=MAX_CHOICES).items
    return {
        "link": link,
        "hosts": [(str(person["id"]), person["name"]) for person in hosts],
        "teams": [(str(team["id"]), team["name"]) for team in all_teams],
        "types": [(str(meeting_type["id"]), meeting_type["name"]) for meeting_type in types],
    }


def find_visible_link(services: Services, viewer: Caller, id: UUID) -> LinkRow | None:
    """Return a link, or None if there is none that the viewer may see: its name is not for everybody."""
    link = services.links.load_aggregates([id]).get(id)
    sees_all = viewer.limit_visibility(*READERS) is None
    if not isinstance(link, Link) or not (sees_all or is_link_visible(viewer.context, link)):
        return None
    return links.find_link(services.live_source, id, viewer.context.now)


def list_views(today: date) -> list[tuple[str, str]]:
    """Return (title, URL) of frequently used filters."""
    return [
        ("Everything", "/meeting-log"),
        ("Upcoming", f"/meeting-log?starts_from={today}&sort=starts_at"),
        ("By single-use links", "/meeting-log?link_type=single_use"),
        ("Not booked yet", "/meeting-log?status=not_booked"),
        ("Cancelled", "/meeting-log?status=cancelled"),
    ]
