"""Why a time is on offer or not: /v1/links/{id}/explain."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BeforeValidator

from api.field_types import Instant
from api.http.as_of_parameter import TEXT
from api.http.dependencies import CurrentCaller, CurrentServices, Id
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.instant_parsing import parse_instant_or_position
from api.v1.explanations.explaining import describe_verdict, load_offer_then
from api.v1.explanations.models import Explanation
from domain.availability.hours import Interval
from domain.refusals import Invalid

router = APIRouter(prefix="/v1/links", tags=["Links"], route_class=StrictRoute)

FIRST_YEAR, LAST_YEAR = 2000, 3000  # as of every day that is asked for
OptionalAt = Annotated[
    int | datetime | None,
    BeforeValidator(lambda value: value if value is None else parse_instant_or_position(value)),
    TEXT,
    Query(description="As it was at an instant (RFC 3339) or a position of the log; now when absent."),
]


@router.get(
    "/{id}/explain",
    response_model=Explanation,
    responses=describe_problems(401, 403, 404, 422, 503),
    operation_id="explain_start",
)
def explain_start(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    start: Annotated[Instant, Query(description="The start that was, or was not, on offer (RFC 3339).")],
    at: OptionalAt = None,
) -> dict[str, Any]:
    """Why a start is on offer or not: the verdict of every rule, host and member of the team.

    For whoever may change the link, and auditors. The rules are those that guests are offered slots by. With `at`, as
    it was then: what stood in people's own calendars is not known any more, and `unknown` says so. What fills a
    person's time is told to that person alone.
    """
    if not FIRST_YEAR <= start.year < LAST_YEAR:
        raise Invalid("start", f"Send a start from {FIRST_YEAR} on and before {LAST_YEAR}.")
    then = load_offer_then(services, caller, id, Interval(start, start), at)
    judgement = then.judge(start)
    link = then.offer.link
    return {
        "link": {"id": link.id, "name": link.properties.name},
        "start": start,
        "at": then.now,
        "position": then.position,
        "on_offer": judgement.is_on_offer,
        "verdicts": [describe_verdict(then, verdict, start, caller.person.id) for verdict in judgement.verdicts],
        "unknown": then.unknown,
    }
