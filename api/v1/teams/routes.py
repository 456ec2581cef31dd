"""Teams: /v1/teams."""

from typing import Annotated, Any
from uuid import UUID

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
from api.services import Services
from api.v1.bodies.teams import NewTeam, TeamChanges
from api.v1.list_queries import TeamQuery
from api.v1.response_models import PageOf, Team
from projections import teams
from projections.teams import TeamRow

router = APIRouter(prefix="/v1/teams", tags=["Teams"], route_class=StrictRoute)


@router.post("", status_code=201, response_model=Team, responses=describe_problems(401, 403, 413, 422, 503))
def create_team(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewTeam, response: Response
) -> TeamRow:
    """Creates a team (manager).

    A link with a team books its hosts and one free member. Meetings are shared out in proportion to `weight` (1 to
    100); between equal shares, the higher `priority` (0 to 9) wins. Members are active people.
    """
    outcome = services.teams.create_team(
        caller.context, body.to_properties(), key, describe_request(body, route="teams")
    )
    announce_creation(response, services, outcome)
    return to_versioned_response(teams.find_team(services.from_log(outcome.position), outcome.id), response)


@router.get(
    "", response_model=PageOf[Team], dependencies=[FollowsMinPosition], responses=describe_problems(401, 422, 503)
)
def list_teams(
    services: CurrentServices, caller: CurrentCaller, query: Annotated[TeamQuery, Query()]
) -> dict[str, Any]:
    """Teams, newest first.

    `q` finds by word prefixes in the name; `member_id` keeps the teams of a person. Everybody who is signed in may read
    the list: a member gives a link of their own a team.
    """
    page = teams.list_teams(
        services.live_source, query.q, limit=query.limit, cursor=query.cursor, member_id=query.member_id
    )
    return to_page_response(page)


@router.get("/{id}", response_model=Team, responses=describe_problems(401, 404, 503))
def get_team(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> TeamRow:
    """A team, always current.

    Everybody who is signed in may read it. `ETag` has its version.
    """
    return load_team(services, id, response)


@router.patch("/{id}", response_model=Team, responses=describe_problems(401, 403, 404, 412, 413, 422, 503))
def change_team(
    services: CurrentServices, caller: CurrentCaller, id: Id, version: IfMatch, body: TeamChanges, response: Response
) -> TeamRow:
    """Changes a team; links with it and their unused single-use links follow at once (manager).

    A field that is absent stays as it is; `members` replaces all of them. A member who is added must be an active
    person. Meetings that are booked keep their hosts.
    """
    announce_change(response, services, services.teams.update_team(caller.context, id, body.to_changes(), version))
    return load_team(services, id, response)


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 403, 404, "team_in_use", 412, 413, 422, 503))
def delete_team(services: CurrentServices, caller: CurrentCaller, id: Id, version: IfMatch, response: Response) -> None:
    """Deletes a team that no link has any more (manager).

    While a link or managed link has it, this is refused: `GET /v1/links?view=all&team_id=…` lists them. Booked
    meetings stay. Deleting it again changes nothing.
    """
    announce_change(response, services, services.teams.delete_team(caller.context, id, version))


def load_team(services: Services, id: UUID, response: Response) -> TeamRow:
    """Load a team from the log and set its ETag. Raises NotFound."""
    return to_versioned_response(teams.find_team(services.from_log(), id), response)
