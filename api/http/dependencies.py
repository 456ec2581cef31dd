"""What a request says of itself: who asks, its idempotency key, the version it was made on, what it waits for."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, cast
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from anyio import to_thread
from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from api.clock import now
from api.http.api_key_scopes import ROLES, require_within
from api.http.validation_messages import known_id
from api.services import Oncelink
from domain.event import Actor, Context, Source
from domain.permissions import implied
from domain.person import Person
from domain.refusals import (
    Forbidden,
    ForeignOrigin,
    Invalid,
    ReadModelBehind,
    TooManyRequests,
    Unauthorized,
)
from store.credentials.api_keys import KEY_PREFIX, Holder

SESSION = "oncelink_session"
SAFE = ("GET", "HEAD", "OPTIONS")
ABOUT_KEYS = (
    "At most 255 visible ASCII characters that nobody can guess: a new random value for each thing to be made, with at"
    " least 128 random bits (32 random hexadecimal digits) where a guest books. The same key with the same body is"
    " answered as before; with any other body it is refused (422 `idempotency_key_reused`), and nothing of the earlier"
    " request is told."
)
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="`Authorization: Bearer olk_…`")


def parts_of(request: Request) -> Oncelink:
    """The running Oncelink."""
    return cast(Oncelink, request.app.state.oncelink)


async def running(request: Request) -> Oncelink:
    """The running Oncelink. Async, like every dependency that never waits: FastAPI sends the others to a thread."""
    return parts_of(request)


Parts = Annotated[Oncelink, Depends(running)]


def request_id(request: Request) -> str:
    """The id that this request has in the log and in its answer's `X-Request-Id`."""
    return cast(str, request.scope["request_id"])


@dataclass(frozen=True, slots=True)
class Caller:
    """The person who asks, and the context of the command."""

    person: Person
    context: Context
    limited: bool = False  # by its key, to what is its person's own

    def day_of(self, moment: datetime) -> date:
        """The day that a moment falls on where the person is."""
        return moment.astimezone(ZoneInfo(self.person.properties.time_zone)).date()

    @property
    def today(self) -> date:
        """The day that it is where the person is."""
        return self.day_of(self.context.now)

    def require(self, *roles: str) -> None:
        """Lets only a holder of one of these roles go on. Raises Forbidden."""
        if self.context.roles.isdisjoint(roles):
            raise Forbidden

    def sees_all(self, *roles: str) -> UUID | None:
        """None for a holder of one of these roles, who sees everything; else whose things may be seen."""
        return self.person.id if self.context.roles.isdisjoint(roles) else None

    def from_source(self, source: str | None) -> Context:
        """The context, with the source that the client names for itself; a limited key has its own."""
        if self.limited or not source:
            return self.context
        return replace(self.context, source=source)  # type: ignore[arg-type]


def signed_in(
    request: Request, parts: Parts, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """Who an API key belongs to, or the session of the pages where none is sent; here alone scopes are enforced.

    Raises Unauthorized, Forbidden, ForeignOrigin.
    """
    if SESSION in request.cookies and "Authorization" not in request.headers:
        return by_session(request, parts)
    key = credentials.credentials if credentials else ""
    holder = parts.keys.holder(key) if key.startswith(KEY_PREFIX) else None
    if holder is None or holder.scope is None:
        return caller(request, parts, holder, "api")
    found = caller(request, parts, holder, "extension")
    require_within(holder, request)
    return Caller(found.person, replace(found.context, roles=found.context.roles & ROLES), limited=True)


def by_session(request: Request, parts: Oncelink) -> Caller:
    """Who the session cookie belongs to; what changes something must come from our own pages.

    Raises Unauthorized, ForeignOrigin.
    """
    secret = request.cookies.get(SESSION)
    found = caller(request, parts, parts.sessions.holder(secret, now()) if secret else None, "web")
    if request.method not in SAFE:
        require_own_origin(request)
    return found


def caller(request: Request, parts: Oncelink, holder: Holder | None, source: Source) -> Caller:
    """The active person whom a key or session belongs to. Raises Unauthorized."""
    if holder is None:
        raise Unauthorized
    remembered = parts.memory.aggregate(holder.person_id)
    person = parts.staffing.load([holder.person_id], fresh=not remembered or remembered.version != holder.version)[
        holder.person_id
    ]
    if not isinstance(person, Person) or not person.active or person.keys_end_at(holder.created_at):
        raise Unauthorized
    actor = Actor(kind="person", id=person.id)
    roles = implied(person.properties.roles)
    return Caller(person, Context(now(), actor, request_id(request), source, roles))


def require_own_origin(request: Request) -> None:
    """Lets only a request of our own pages go on. Raises ForeignOrigin.

    `Origin` decides. A browser leaves it out or says `null` in a few cases, then its own word `Sec-Fetch-Site` does:
    no page can forge either, and every browser of this decade sends one of them.
    """
    origin = request.headers.get("Origin", "null")
    if origin == "null":
        own = request.headers.get("Sec-Fetch-Site") == "same-origin"
    else:
        ours = (parts_of(request).settings.base_url, f"{request.url.scheme}://{request.headers.get('Host', '')}")
        own = origin in {"://".join(urlsplit(one)[:2]) for one in ours}
    if not own:
        raise ForeignOrigin


Signed = Annotated[Caller, Depends(signed_in)]


async def as_guest(request: Request, parts: Parts) -> Context:
    """The context of somebody who is not signed in. Raises TooManyRequests."""
    instant = now()
    limit = parts.settings.guest_rate_limit
    if limit and request.client:
        sent = await to_thread.run_sync(parts.keys.requests_this_minute, request.client.host, instant)
        if sent > limit:
            raise TooManyRequests
    return Context(instant, Actor(kind="guest"), request_id(request), "web")


AsGuest = Annotated[Context, Depends(as_guest)]


async def idempotency_key(
    value: Annotated[str | None, Header(alias="Idempotency-Key", description=ABOUT_KEYS)] = None,
) -> str | None:
    """The client's key for this request. Raises Invalid."""
    if value is not None and not VISIBLE_ASCII.fullmatch(value):
        raise Invalid("Idempotency-Key", "Send 1 to 255 visible ASCII characters.")
    return value


IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]


async def if_match(
    value: Annotated[str | None, Header(alias="If-Match", description="The ETag that the change was made on.")] = None,
) -> int | None:
    """The version that an edit was made on. Raises Invalid."""
    if value is None or value.strip() == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"(\d{1,9})"', value.strip())
    if found is None:
        raise Invalid("If-Match", 'Send the ETag of the thing, for example "3".')
    return int(found.group(1))


IfMatch = Annotated[int | None, Depends(if_match)]


async def min_position(
    parts: Parts,
    caller: Signed,
    value: Annotated[
        str | None, Header(alias="Oncelink-Min-Position", description="Waits until the list has this position.")
    ] = None,
) -> None:
    """Lets somebody signed in wait until the read models are at a position, holding neither thread nor connection.

    Raises Unauthorized, ReadModelBehind.
    """
    if value is None:
        return
    if not re.fullmatch(r"\d{1,18}", value):
        raise Invalid("Oncelink-Min-Position", "Send a position, a whole number.")
    if not await parts.waiting.reached(int(value)):
        raise ReadModelBehind


FollowsMinPosition = Depends(min_position)


async def id_in_path(id: Annotated[str, Path(description="An id.", json_schema_extra={"format": "uuid"})]) -> UUID:
    """The `{id}` of a path. Raises NotFound."""
    return known_id(id)


Id = Annotated[UUID, Depends(id_in_path)]


def written(position: int | None) -> dict[str, str]:
    """The header that lets a client read its own write."""
    return {} if position is None else {"Oncelink-Position": str(position)}


def tagged(version: int) -> dict[str, str]:
    """The header that lets a client edit what it saw."""
    return {"ETag": f'"{version}"'}


def digestible(body: Any, **route: str) -> dict[str, Any]:
    """A request as values, for recognising its repetition: its route's parameters and its body."""
    return {**route, "body": body.model_dump(mode="json")}
