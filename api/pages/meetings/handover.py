"""Handing over: what somebody who leaves leaves behind, for managers: open single-use links and meetings to come."""

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Id, Parts
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import PageCursor, Row, Words
from api.pages.rendering.templates import render
from domain.person import Person
from projections import meeting_log, people, single_use_links
from projections.meeting_log import MeetingFilters
from projections.queries import departures
from projections.single_use_links import SingleUseFilters

router = APIRouter(prefix="/management/people", include_in_schema=False, route_class=PageRoute)

READERS = ("manager", "auditor")
SHOWN = 100


@router.get("", dependencies=[CaughtUp])
def listed(
    request: Request, parts: Parts, viewer: Viewer, q: Words = None, cursor: PageCursor = None, row: Row = 1
) -> Response:
    """Everybody, by name (manager, auditor)."""
    viewer.require(*READERS)
    page = people.page(parts.live, q, "name", cursor=cursor)
    return render(request, "handover/people.html", page=page, q=q, row=row)


@router.get("/{id}", dependencies=[CaughtUp])
def person(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """What is somebody's: open single-use links to revoke, meetings to come to reassign (manager, auditor)."""
    viewer.require(*READERS)
    found, now = parts.staffing.get(Person, id), viewer.context.now
    coming = MeetingFilters(host_id=id, starts_from=now, standing=True)
    return render(
        request,
        "handover/person.html",
        person=found,
        left=departures.left_behind(parts.live, id, now),
        meetings=meeting_log.page(parts.live, coming, "starts_at", SHOWN),
        single_use=single_use_links.page(
            parts.live, now, SingleUseFilters(status="active", visible_to=id), limit=SHOWN
        ),
        may_change="manager" in viewer.context.roles,
    )
