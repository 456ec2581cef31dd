"""A team's month recounted with other weights: /v1/teams/{id}/recount."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from typing_extensions import TypedDict

from api.http.dependencies import CurrentCaller, CurrentServices, FollowsMinPosition, Id
from api.http.problem_details import describe_problems
from api.http.responses import require_row
from api.http.strict_json import StrictRoute
from api.services import Services
from domain.availability.hours import load_zone
from domain.choices.month_recount import Share
from domain.refusals import Invalid
from domain.team import MAX_PRIORITY, MAX_WEIGHT
from projections import people, teams
from projections.queries.name_lookups import Named
from projections.teams import TeamRow
from replay.team_recount import recount_month

router = APIRouter(prefix="/v1/teams", tags=["Teams"], route_class=StrictRoute)

READERS = ("manager", "auditor")
MONTH = re.compile(r"2\d{3}-(0[1-9]|1[0-2])")
Pairs = Annotated[str | None, Query(max_length=5_000, description="`PERSON_ID:NUMBER`, separated by commas.")]
Month = Annotated[str | None, Query(description="YYYY-MM in the organisation's zone; the current month if absent.")]


class RecountedMember(TypedDict):
    """A member: how many meetings they had, and would have had with this weight and priority."""

    person_id: UUID
    name: str
    weight: int
    priority: int
    happened: int
    recounted: int


class TeamRecount(TypedDict):
    """A team's month as it happened, and recounted. `different` of the `choices` would have been other ones."""

    team: Named
    month: str
    time_zone: str
    choices: int
    different: int
    members: list[RecountedMember]


@router.get(
    "/{id}/recount",
    response_model=TeamRecount,
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 403, 404, 422, 503),
)
def recount_team(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    month: Month = None,
    weights: Pairs = None,
    priorities: Pairs = None,
) -> TeamRecount:
    """A month of a team recounted with other weights (manager, auditor).

    Of the meetings that were booked in the month, in the order of the log: who would have been chosen of those who were
    free then. Members who are not named keep the weight and priority that each choice was made with. Without `weights`
    and `priorities`, everybody has what they had.
    """
    caller.require_any_role(*READERS)
    team = require_row(teams.find_team(services.from_log(), id))
    parsed_weights = parse_pairs("weights", weights, 1, MAX_WEIGHT)
    parsed_priorities = parse_pairs("priorities", priorities, 0, MAX_PRIORITY)
    return build_recount(services, team, parse_month(services, month), parsed_weights, parsed_priorities)


def build_recount(
    services: Services, team: TeamRow, month: date, weights: Mapping[UUID, int], priorities: Mapping[UUID, int]
) -> TeamRecount:
    """Recount a month of a team: its members, and former ones who had meetings then."""
    shares_now = {member["person_id"]: Share(member["weight"], member["priority"]) for member in team["members"]}
    shares = {
        id: Share(weights.get(id, now.weight), priorities.get(id, now.priority))
        for id in dict.fromkeys([*weights, *priorities])
        for now in [shares_now.get(id, Share(1))]
    }
    zone = services.organisation.load_organisation().properties.time_zone
    recount = recount_month(services.live_source, team["id"], month, zone, shares)
    counts = {member.person_id: member for member in recount.members}
    ids = list(dict.fromkeys([*shares_now, *counts]))
    names = {person["id"]: person["name"] for person in people.find_people(services.live_source, ids)}
    rows = [
        RecountedMember(
            person_id=id,
            name=names.get(id, ""),
            weight=share.weight,
            priority=share.priority,
            happened=counts[id].happened if id in counts else 0,
            recounted=counts[id].recounted if id in counts else 0,
        )
        for id in ids
        for share in [shares.get(id) or shares_now.get(id) or Share(1)]
    ]
    return TeamRecount(
        team=Named(id=team["id"], name=team["name"]),
        month=f"{month:%Y-%m}",
        time_zone=zone,
        choices=recount.choices,
        different=recount.different,
        members=rows,
    )


def parse_month(services: Services, text: str | None) -> date:
    """Return the first day of a month; of the current one in the organisation's zone for None. Raises Invalid."""
    if text is None:
        zone = load_zone(services.organisation.load_organisation().properties.time_zone)
        return services.clock().astimezone(zone).date().replace(day=1)
    if not MONTH.fullmatch(text):
        raise Invalid("month", "Write the month as YYYY-MM, from 2000-01 on.")
    return date.fromisoformat(f"{text}-01")


def parse_pairs(field: str, text: str | None, lowest: int, highest: int) -> dict[UUID, int]:
    """Return the numbers of people, by id. Raises Invalid."""
    numbers: dict[UUID, int] = {}
    for pair in filter(None, (text or "").split(",")):
        id, _, number = pair.partition(":")
        try:
            numbers[UUID(id)] = int(number) if number.isascii() and number.isdecimal() else -1
        except ValueError:
            raise Invalid(field, "Write PERSON_ID:NUMBER, separated by commas.") from None
        if not lowest <= numbers[UUID(id)] <= highest:
            raise Invalid(field, f"A whole number from {lowest} to {highest} for each person.")
    return numbers
