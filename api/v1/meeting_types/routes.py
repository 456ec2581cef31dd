"""Meeting types: /v1/meeting-types."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.dependencies import (
    CurrentCaller,
    CurrentServices,
    FollowsMinPosition,
    Id,
    IdempotencyKey,
    IfMatch,
    describe_request,
)
from api.http.problem_details import describe_problems
from api.http.responses import announce_change, announce_creation, to_page_response, to_versioned_response
from api.http.strict_json import StrictRoute
from api.v1.list_queries import SearchQuery
from api.v1.meeting_types.bodies import MeetingTypeChanges, NewMeetingType
from api.v1.response_models import MeetingType, PageOf
from projections import meeting_types
from projections.meeting_types import MeetingTypeRow

router = APIRouter(prefix="/v1/meeting-types", tags=["Meeting types"], route_class=StrictRoute)


@router.post("", status_code=201, response_model=MeetingType, responses=describe_problems(401, 403, 413, 422, 503))
def create_meeting_type(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewMeetingType, response: Response
) -> MeetingTypeRow:
    """Creates a meeting type (admin).

    Durations, buffers and notice are minutes; `booking_window_days` counts days from today. Without
    `slot_step_minutes` slots begin one duration apart. `reminders_minutes` are mailed to guest and hosts before the
    start, `follow_up` to the guest after the end. `limits` says how many meetings of this type each of its hosts may
    have in a day and in a week, which begins on Monday, in the host's own zone. `questions` are asked of guests; the
    key of each names its answer everywhere.
    """
    request = describe_request(body, route="meeting-types")
    outcome = services.administration.create_meeting_type(caller.context, body.to_properties(), key, request)
    announce_creation(response, services, outcome)
    return to_versioned_response(
        meeting_types.find_meeting_type(services.from_log(outcome.position), outcome.id), response
    )


@router.get(
    "",
    response_model=PageOf[MeetingType],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 422, 503),
)
def list_meeting_types(
    services: CurrentServices, caller: CurrentCaller, query: Annotated[SearchQuery, Query()]
) -> dict[str, Any]:
    """Meeting types, newest first.

    `q` finds by word prefixes in the name. Everybody who is signed in may read the list.
    """
    return to_page_response(
        meeting_types.list_meeting_types(services.live_source, query.q, limit=query.limit, cursor=query.cursor)
    )


@router.get("/{id}", response_model=MeetingType, responses=describe_problems(401, 404, 503))
def get_meeting_type(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> MeetingTypeRow:
    """A meeting type, always current.

    Everybody who is signed in may read it. `ETag` has its version.
    """
    return to_versioned_response(meeting_types.find_meeting_type(services.from_log(), id), response)


@router.patch("/{id}", response_model=MeetingType, responses=describe_problems(401, 403, 404, 412, 413, 422, 503))
def change_meeting_type(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    version: IfMatch,
    body: MeetingTypeChanges,
    response: Response,
) -> MeetingTypeRow:
    """Changes a meeting type; links and unused single-use links follow at once (admin).

    A field that is absent stays as it is; `null` clears `description`, `location`, `slot_step_minutes`,
    `follow_up` and `limits`. Meetings that are booked keep their times, reminders and answers; what is taken off is not
    sent for them either.
    """
    announce_change(
        response,
        services,
        services.administration.update_meeting_type(caller.context, id, body.get_sent_fields(), version),
    )
    return to_versioned_response(meeting_types.find_meeting_type(services.from_log(), id), response)
