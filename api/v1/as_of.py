"""Read models as of a position or an instant, for auditors and admins: /v1/as-of."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.clock import read_clock
from api.http.as_of_parameter import At
from api.http.dependencies import CurrentCaller, CurrentServices, FollowsMinPosition, Id
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import describe_problems
from api.http.responses import add_link_url, add_single_use_url, set_etag, to_page_response, to_response_model
from api.http.strict_json import StrictRoute
from api.v1.history import ForAuditors
from api.v1.links import Sort as LinkSort
from api.v1.meeting_log import Sort as MeetingSort
from api.v1.meeting_log import parse_filters as meeting_filters
from api.v1.response_models import Booking, Link, Meeting, PageOf, SingleUse
from api.v1.single_use_links import Status
from projections import links, meeting_log, single_use_links
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.single_use_links import SingleUseFilters
from replay.as_of import AsOfQuery

router = APIRouter(prefix="/v1/as-of", tags=["As-of"], route_class=StrictRoute)

LIST_ROUTE: dict[str, Any] = {
    "dependencies": [ForAuditors, FollowsMinPosition],
    "responses": describe_problems(401, 403, 422, 503),
}
DETAIL_ROUTE: dict[str, Any] = {"dependencies": [ForAuditors], "responses": describe_problems(401, 403, 404, 422, 503)}
POSITION_HEADER = "Oncelink-As-Of-Position"


@router.get("/links", response_model=PageOf[Link], operation_id="list_links_as_of", **LIST_ROUTE)
def list_links(
    services: CurrentServices,
    caller: CurrentCaller,
    response: Response,
    at: At,
    view: Annotated[Literal["mine", "library", "all"], Query(description="`all` for managers and auditors.")] = "mine",
    kind: Literal["standard", "managed"] | None = None,
    status: Literal["active", "disabled", "expired", "deleted"] | None = None,
    q: Search = None,
    sort: LinkSort = "-created_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Links as they stood then, with the names of then; otherwise the list of links."""
    as_of = resolve_as_of(services, response, at, cursor)
    filters = LinkFilters(view=view, viewer=caller.person.id, kind=kind, status=status, q=q)
    page = as_of.add_point_to_cursor(links.list_links(as_of.source, as_of.now, filters, sort, limit, as_of.cursor))
    return to_page_response(page) | {"items": [add_link_url(services, row) for row in page.items]}


@router.get("/links/{id}", response_model=Link, operation_id="get_link_as_of", **DETAIL_ROUTE)
def get_link(services: CurrentServices, id: Id, response: Response, at: At) -> Link:
    """A link as it stood then; 404 where it was not there yet."""
    as_of = resolve_as_of(services, response, at)
    link = to_response_model(Link, add_link_url(services, links.find_link(as_of.source, id, as_of.now)))
    set_etag(response, link.version)
    return link


@router.get("/single-use", response_model=PageOf[SingleUse], operation_id="list_single_use_as_of", **LIST_ROUTE)
def list_single_use(
    services: CurrentServices,
    caller: CurrentCaller,
    response: Response,
    at: At,
    link_id: UUID | None = None,
    status: Status | None = None,
    issued_by: UUID | None = None,
    q: Search = None,
    sort: Literal["issued_at", "-issued_at"] = "-issued_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Single-use links as they stood then; otherwise the list of single-use links."""
    as_of = resolve_as_of(services, response, at, cursor)
    filters = SingleUseFilters(link_id, status, issued_by, q)
    page = as_of.add_point_to_cursor(
        single_use_links.list_single_use_links(as_of.source, as_of.now, filters, sort, limit, as_of.cursor)
    )
    return to_page_response(page) | {"items": [add_single_use_url(services, caller, row) for row in page.items]}


@router.get("/single-use/{id}", response_model=SingleUse, operation_id="get_single_use_as_of", **DETAIL_ROUTE)
def get_single_use(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response, at: At) -> SingleUse:
    """A single-use link as it and its core link stood then; 404 where it was not issued yet."""
    as_of = resolve_as_of(services, response, at)
    return to_response_model(
        SingleUse,
        add_single_use_url(services, caller, single_use_links.find_single_use_link(as_of.source, id, as_of.now)),
    )


@router.get("/meeting-log", response_model=PageOf[Meeting], operation_id="read_meeting_log_as_of", **LIST_ROUTE)
def read_meeting_log(
    services: CurrentServices,
    response: Response,
    at: At,
    filters: Annotated[MeetingFilters, Depends(meeting_filters)],
    sort: MeetingSort = "-booked_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """The meeting log as it stood then, with the names of then; otherwise the meeting log."""
    as_of = resolve_as_of(services, response, at, cursor)
    return to_page_response(
        as_of.add_point_to_cursor(meeting_log.list_meetings(as_of.source, filters, sort, limit, as_of.cursor))
    )


@router.get("/meeting-log/{id}", response_model=Booking, operation_id="get_booking_as_of", **DETAIL_ROUTE)
def get_booking(services: CurrentServices, id: Id, response: Response, at: At) -> Booking:
    """A booking as it stood then; 404 where it was not booked yet."""
    row: Any = meeting_log.find_meeting(resolve_as_of(services, response, at).source, id)
    booking = to_response_model(Booking, row)
    set_etag(response, booking.version)
    return booking


def resolve_as_of(services: CurrentServices, response: Response, at: At, cursor: str | None = None) -> AsOfQuery:
    """Resolve `at` to a position, and set the response's position header. Raises Invalid, TryAgain."""
    as_of = AsOfQuery.from_request(services.database, at, read_clock(), cursor)
    response.headers[POSITION_HEADER] = str(as_of.point_in_time.position)
    return as_of
