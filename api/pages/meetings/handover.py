"""Handover pages for managers: a person's open single-use links and upcoming meetings."""

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import ListQuery
from api.pages.rendering.templates import render_page
from domain.person import Person
from projections import departures, links, meeting_log, people, single_use_links, teams
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.single_use_links import SingleUseFilters

router = APIRouter(prefix="/management/people", include_in_schema=False, route_class=PageRoute)

READER_ROLES = ("manager", "auditor")
MAX_ROWS = 100


@router.get("", dependencies=[WaitsForPosition])
def list_people(request: Request, services: CurrentServices, viewer: Viewer, query: ListQuery) -> Response:
    """Everybody, by name (manager, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    page = people.list_people(services.live_source, query.q, "name", cursor=query.cursor)
    return render_page(request, "meetings/handover_people.html", page=page, q=query.q, row=query.row)


@router.get("/{id}", dependencies=[WaitsForPosition])
def show_person(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show a person's open single-use links, to revoke, and upcoming meetings, to reassign (manager, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    person, now = services.administration.load_aggregate(Person, id), viewer.context.now
    upcoming = MeetingFilters(host_id=id, starts_from=now, not_cancelled=True)
    return render_page(
        request,
        "meetings/handover_person.html",
        person=person,
        left=departures.count_departure_impact(services.live_source, id, now),
        meetings=meeting_log.list_meetings(services.live_source, upcoming, "starts_at", MAX_ROWS),
        single_use=single_use_links.list_single_use_links(
            services.live_source, now, SingleUseFilters(status="active", visible_to=id), limit=MAX_ROWS
        ),
        links=links.list_links(services.live_source, now, LinkFilters(status="active", hosted_by=id), "name", MAX_ROWS),
        teams=teams.list_teams(services.live_source, sort="name", limit=MAX_ROWS, member_id=id).items,
        may_change="manager" in viewer.context.roles,
    )
