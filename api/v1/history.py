"""The event log for auditors and admins: /v1/history."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator

from api.http.as_of_parameter import From, To
from api.http.auditing.bulk_reads import record_bulk_reads
from api.http.dependencies import Caller, CurrentCaller, CurrentServices, FollowsMinPosition, Id
from api.http.pagination import Cursor, Limit, validate_query_text
from api.http.problem_details import describe_problems
from api.http.responses import to_page_response
from api.http.strict_json import StrictRoute
from api.v1.history_models import HistoryEvent
from api.v1.response_models import PageOf
from domain.refusals import NotFound
from replay.history import event_history
from replay.history.event_history import HistoryFilters
from replay.history.event_rows import HistoryRow, redact_busy_feed

router = APIRouter(prefix="/v1/history", tags=["History"], route_class=StrictRoute)

Position = Annotated[int, Query(ge=0, le=2**63 - 1)]


def require_auditor(caller: CurrentCaller) -> None:
    """Require the role auditor or admin. Raises Forbidden."""
    caller.require_any_role("auditor", "admin")


ForAuditors = Depends(require_auditor)


@router.get(
    "",
    response_model=PageOf[HistoryEvent],
    dependencies=[ForAuditors, record_bulk_reads("history"), FollowsMinPosition],
    responses=describe_problems(401, 403, 422, 503),
)
def list_history(
    services: CurrentServices,
    caller: CurrentCaller,
    after: Annotated[Position, Query(description="Events after this position.")] = 0,
    until_position: Annotated[Position | None, Query(description="Events up to this position.")] = None,
    type: Annotated[
        str | None,
        Query(max_length=100, description="The name of an event, with its version or without: `LinkUpdated`."),
        AfterValidator(lambda v: v and validate_query_text(v)),
    ] = None,
    stream_id: UUID | None = None,
    actor: Annotated[
        str | None,
        Query(max_length=100, description="A person's id; or `person`, `guest`, `system`."),
        AfterValidator(lambda v: v and validate_query_text(v)),
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
    filters = HistoryFilters(after, until_position, type, stream_id, actor, recorded_from, recorded_to)
    page = event_history.list_events(services.database, filters, sort, limit, cursor)
    return to_page_response(page) | {"items": [redact_event(caller, row) for row in page.items]}


@router.get(
    "/streams/{id}",
    response_model=PageOf[HistoryEvent],
    dependencies=[ForAuditors, FollowsMinPosition],
    responses=describe_problems(401, 403, 404, 422, 503),
)
def get_stream_history(
    services: CurrentServices, caller: CurrentCaller, id: Id, limit: Limit = 200, cursor: Cursor = None
) -> dict[str, Any]:
    """The whole story of one link, token, person or meeting type, told; always current.

    `id` is that of the thing; a booking has the id of its token. In the order of its versions.
    """
    page = event_history.list_stream_events(services.database, id, limit, cursor)
    if page is None:
        raise NotFound
    return to_page_response(page) | {"items": [redact_event(caller, row) for row in page.items]}


def redact_event(caller: Caller, row: HistoryRow) -> dict[str, Any]:
    """Hide a person's busy_feed_url from everybody but that person and admins."""
    return dict(row) if caller.limit_visibility("admin") in (None, row["stream_id"]) else redact_busy_feed(row)
