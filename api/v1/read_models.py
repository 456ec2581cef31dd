"""Read models, for admins: /v1/read-models."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.dependencies import CurrentCaller, CurrentServices
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.v1.response_models import PageOf
from domain.refusals import NotFound
from replay.read_model_status import ReadModelStatus
from store.database import DatabaseAway

router = APIRouter(prefix="/v1/read-models", tags=["Read models"], route_class=StrictRoute)

RETRY_MILLISECONDS = 3_000


class ReadModelStanding(ReadModelStatus):
    """How a read model stands. `rows` is counted up to some thousands, and the database's estimate beyond."""


def require_admin(caller: CurrentCaller) -> None:
    """Require the role admin. Raises Unauthorized, Forbidden."""
    caller.require_any_role("admin")


ForAdmins = Depends(require_admin)
Name = Annotated[str, Path(description="The read model's name.")]


@router.get(
    "", response_model=PageOf[ReadModelStanding], dependencies=[ForAdmins], responses=describe_problems(401, 403, 503)
)
def list_read_models(services: CurrentServices) -> dict[str, Any]:
    """How each read model stands, and how far its rebuild is (admin).

    `lag_events` is how many events of the log are not folded yet. `state` is `following`, `rebuilding` or
    `stopped`; `error` says why it stopped.
    """
    return to_page(services.read_model_watcher.load_statuses())


@router.get(
    "/progress",
    response_class=EventSourceResponse,
    dependencies=[ForAdmins],
    responses=describe_problems(401, 403, 503),
)
async def follow_progress(services: CurrentServices) -> AsyncIterator[ServerSentEvent]:
    """The list as server-sent events, as long as a rebuild is running (admin).

    `read_models` comes at once and whenever something has changed; `end` is the last event, so close the `EventSource`
    then, or let it ask again.
    """
    last_statuses: Sequence[ReadModelStatus] | None = None
    while not services.read_model_watcher.stopping:
        try:
            statuses = await services.read_model_watcher.fetch_statuses()
        except DatabaseAway:
            return  # whoever watches connects again
        if statuses != last_statuses:
            last_statuses = statuses
            yield ServerSentEvent(event="read_models", data=to_progress_data(statuses), retry=RETRY_MILLISECONDS)
        if not any(status["state"] == "rebuilding" for status in statuses):
            yield ServerSentEvent(event="end", data={})
            return
        await services.read_model_watcher.wait_for_next_poll()


@router.get(
    "/{name}",
    response_model=ReadModelStanding,
    dependencies=[ForAdmins],
    responses=describe_problems(401, 403, 404, 503),
)
def get_read_model(services: CurrentServices, name: Name) -> ReadModelStatus:
    """How one read model stands (admin).

    `rebuild` is there while it is built again: how many events of how many are done, and the seconds left.
    """
    return find_status(name, services.read_model_watcher.load_statuses())


@router.post(
    "/{name}/rebuild",
    status_code=202,
    response_model=ReadModelStanding,
    dependencies=[ForAdmins],
    responses=describe_problems(401, 403, 404, "rebuild_running", "newer_version_live", 413, 422, 503),
)
def rebuild_read_model(services: CurrentServices, name: Name) -> ReadModelStatus:
    """Begins to build a read model again from the log, beside the live one (admin).

    Answers when its state is `rebuilding`; lists go on answering from the live table, which is swapped at the end.
    """
    rebuild = services.rebuilder.begin_rebuild(name)
    try:
        return find_status(name, services.read_model_watcher.load_statuses())
    finally:
        services.rebuilder.run_in_background(rebuild)


def to_page(statuses: Sequence[ReadModelStatus]) -> dict[str, Any]:
    """Build the list response; all read models fit on one page."""
    return {"items": statuses, "next_cursor": None}


def to_progress_data(statuses: Sequence[ReadModelStatus]) -> dict[str, Any]:
    """Build the JSON data of a progress event."""
    return PageOf[ReadModelStanding].model_validate(to_page(statuses)).model_dump(mode="json")


def find_status(name: str, statuses: Sequence[ReadModelStatus]) -> ReadModelStatus:
    """Find the status of a read model by name. Raises NotFound."""
    for status in statuses:
        if status["name"] == name:
            return status
    raise NotFound
