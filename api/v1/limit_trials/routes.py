"""What a limit would have refused last month: /v1/people/{id}/limit-trial and /v1/meeting-types/{id}/limit-trial."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from typing_extensions import TypedDict

from api.http.dependencies import Caller, CurrentCaller, CurrentServices, FollowsMinPosition, Id
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.services import Services
from domain.availability.limits import BookingLimits
from domain.choices.limit_trial import Refusal
from domain.meeting_type import MeetingType
from domain.person import Person
from domain.refusals import Invalid
from projections import people
from projections.queries.name_lookups import Named
from replay.limit_trial import try_limit_on_person, try_limit_on_type

router = APIRouter(prefix="/v1", tags=["Meeting log"], route_class=StrictRoute)

MONTH = re.compile(r"2\d{3}-(0[1-9]|1[0-2])")
MAX_ITEMS = 200
Most = Annotated[int | None, Query(ge=1, le=1000, description="At most so many meetings; no limit when absent.")]
Month = Annotated[str | None, Query(description="YYYY-MM; last month when absent.")]


class RefusedMeeting(TypedDict):
    """A booking, or a move, that would have been refused because this host's day or week was full."""

    booking_id: UUID
    kind: Literal["booked", "moved"]
    starts_at: datetime
    host: Named


class LimitTrialAnswer(TypedDict):
    """How many bookings and moves a limit would have refused in a month, and the first 200 of them."""

    month: str
    time_zone: str
    per_day: int | None
    per_week: int | None
    refused: int
    items: list[RefusedMeeting]


TRIAL_PROBLEMS = describe_problems(401, 403, 404, 422, 503)


@router.get(
    "/people/{id}/limit-trial",
    response_model=LimitTrialAnswer,
    dependencies=[FollowsMinPosition],
    responses=TRIAL_PROBLEMS,
    operation_id="try_limit_of_person",
)
def try_limit_of_person(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    per_day: Most = None,
    per_week: Most = None,
    month: Month = None,
) -> LimitTrialAnswer:
    """What a limit of a person would have refused in a month (the person, admin).

    The month's bookings and moves are tried again in the order of the log; what is refused counts no more, and what was
    cancelled frees its place. Days and weeks are those of the person's zone. Nothing is changed by asking.
    """
    return build_person_trial(services, caller, id, build_limits(per_day, per_week), month)


@router.get(
    "/meeting-types/{id}/limit-trial",
    response_model=LimitTrialAnswer,
    dependencies=[FollowsMinPosition],
    responses=TRIAL_PROBLEMS,
    operation_id="try_limit_of_meeting_type",
)
def try_limit_of_meeting_type(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    per_day: Most = None,
    per_week: Most = None,
    month: Month = None,
) -> LimitTrialAnswer:
    """What a limit of a meeting type would have refused in a month (admin).

    As for a person, for each of its hosts, with the meetings of this type alone. The month is one of the
    organisation's zone, days and weeks are those of each host's.
    """
    return build_type_trial(services, caller, id, build_limits(per_day, per_week), month)


def build_person_trial(
    services: Services, caller: Caller, id: UUID, limits: BookingLimits, month: str | None
) -> LimitTrialAnswer:
    """Try a limit on a person. Raises Forbidden, NotFound, Invalid."""
    if id != caller.person.id:
        caller.require_any_role("admin")
    zone = services.administration.load_aggregate(Person, id).properties.time_zone
    first_day = parse_month(month, zone, caller.context.now)
    refusals = try_limit_on_person(services.live_source, id, limits, first_day)
    return describe_trial(services, refusals, limits, first_day, zone)


def build_type_trial(
    services: Services, caller: Caller, id: UUID, limits: BookingLimits, month: str | None
) -> LimitTrialAnswer:
    """Try a limit on a meeting type. Raises Forbidden, NotFound, Invalid."""
    caller.require_any_role("admin")
    services.administration.load_aggregate(MeetingType, id)
    zone = services.organisation.load_organisation().properties.time_zone
    first_day = parse_month(month, zone, caller.context.now)
    refusals = try_limit_on_type(services.live_source, id, limits, first_day, zone)
    return describe_trial(services, refusals, limits, first_day, zone)


def build_limits(per_day: int | None, per_week: int | None) -> BookingLimits:
    """Build the limit to try. Raises Invalid without any number."""
    if per_day is None and per_week is None:
        raise Invalid("per_day", "Send per_day, per_week or both.")
    return BookingLimits(per_day=per_day, per_week=per_week)


def parse_month(text: str | None, time_zone: str, now: datetime) -> date:
    """Parse a month to its first day; the last one that is over when there is none. Raises Invalid."""
    if text is None:
        today = now.astimezone(ZoneInfo(time_zone)).date()
        return date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)
    if not MONTH.fullmatch(text):
        raise Invalid("month", "Send a month as YYYY-MM, from 2000-01 to 2999-12.")
    return date.fromisoformat(f"{text}-01")


def describe_trial(
    services: Services, refusals: Sequence[Refusal], limits: BookingLimits, month: date, zone: str
) -> LimitTrialAnswer:
    """Describe a trial with the names of hosts."""
    first_refusals = refusals[:MAX_ITEMS]
    ids = sorted({refusal.host_id for refusal in first_refusals})
    names = {person["id"]: person["name"] for person in people.find_people(services.live_source, ids)}
    return LimitTrialAnswer(
        month=f"{month:%Y-%m}",
        time_zone=zone,
        per_day=limits.per_day,
        per_week=limits.per_week,
        refused=len(refusals),
        items=[
            RefusedMeeting(
                booking_id=refusal.booking_id,
                kind=refusal.kind,
                starts_at=refusal.starts_at,
                host=Named(id=refusal.host_id, name=names.get(refusal.host_id, "")),
            )
            for refusal in first_refusals
        ],
    )
