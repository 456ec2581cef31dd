"""People: /v1/people and /v1/me."""

from typing import Any

from fastapi import APIRouter, Response

from api.http.dependencies import Caller, FollowsMinPosition, Id, IdempotencyKey, IfMatch, Parts, Signed, digestible
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import answers
from api.http.responses import changed, created, page_of, shape, tag
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.request_bodies import NewPerson, OwnChanges, PersonChanges
from api.v1.response_models import LeftBehind, PageOf, Person
from domain.person import Person as PersonStream
from domain.person import PersonProperties
from projections import people
from projections.queries import departures

router = APIRouter(prefix="/v1", tags=["People"], route_class=StrictRoute)


@router.post("/people", status_code=201, response_model=Person, responses=answers(401, 403, 409, 413, 422, 503))
def add_person(parts: Parts, caller: Signed, key: IdempotencyKey, body: NewPerson, response: Response) -> Person:
    """Adds a person (admin)."""
    caller.require("admin")
    properties = PersonProperties(**{name: value for name, value in dict(body).items() if value is not None})
    outcome = parts.staffing.add_person(caller.context, properties, key, digestible(body, route="people"))
    created(response, parts, outcome)
    return answer(parts, caller, people.one(parts.from_log(outcome.position), outcome.id), response)


@router.get(
    "/people",
    response_model=PageOf[Person],
    dependencies=[FollowsMinPosition],
    responses=answers(401, 422, 503),
)
def list_people(
    parts: Parts, caller: Signed, q: Search = None, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """People, newest first."""
    page = people.page(parts.live, q, limit=limit, cursor=cursor)
    return page_of(page) | {"items": [discreet(caller, row) for row in page.items]}


@router.get("/people/{id}", response_model=Person, responses=answers(401, 404, 503))
def get_person(parts: Parts, caller: Signed, id: Id, response: Response) -> Person:
    """A person, always current."""
    return current(parts, caller, id, response)


@router.get("/people/{id}/impact", response_model=LeftBehind, responses=answers(401, 403, 404, 503))
def get_person_impact(parts: Parts, caller: Signed, id: Id) -> dict[str, Any]:
    """What somebody who leaves would leave behind, as lists have it (manager, auditor)."""
    caller.require("manager", "auditor")
    parts.staffing.get(PersonStream, id)
    return dict(departures.left_behind(parts.live, id, caller.context.now))


@router.patch("/people/{id}", response_model=Person, responses=answers(401, 403, 404, 409, 412, 413, 422, 503))
def change_person(
    parts: Parts, caller: Signed, id: Id, version: IfMatch, body: PersonChanges, response: Response
) -> Person:
    """Changes a person (admin)."""
    caller.require("admin")
    changed(response, parts, parts.staffing.update_person(caller.context, id, body.given(), version))
    return current(parts, caller, id, response)


@router.post("/people/{id}/deactivate", response_model=Person, responses=answers(401, 403, 404, 413, 422, 503))
def deactivate_person(parts: Parts, caller: Signed, id: Id, response: Response) -> Person:
    """Ends a person's sessions and keys, and stops offering their time (admin)."""
    caller.require("admin")
    changed(response, parts, parts.staffing.deactivate(caller.context, id))
    return current(parts, caller, id, response)


@router.post("/people/{id}/activate", response_model=Person, responses=answers(401, 403, 404, 413, 422, 503))
def activate_person(parts: Parts, caller: Signed, id: Id, response: Response) -> Person:
    """Puts a person back into service; keys from before stay ended (admin)."""
    caller.require("admin")
    changed(response, parts, parts.staffing.activate(caller.context, id))
    return current(parts, caller, id, response)


@router.get("/me", response_model=Person, responses=answers(401, 503))
def get_me(parts: Parts, caller: Signed, response: Response) -> Person:
    """The person who asks."""
    return current(parts, caller, caller.person.id, response)


@router.patch("/me", response_model=Person, responses=answers(401, 412, 413, 422, 503))
def change_me(parts: Parts, caller: Signed, version: IfMatch, body: OwnChanges, response: Response) -> Person:
    """Changes one's own zone and hours."""
    changed(response, parts, parts.staffing.update_person(caller.context, caller.person.id, body.given(), version))
    return current(parts, caller, caller.person.id, response)


def current(parts: Oncelink, caller: Caller, id: Any, response: Response) -> Person:
    """A person from the log."""
    return answer(parts, caller, people.one(parts.from_log(), id), response)


def answer(parts: Oncelink, caller: Caller, row: Any, response: Response) -> Person:
    """A person as the caller may see them. Raises NotFound."""
    person = shape(Person, discreet(caller, row))
    tag(response, person.version)
    return person


def discreet(caller: Caller, row: Any) -> Any:
    """The row without what is only for the person themselves and admins: the address of a feed is a secret."""
    if row is None or row["id"] == caller.person.id or "admin" in caller.context.roles:
        return row
    return {**row, "busy_feed_url": None}
