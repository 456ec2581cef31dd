"""FastAPI dependencies: services, caller, idempotency key, expected version and minimum position of a request."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, cast
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from api.http.access.key_use import find_key_holder
from api.http.api_key_scopes import LIMITED_ROLES, require_scope, require_scopes
from api.http.read_capacity import leave_read_slot
from api.http.validation_messages import parse_id
from api.services import Services
from domain.event import Actor, Context, Source
from domain.permissions import expand_roles
from domain.person import Person
from domain.refusals import (
    Forbidden,
    ForeignOrigin,
    Invalid,
    ReadModelBehind,
    Unauthorized,
)
from store.credentials.api_keys import KEY_PREFIX, CredentialHolder

SESSION_COOKIE = "oncelink_session"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ABOUT_KEYS = (
    "At most 255 visible ASCII characters that nobody can guess: a new random value for each thing to be made, with at"
    " least 128 random bits (32 random hexadecimal digits) where a guest books. The same key with the same body is"
    " answered as before; with any other body it is refused (422 `idempotency_key_reused`), and nothing of the earlier"
    " request is told."
)
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="`Authorization: Bearer olk_…`, with a key of `POST /v1/api-keys`.",
)


def get_services(request: Request) -> Services:
    """Get the application's services."""
    return cast(Services, request.app.state.services)


async def resolve_services(request: Request) -> Services:
    """Get the application's services. Async, because FastAPI runs sync dependencies in a thread."""
    return get_services(request)


CurrentServices = Annotated[Services, Depends(resolve_services)]


def get_request_id(request: Request) -> str:
    """Get the id of this request in the log and in `X-Request-Id`."""
    return cast(str, request.scope["request_id"])


@dataclass(frozen=True, slots=True)
class Caller:
    """The person who sends the request, and the context of their commands."""

    person: Person
    context: Context
    limited: bool = False  # by its key, to what is its person's own

    def to_local_date(self, moment: datetime) -> date:
        """Convert an instant to a date in the person's time zone."""
        return moment.astimezone(ZoneInfo(self.person.properties.time_zone)).date()

    @property
    def today(self) -> date:
        """Today's date in the person's time zone."""
        return self.to_local_date(self.context.now)

    def require_any_role(self, *roles: str) -> None:
        """Require one of these roles. Raises Forbidden."""
        if self.context.roles.isdisjoint(roles):
            raise Forbidden

    def limit_visibility(self, *roles: str) -> UUID | None:
        """Limit visibility: None with one of these roles, which see everything; else the caller's own id."""
        return self.person.id if self.context.roles.isdisjoint(roles) else None

    def build_context(self, source: str | None) -> Context:
        """Build the context with the client's own source; a limited key keeps its own."""
        if self.limited or not source:
            return self.context
        return replace(self.context, source=source)  # type: ignore[arg-type]


def authenticate_caller(
    request: Request,
    services: CurrentServices,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Authenticate by API key, or by session cookie when no key is sent; enforces the key's scope.

    Raises Unauthorized, Forbidden, ForeignOrigin.
    """
    if SESSION_COOKIE in request.cookies and "Authorization" not in request.headers:
        return authenticate_session(request, services)
    key = credentials.credentials if credentials else ""
    holder = find_key_holder(services, request, key) if key.startswith(KEY_PREFIX) else None
    if holder is None or holder.scope is None:
        if holder is not None:
            require_scopes(holder, request)
        return build_caller(request, services, holder, "api")
    caller = build_caller(request, services, holder, "extension")
    require_scope(holder, request)
    return Caller(caller.person, replace(caller.context, roles=caller.context.roles & LIMITED_ROLES), limited=True)


def authenticate_session(request: Request, services: Services) -> Caller:
    """Authenticate by session cookie; an unsafe method must come from our own pages.

    Raises Unauthorized, ForeignOrigin.
    """
    secret = request.cookies.get(SESSION_COOKIE)
    caller = build_caller(
        request, services, services.sessions.find_holder(secret, services.clock()) if secret else None, "web"
    )
    if request.method not in SAFE_METHODS:
        require_own_origin(request)
    return caller


def build_caller(request: Request, services: Services, holder: CredentialHolder | None, source: Source) -> Caller:
    """Build the caller of a key or session; the person must be active. Raises Unauthorized."""
    if holder is None:
        raise Unauthorized
    cached_person = services.aggregate_cache.find_aggregate(holder.person_id)
    person = services.administration.load_aggregates(
        [holder.person_id], fresh=not cached_person or cached_person.version != holder.version
    )[holder.person_id]
    if not isinstance(person, Person) or not person.active or person.has_left_since(holder.created_at):
        raise Unauthorized
    actor = Actor(kind="person", id=person.id)
    roles = expand_roles(person.properties.roles)
    return Caller(person, Context(services.clock(), actor, get_request_id(request), source, roles))


def require_own_origin(request: Request) -> None:
    """Require that the request comes from our own pages. Raises ForeignOrigin.

    `Origin` decides. When the browser omits it or sends `null`, its `Sec-Fetch-Site` does: no page can forge either,
    and every current browser sends one of them.
    """
    origin = request.headers.get("Origin", "null")
    if origin == "null":
        is_own = request.headers.get("Sec-Fetch-Site") == "same-origin"
    else:
        own_origins = (
            get_services(request).settings.base_url,
            f"{request.url.scheme}://{request.headers.get('Host', '')}",
        )
        is_own = origin in {"://".join(urlsplit(own_origin)[:2]) for own_origin in own_origins}
    if not is_own:
        raise ForeignOrigin


CurrentCaller = Annotated[Caller, Depends(authenticate_caller)]


async def parse_idempotency_key(
    value: Annotated[str | None, Header(alias="Idempotency-Key", description=ABOUT_KEYS)] = None,
) -> str | None:
    """Parse `Idempotency-Key`. Raises Invalid."""
    if value is not None and not VISIBLE_ASCII.fullmatch(value):
        raise Invalid("Idempotency-Key", "Send 1 to 255 visible ASCII characters.")
    return value


IdempotencyKey = Annotated[str | None, Depends(parse_idempotency_key)]


async def parse_if_match(
    value: Annotated[str | None, Header(alias="If-Match", description="The ETag that the change was made on.")] = None,
) -> int | None:
    """Parse `If-Match` to the version that the edit was made on; None for `*`. Raises Invalid."""
    if value is None or value.strip() == "*":
        return None
    match = re.fullmatch(r'(?:W/)?"(\d{1,9})"', value.strip())
    if match is None:
        raise Invalid("If-Match", 'Send the ETag of the thing, for example "3".')
    return int(match.group(1))


IfMatch = Annotated[int | None, Depends(parse_if_match)]


async def wait_for_min_position(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    value: Annotated[
        str | None, Header(alias="Oncelink-Min-Position", description="Waits until the list has this position.")
    ] = None,
) -> None:
    """Wait until the read models reach `Oncelink-Min-Position`, holding neither thread nor connection.

    Raises Unauthorized, Invalid, ReadModelBehind.
    """
    if value is None:
        return
    if not re.fullmatch(r"\d{1,18}", value):
        raise Invalid("Oncelink-Min-Position", "Send a position, a whole number.")
    async with leave_read_slot(request):
        is_reached = await services.position_waiter.wait_for_position(int(value))
    if not is_reached:
        raise ReadModelBehind


FollowsMinPosition = Depends(wait_for_min_position)


async def parse_path_id(id: Annotated[str, Path(description="An id.", json_schema_extra={"format": "uuid"})]) -> UUID:
    """Parse the path parameter `{id}`. Raises NotFound."""
    return parse_id(id)


Id = Annotated[UUID, Depends(parse_path_id)]


def build_position_header(position: int | None) -> dict[str, str]:
    """Build the header with which a client reads its own write; empty for None."""
    return {} if position is None else {"Oncelink-Position": str(position)}


def build_etag_header(version: int) -> dict[str, str]:
    """Build the ETag header of a version."""
    return {"ETag": f'"{version}"'}


def describe_request(body: Any, **route: str) -> dict[str, Any]:
    """Describe a request as values whose digest recognises its repetition: route parameters and body."""
    return {**route, "body": body.model_dump(mode="json")}
