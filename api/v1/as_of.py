"""How links, single-use links and the meeting log stood at a moment, for auditors and admins: /v1/as-of."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.clock import now
from api.http.as_of_parameter import At
from api.http.dependencies import FollowsMinPosition, Id, Parts, Signed
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import answers
from api.http.responses import link_row, page_of, shape, single_use_row, tag
from api.http.strict_json import StrictRoute
from api.v1.history import ForAuditors
from api.v1.links import Sort as LinkSort
from api.v1.meeting_log import Sort as MeetingSort
from api.v1.meeting_log import filters as meeting_filters
from api.v1.response_models import Booking, Link, Meeting, PageOf, SingleUse
from api.v1.single_use_links import Status
from projections import links, meeting_log, single_use_links
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.single_use_links import SingleUseFilters
from replay.as_of import AsOf

router = APIRouter(prefix="/v1/as-of", tags=["As-of"], route_class=StrictRoute)

LIST: dict[str, Any] = {"dependencies": [ForAuditors, FollowsMinPosition], "responses": answers(401, 403, 422, 503)}
ONE: dict[str, Any] = {"dependencies": [ForAuditors], "responses": answers(401, 403, 404, 422, 503)}
MOMENT = "Oncelink-As-Of-Position"


@router.get("/links", response_model=PageOf[Link], operation_id="list_links_as_of", **LIST)
def list_links(
    parts: Parts,
    caller: Signed,
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
    asked = then(parts, response, at, cursor)
    filters = LinkFilters(view=view, viewer=caller.person.id, kind=kind, status=status, q=q)
    page = asked.page(links.page(asked.source, asked.now, filters, sort, limit, asked.cursor))
    return page_of(page) | {"items": [link_row(parts, row) for row in page.items]}


@router.get("/links/{id}", response_model=Link, operation_id="get_link_as_of", **ONE)
def get_link(parts: Parts, id: Id, response: Response, at: At) -> Link:
    """A link as it stood then; 404 where it was not there yet."""
    asked = then(parts, response, at)
    found = shape(Link, link_row(parts, links.one(asked.source, id, asked.now)))
    tag(response, found.version)
    return found


@router.get("/single-use", response_model=PageOf[SingleUse], operation_id="list_single_use_as_of", **LIST)
def list_single_use(
    parts: Parts,
    caller: Signed,
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
    asked = then(parts, response, at, cursor)
    filters = SingleUseFilters(link_id, status, issued_by, q)
    page = asked.page(single_use_links.page(asked.source, asked.now, filters, sort, limit, asked.cursor))
    return page_of(page) | {"items": [single_use_row(parts, caller, row) for row in page.items]}


@router.get("/single-use/{id}", response_model=SingleUse, operation_id="get_single_use_as_of", **ONE)
def get_single_use(parts: Parts, caller: Signed, id: Id, response: Response, at: At) -> SingleUse:
    """A single-use link as it and its core link stood then; 404 where it was not issued yet."""
    asked = then(parts, response, at)
    return shape(SingleUse, single_use_row(parts, caller, single_use_links.one(asked.source, id, asked.now)))


@router.get("/meeting-log", response_model=PageOf[Meeting], operation_id="read_meeting_log_as_of", **LIST)
def read_meeting_log(
    parts: Parts,
    response: Response,
    at: At,
    asked_for: Annotated[MeetingFilters, Depends(meeting_filters)],
    sort: MeetingSort = "-booked_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """The meeting log as it stood then, with the names of then; otherwise the meeting log."""
    asked = then(parts, response, at, cursor)
    return page_of(asked.page(meeting_log.page(asked.source, asked_for, sort, limit, asked.cursor)))


@router.get("/meeting-log/{id}", response_model=Booking, operation_id="get_booking_as_of", **ONE)
def get_booking(parts: Parts, id: Id, response: Response, at: At) -> Booking:
    """A booking as it stood then; 404 where it was not booked yet."""
    row: Any = meeting_log.one(then(parts, response, at).source, id)
    found = shape(Booking, row)
    tag(response, found.version)
    return found


def then(parts: Parts, response: Response, at: At, cursor: str | None = None) -> AsOf:
    """The moment that is asked for; the answer says which position that is. Raises Invalid, TryAgain."""
    asked = AsOf.asked(parts.database, at, now(), cursor)
    response.headers[MOMENT] = str(asked.moment.position)
    return asked
