"""Read models as of a position or an instant, for auditors and admins: /v1/as-of."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.as_of_parameter import At
from api.http.auditing.bulk_reads import record_bulk_reads
from api.http.dependencies import CurrentCaller, CurrentServices, FollowsMinPosition, Id
from api.http.problem_details import describe_problems
from api.http.responses import add_link_url, add_single_use_url, to_page_response
from api.http.strict_json import StrictRoute
from api.v1.bookings import find_booking
from api.v1.history import ForAuditors
from api.v1.links import to_link_response
from api.v1.list_queries import LinkQuery, MeetingLogQuery, SingleUseQuery
from api.v1.meeting_log import READERS
from api.v1.response_models import Booking, Link, MeetingLogPage, PageOf, SingleUse
from projections import links, single_use_links
from projections.log_rows import list_rows
from replay.as_of import AsOfQuery

router = APIRouter(prefix="/v1/as-of", tags=["As-of"], route_class=StrictRoute)

LIST_ROUTE: dict[str, Any] = {
    "dependencies": [ForAuditors, record_bulk_reads("as of"), FollowsMinPosition],
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
    query: Annotated[LinkQuery, Query()],
) -> dict[str, Any]:
    """Links as they stood then, with the names of then; otherwise the list of links.

    `at` is an instant, or a position of the log. `Oncelink-As-Of-Position` says which position was read. Filters
    and rows are those of the list of links.
    """
    as_of = resolve_as_of(services, response, at, query.cursor)
    filters = query.to_filters(caller.person.id)
    page = as_of.add_point_to_cursor(
        links.list_links(as_of.source, as_of.now, filters, query.sort, query.limit, as_of.cursor)
    )
    return to_page_response(page) | {"items": [add_link_url(services, row) for row in page.items]}


@router.get("/links/{id}", response_model=Link, operation_id="get_link_as_of", **DETAIL_ROUTE)
def get_link(services: CurrentServices, id: Id, response: Response, at: At) -> dict[str, Any]:
    """A link as it stood then; 404 where it was not there yet.

    `at` is an instant, or a position of the log. `Oncelink-As-Of-Position` says which position was read.
    """
    as_of = resolve_as_of(services, response, at)
    return to_link_response(services, links.find_link(as_of.source, id, as_of.now), response)


@router.get("/single-use", response_model=PageOf[SingleUse], operation_id="list_single_use_as_of", **LIST_ROUTE)
def list_single_use(
    services: CurrentServices,
    caller: CurrentCaller,
    response: Response,
    at: At,
    query: Annotated[SingleUseQuery, Query()],
) -> dict[str, Any]:
    """Single-use links as they stood then; otherwise the list of single-use links.

    `at` is an instant, or a position of the log. `Oncelink-As-Of-Position` says which position was read. Filters
    and rows are those of the list of single-use links.
    """
    as_of = resolve_as_of(services, response, at, query.cursor)
    page = as_of.add_point_to_cursor(
        single_use_links.list_single_use_links(
            as_of.source, as_of.now, query.to_filters(caller.person.id), query.sort, query.limit, as_of.cursor
        )
    )
    return to_page_response(page) | {"items": [add_single_use_url(services, caller, row) for row in page.items]}


@router.get("/single-use/{id}", response_model=SingleUse, operation_id="get_single_use_as_of", **DETAIL_ROUTE)
def get_single_use(
    services: CurrentServices, caller: CurrentCaller, id: Id, response: Response, at: At
) -> dict[str, Any]:
    """A single-use link as it and its core link stood then; 404 where it was not issued yet.

    `at` is an instant, or a position of the log. `Oncelink-As-Of-Position` says which position was read.
    """
    as_of = resolve_as_of(services, response, at)
    row = single_use_links.find_single_use_link(as_of.source, id, as_of.now)
    return add_single_use_url(services, caller, row)


@router.get("/meeting-log", response_model=MeetingLogPage, operation_id="read_meeting_log_as_of", **LIST_ROUTE)
def read_meeting_log(
    services: CurrentServices,
    caller: CurrentCaller,
    response: Response,
    at: At,
    query: Annotated[MeetingLogQuery, Query()],
) -> dict[str, Any]:
    """The meeting log as it stood then, with the names of then; otherwise the meeting log.

    `at` is an instant, or a position of the log. `Oncelink-As-Of-Position` says which position was read. Personal
    details that were erased since are not there.
    """
    as_of = resolve_as_of(services, response, at, query.cursor)
    filters = query.to_filters(caller.limit_visibility(*READERS))
    page = list_rows(as_of.source, as_of.now, filters, query.sort, query.limit, as_of.cursor)
    return to_page_response(as_of.add_point_to_cursor(page))


@router.get("/meeting-log/{id}", response_model=Booking, operation_id="get_booking_as_of", **DETAIL_ROUTE)
def get_booking(services: CurrentServices, id: Id, response: Response, at: At) -> Booking:
    """A booking as it stood then; 404 where it was not booked yet.

    `at` is an instant, or a position of the log. `Oncelink-As-Of-Position` says which position was read.
    """
    as_of = resolve_as_of(services, response, at)
    return find_booking(as_of.source, id, response)


def resolve_as_of(services: CurrentServices, response: Response, at: At, cursor: str | None = None) -> AsOfQuery:
    """Resolve `at` to a position, and set the response's position header. Raises Invalid, TryAgain."""
    as_of = AsOfQuery.from_request(services.database, at, services.clock(), cursor)
    response.headers[POSITION_HEADER] = str(as_of.point_in_time.position)
    return as_of
