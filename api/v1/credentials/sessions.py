"""Sessions of the pages: /v1/sessions."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from api.http.access.entries import record_access
from api.http.dependencies import SESSION_COOKIE, Caller, CurrentCaller, CurrentServices, Id
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.services import Services
from domain.person import Person
from domain.refusals import NotFound

router = APIRouter(prefix="/v1/sessions", tags=["API keys"], route_class=StrictRoute)


class Session(BaseModel):
    """A session of somebody who signed in to the pages, through the OpenID provider where `by_provider`."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    by_provider: bool
    is_current: bool


class Sessions(BaseModel):
    """All sessions of a person."""

    items: list[Session]


@router.get("", response_model=Sessions, responses=describe_problems(401, 403, 404, 422, 503))
def list_sessions(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    person_id: Annotated[UUID | None, Query(description="Somebody else's (admin).")] = None,
) -> dict[str, Any]:
    """Sessions of one's own, newest first; those of anybody for admins.

    `last_used_at` is exact to five minutes. A session ends by signing out, after 30 days, or when it was not used for
    `ONCELINK_SESSION_IDLE_HOURS`.
    """
    holder_id = caller.person.id if person_id is None else person_id
    if holder_id != caller.person.id:
        caller.require_any_role("admin")
        services.administration.load_aggregate(Person, holder_id)
    secret = request.cookies.get(SESSION_COOKIE)
    return {"items": services.sessions.list_sessions(holder_id, caller.context.now, secret)}


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 404, 413, 503))
def end_session(request: Request, services: CurrentServices, caller: CurrentCaller, id: Id) -> None:
    """Ends a session of one's own; admins end anybody's.

    It is refused from the next request on. API keys stay as they are.
    """
    end_session_of(services, request, caller, id)


def end_session_of(services: Services, request: Request, caller: Caller, id: UUID) -> None:
    """End a session of the caller, or for an admin anybody's. Raises NotFound."""
    holder_id = services.sessions.find_session_holder(id)
    if holder_id is None or (holder_id != caller.person.id and "admin" not in caller.context.roles):
        raise NotFound
    services.sessions.end_session_by_id(id)
    record_access(services, request, "sign_out", caller.person.id, holder_id, None, way="session ended")
