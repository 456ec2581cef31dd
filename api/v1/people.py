"""People: /v1/people and /v1/me."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.auditing.recording import watch_role_change
from api.http.dependencies import (
    Caller,
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
from api.v1.bodies.people import NewPerson, OwnChanges, PersonChanges
from api.v1.list_queries import SearchQuery
from api.v1.response_models import LeftBehind, PageOf, Person
from domain.person import Person as PersonStream
from projections import departures, people
from projections.departures import DepartureImpact
from projections.people import PersonRow

router = APIRouter(prefix="/v1", tags=["People"], route_class=StrictRoute)


@router.post(
    "/people",
    status_code=201,
    response_model=Person,
    responses=describe_problems(401, 403, "email_taken", 413, 422, 503),
)
def add_person(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewPerson, response: Response
) -> PersonRow:
    """Adds a person, and mails them an invitation unless `invite` is false (admin).

    Answers with the person. Without `weekly_hours` they are available from Monday to Friday, 09:00 to 17:00 in
    their own `time_zone`. An e-mail address is taken once, whatever its case.
    """
    caller.require_any_role("admin")
    outcome = services.administration.add_person(
        caller.context, body.to_properties(), key, describe_new_person(body), body.invite
    )
    announce_creation(response, services, outcome)
    return to_person_response(caller, people.find_person(services.from_log(outcome.position), outcome.id), response)


@router.get(
    "/people",
    response_model=PageOf[Person],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 422, 503),
)
def list_people(
    services: CurrentServices, caller: CurrentCaller, query: Annotated[SearchQuery, Query()]
) -> dict[str, Any]:
    """People, newest first.

    `q` finds by word prefixes in name and e-mail address. Everybody who is signed in may read the list.
    `busy_feed_url` is null except in the row of the person who asks, and for admins.
    """
    page = people.list_people(services.live_source, query.q, limit=query.limit, cursor=query.cursor)
    return to_page_response(page) | {"items": [hide_busy_feed(caller, row) for row in page.items]}


@router.get("/people/{id}", response_model=Person, responses=describe_problems(401, 404, 503))
def get_person(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> PersonRow:
    """A person, always current.

    Everybody who is signed in may read it. `busy_feed_url` is null except for the person and for admins.
    """
    return load_person(services, caller, id, response)


@router.get("/people/{id}/impact", response_model=LeftBehind, responses=describe_problems(401, 403, 404, 503))
def get_person_impact(services: CurrentServices, caller: CurrentCaller, id: Id) -> DepartureImpact:
    """What somebody who leaves would leave behind, as lists have it (manager, auditor).

    Counts active core links that need the person's time, active single-use links of those, and meetings that are
    booked and not over. Read it before you deactivate somebody.
    """
    caller.require_any_role("manager", "auditor")
    services.administration.load_aggregate(PersonStream, id)
    return departures.count_departure_impact(services.live_source, id, caller.context.now)


@router.patch(
    "/people/{id}", response_model=Person, responses=describe_problems(401, 403, 404, "email_taken", 412, 413, 422, 503)
)
def change_person(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    version: IfMatch,
    body: PersonChanges,
    response: Response,
) -> PersonRow:
    """Changes a person (admin).

    A field that is absent stays as it is; `null` clears `busy_feed_url`, `limits` and `holidays`. With `If-Match`,
    only the version that it names is changed.
    """
    caller.require_any_role("admin")
    with watch_role_change(services, request, caller, id):
        position = services.administration.update_person(caller.context, id, body.get_sent_fields(), version)
    announce_change(response, services, position)
    return load_person(services, caller, id, response)


@router.post(
    "/people/{id}/deactivate", response_model=Person, responses=describe_problems(401, 403, 404, 413, 422, 503)
)
def deactivate_person(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> PersonRow:
    """Ends a person's sessions and keys, and stops offering their time (admin).

    Answers with the person. Their keys, sessions and sign-in links end at once, and slots with them are no longer
    on offer. Meetings that are booked stay. Doing it again changes nothing.
    """
    caller.require_any_role("admin")
    announce_change(response, services, services.administration.deactivate_person(caller.context, id))
    return load_person(services, caller, id, response)


@router.post(
    "/people/{id}/invite",
    response_model=Person,
    responses=describe_problems(401, 403, 404, "nothing_to_send", 413, 422, 503),
)
def invite_person(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> PersonRow:
    """Mails a person an invitation, or the same one again unless it is on its way (admin).

    Answers with the person. Somebody who was deactivated gets none: 409 `nothing_to_send`.
    """
    announce_change(response, services, services.administration.invite_person(caller.context, id))
    return load_person(services, caller, id, response)


@router.post("/people/{id}/activate", response_model=Person, responses=describe_problems(401, 403, 404, 413, 422, 503))
def activate_person(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> PersonRow:
    """Puts a person back into service; keys from before stay ended (admin).

    Answers with the person. Their links offer times again. Doing it again changes nothing.
    """
    caller.require_any_role("admin")
    announce_change(response, services, services.administration.activate_person(caller.context, id))
    return load_person(services, caller, id, response)


@router.get("/me", response_model=Person, responses=describe_problems(401, 503))
def get_me(services: CurrentServices, caller: CurrentCaller, response: Response) -> PersonRow:
    """The person who asks.

    Tells whose key it is, with their roles. It is the cheapest way to check a key.
    """
    return load_person(services, caller, caller.person.id, response)


@router.patch("/me", response_model=Person, responses=describe_problems(401, 412, 413, 422, 503))
def change_me(
    services: CurrentServices, caller: CurrentCaller, version: IfMatch, body: OwnChanges, response: Response
) -> PersonRow:
    """Changes one's own zone and hours.

    Takes `time_zone`, `weekly_hours`, `date_overrides`, `limits`, `holidays`, `absences` and `busy_feed_url`;
    everything else of a person is changed by an admin. Hours are wall-clock times in the person's own zone:
    `{"mon": [["09:00", "17:00"]]}`. A date in `date_overrides` replaces the hours of its weekday, `[]` takes the day
    off. Nothing is offered on holidays and absences, nor on a day or in a week that is full by the limits.
    """
    announce_change(
        response,
        services,
        services.administration.update_person(caller.context, caller.person.id, body.get_sent_fields(), version),
    )
    return load_person(services, caller, caller.person.id, response)


def load_person(services: Services, caller: Caller, id: UUID, response: Response) -> PersonRow:
    """Load a person from the log and build the response."""
    return to_person_response(caller, people.find_person(services.from_log(), id), response)


def to_person_response(caller: Caller, row: PersonRow | None, response: Response) -> PersonRow:
    """Build the response of a person for a caller, and set its ETag. Raises NotFound."""
    return hide_busy_feed(caller, to_versioned_response(row, response))


def hide_busy_feed(caller: Caller, row: PersonRow) -> PersonRow:
    """Hide the secret busy_feed_url from everybody but the person and admins."""
    if row["id"] == caller.person.id or "admin" in caller.context.roles:
        return row
    return {**row, "busy_feed_url": None}


def describe_new_person(body: NewPerson) -> dict[str, Any]:
    """Describe a request as values whose digest recognises its repetition, as before there was `invite`."""
    request = describe_request(body, route="people")
    if body.invite:
        del request["body"]["invite"]
    return request
