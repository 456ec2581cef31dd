"""Read models, for admins: /v1/read-models."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from api.http.dependencies import Parts, Signed
from api.http.problem_details import answers
from api.http.strict_json import StrictRoute
from api.v1.response_models import PageOf
from domain.refusals import NotFound
from replay.read_model_status import Standing
from store.database import DatabaseAway

router = APIRouter(prefix="/v1/read-models", tags=["Read models"], route_class=StrictRoute)

RETRY_MILLISECONDS = 3_000


class RebuildProgress(BaseModel):
    """How far a rebuild is, in events; `eta_seconds` is null as long as nobody can know."""

    done: int
    total: int
    events_per_second: float
    eta_seconds: float | None


class ReadModelStanding(BaseModel):
    """How a read model stands. `rows` is counted up to some thousands, and the database's estimate beyond."""

    name: str
    version: int
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    rows: int
    state: Literal["following", "rebuilding", "stopped"]
    error: str | None
    rebuild: RebuildProgress | None


def as_admin(caller: Signed) -> None:
    """Lets only admins pass. Raises Unauthorized, Forbidden."""
    caller.require("admin")


ForAdmins = Depends(as_admin)
Name = Annotated[str, Path(description="The read model's name.")]


@router.get("", response_model=PageOf[ReadModelStanding], dependencies=[ForAdmins], responses=answers(401, 403, 503))
def list_read_models(parts: Parts) -> dict[str, Any]:
    """How each read model stands, and how far its rebuild is (admin)."""
    return page(parts.watching.now())


@router.get("/progress", response_class=EventSourceResponse, dependencies=[ForAdmins], responses=answers(401, 403, 503))
async def follow_progress(parts: Parts) -> AsyncIterator[ServerSentEvent]:
    """The list as server-sent events, as long as a rebuild is running (admin).

    `read_models` comes at once and whenever something has changed; `end` is the last event, so close the `EventSource`
    then, or let it ask again.
    """
    before: Sequence[Standing] | None = None
    while not parts.watching.ending:
        try:
            seen = await parts.watching.look()
        except DatabaseAway:
            return  # whoever watches connects again
        if seen != before:
            before = seen
            yield ServerSentEvent(event="read_models", data=shown(seen), retry=RETRY_MILLISECONDS)
        if not any(one["state"] == "rebuilding" for one in seen):
            yield ServerSentEvent(event="end", data={})
            return
        await parts.watching.pause()


@router.get(
    "/{name}", response_model=ReadModelStanding, dependencies=[ForAdmins], responses=answers(401, 403, 404, 503)
)
def get_read_model(parts: Parts, name: Name) -> Standing:
    """How one read model stands (admin)."""
    return named(name, parts.watching.now())


@router.post(
    "/{name}/rebuild",
    status_code=202,
    response_model=ReadModelStanding,
    dependencies=[ForAdmins],
    responses=answers(401, 403, 404, 409, 413, 422, 503),
)
def rebuild_read_model(parts: Parts, name: Name) -> Standing:
    """Begins to build a read model again from the log, beside the live one (admin)."""
    rebuild = parts.rebuilder.begin(name)
    try:
        return named(name, parts.watching.now())
    finally:
        parts.rebuilder.go_on(rebuild)


def page(seen: Sequence[Standing]) -> dict[str, Any]:
    """All of them as a list; they fit on one page."""
    return {"items": seen, "next_cursor": None}


def shown(seen: Sequence[Standing]) -> dict[str, Any]:
    """All of them as JSON."""
    return PageOf[ReadModelStanding].model_validate(page(seen)).model_dump(mode="json")


def named(name: str, seen: Sequence[Standing]) -> Standing:
    """The one of that name. Raises NotFound."""
    for one in seen:
        if one["name"] == name:
            return one
    raise NotFound
