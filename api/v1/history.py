"""The history, for auditors and admins: /v1/history."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator

from api.http.as_of_parameter import From, To
from api.http.dependencies import Caller, FollowsMinPosition, Id, Parts, Signed
from api.http.pagination import Cursor, Limit, clean
from api.http.problem_details import answers
from api.http.responses import page_of
from api.http.strict_json import StrictRoute
from api.v1.history_models import HistoryEvent
from api.v1.response_models import PageOf
from domain.refusals import NotFound
from replay.history import event_history
from replay.history.event_history import HistoryFilters
from replay.history.event_rows import HistoryRow

router = APIRouter(prefix="/v1/history", tags=["History"], route_class=StrictRoute)

Position = Annotated[int, Query(ge=0, le=2**63 - 1)]
HIDDEN = "hidden"


def for_auditors(caller: Signed) -> None:
    """The history is for auditors and admins. Raises Forbidden."""
    caller.require("auditor", "admin")


ForAuditors = Depends(for_auditors)


@router.get(
    "",
    response_model=PageOf[HistoryEvent],
    dependencies=[ForAuditors, FollowsMinPosition],
    responses=answers(401, 403, 422, 503),
)
def list_history(
    parts: Parts,
    caller: Signed,
    after: Annotated[Position, Query(description="Events after this position.")] = 0,
    until_position: Annotated[Position | None, Query(description="Events up to this position.")] = None,
    type: Annotated[
        str | None,
        Query(max_length=100, description="The name of an event, with its version or without: `LinkUpdated`."),
        AfterValidator(lambda v: v and clean(v)),
    ] = None,
    stream_id: UUID | None = None,
    actor: Annotated[
        str | None,
        Query(max_length=100, description="A person's id; or `person`, `guest`, `system`."),
        AfterValidator(lambda v: v and clean(v)),
    ] = None,
    recorded_from: From = None,
    recorded_to: To = None,
    sort: Annotated[Literal["position", "-position"], Query(description="`-position`: newest first.")] = "position",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Every event in the order of the log, told as a sentence.

    Only settled events: whoever pages through them, or comes back with the last position as `after`, misses none.
    """
    asked = HistoryFilters(after, until_position, type, stream_id, actor, recorded_from, recorded_to)
    page = event_history.page(parts.database, asked, sort, limit, cursor)
    return page_of(page) | {"items": [shown(caller, row) for row in page.items]}


@router.get(
    "/streams/{id}",
    response_model=PageOf[HistoryEvent],
    dependencies=[ForAuditors, FollowsMinPosition],
    responses=answers(401, 403, 404, 422, 503),
)
def get_stream_history(
    parts: Parts, caller: Signed, id: Id, limit: Limit = 200, cursor: Cursor = None
) -> dict[str, Any]:
    """The whole story of one link, token, person or meeting type, told; always current."""
    page = event_history.stream(parts.database, id, limit, cursor)
    if page is None:
        raise NotFound
    return page_of(page) | {"items": [shown(caller, row) for row in page.items]}


def shown(caller: Caller, row: HistoryRow) -> dict[str, Any]:
    """An event as the caller may see it: a person's busy feed is a secret of theirs and of admins."""
    if "busy_feed_url" not in row["data"] or caller.sees_all("admin") in (None, row["stream_id"]):
        return dict(row)
    secret = {"from": HIDDEN, "to": HIDDEN}
    changes = [{**change, **secret} if change["field"] == "busy_feed_url" else change for change in row["changes"]]
    return {**row, "data": {**row["data"], "busy_feed_url": None}, "changes": changes}
