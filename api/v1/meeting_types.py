"""Meeting types: /v1/meeting-types."""

from typing import Any

from fastapi import APIRouter, Response

from api.http.dependencies import FollowsMinPosition, Id, IdempotencyKey, IfMatch, Parts, Signed, digestible
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import answers
from api.http.responses import changed, created, page_of, shape, tag
from api.http.strict_json import StrictRoute
from api.v1.request_bodies import MeetingTypeChanges, NewMeetingType
from api.v1.response_models import MeetingType, PageOf
from domain.meeting_type import MeetingTypeProperties
from projections import meeting_types

router = APIRouter(prefix="/v1/meeting-types", tags=["Meeting types"], route_class=StrictRoute)


@router.post("", status_code=201, response_model=MeetingType, responses=answers(401, 403, 413, 422, 503))
def create_meeting_type(
    parts: Parts, caller: Signed, key: IdempotencyKey, body: NewMeetingType, response: Response
) -> MeetingType:
    """Creates a meeting type (admin)."""
    properties = MeetingTypeProperties(**dict(body))
    request = digestible(body, route="meeting-types")
    outcome = parts.staffing.create_meeting_type(caller.context, properties, key, request)
    created(response, parts, outcome)
    return answer(meeting_types.one(parts.from_log(outcome.position), outcome.id), response)


@router.get(
    "",
    response_model=PageOf[MeetingType],
    dependencies=[FollowsMinPosition],
    responses=answers(401, 422, 503),
)
def list_meeting_types(
    parts: Parts, caller: Signed, q: Search = None, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """Meeting types, newest first."""
    return page_of(meeting_types.page(parts.live, q, limit=limit, cursor=cursor))


@router.get("/{id}", response_model=MeetingType, responses=answers(401, 404, 503))
def get_meeting_type(parts: Parts, caller: Signed, id: Id, response: Response) -> MeetingType:
    """A meeting type, always current."""
    return answer(meeting_types.one(parts.from_log(), id), response)


@router.patch("/{id}", response_model=MeetingType, responses=answers(401, 403, 404, 412, 413, 422, 503))
def change_meeting_type(
    parts: Parts, caller: Signed, id: Id, version: IfMatch, body: MeetingTypeChanges, response: Response
) -> MeetingType:
    """Changes a meeting type; links and unused single-use links follow at once (admin)."""
    changed(response, parts, parts.staffing.update_meeting_type(caller.context, id, body.given(), version))
    return answer(meeting_types.one(parts.from_log(), id), response)


def answer(row: Any, response: Response) -> MeetingType:
    """A meeting type with its version. Raises NotFound."""
    meeting_type = shape(MeetingType, row)
    tag(response, meeting_type.version)
    return meeting_type
