"""The meeting log: /v1/meeting-log, as JSON pages, or all matching rows as CSV."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse

from api.field_types import Instant
from api.http.csv import render_csv_lines
from api.http.dependencies import CurrentCaller, CurrentServices, FollowsMinPosition
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import describe_problems
from api.http.responses import to_page_response
from api.http.strict_json import StrictRoute
from api.v1.meeting_log_csv import COLUMNS, flatten_meeting
from api.v1.response_models import Meeting, PageOf
from projections import meeting_log
from projections.meeting_log import MeetingFilters, MeetingRow

router = APIRouter(prefix="/v1", tags=["Meeting log"], route_class=StrictRoute)

Sort = Literal["booked_at", "-booked_at", "starts_at", "-starts_at"]
READERS = ("manager", "auditor", "analyst")
CSV_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page, or the whole filter as CSV."}
}


def parse_filters(
    caller: CurrentCaller,
    link_type: Literal["standard", "managed", "single_use"] | None = None,
    hide_single_use: bool = False,
    status: Literal["scheduled", "rescheduled", "cancelled"] | None = None,
    host_id: UUID | None = None,
    link_id: UUID | None = None,
    meeting_type_id: UUID | None = None,
    q: Search = None,
    booked_from: Instant | None = None,
    booked_to: Instant | None = None,
    starts_from: Instant | None = None,
    starts_to: Instant | None = None,
) -> MeetingFilters:
    """Build the filters, limited to what the caller may see; `…_to` is exclusive."""
    return MeetingFilters(
        link_type=link_type,
        hide_single_use=hide_single_use,
        status=status,
        host_id=host_id,
        link_id=link_id,
        meeting_type_id=meeting_type_id,
        q=q,
        booked_from=booked_from,
        booked_to=booked_to,
        starts_from=starts_from,
        starts_to=starts_to,
        visible_to=caller.limit_visibility(*READERS),
    )


@router.get(
    "/meeting-log",
    response_model=PageOf[Meeting],
    dependencies=[FollowsMinPosition],
    responses=CSV_RESPONSE | describe_problems(401, 422, 503),
)
def read_meeting_log(
    services: CurrentServices,
    filters: Annotated[MeetingFilters, Depends(parse_filters)],
    sort: Sort = "-booked_at",
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Annotated[str | None, Header(description="`text/csv` streams the whole filter.")] = None,
) -> Any:
    """What was booked, newest first; single-use rows are shown unless hidden."""
    if is_csv_preferred(accept or ""):
        return stream_csv(meeting_log.iterate_meetings(services.live_source, filters, sort))
    return to_page_response(meeting_log.list_meetings(services.live_source, filters, sort, limit, cursor))


def is_csv_preferred(accept: str) -> bool:
    """Whether an `Accept` header names CSV and does not prefer JSON (RFC 9110, 12.5.1)."""
    weights = {}
    for media_range in accept.lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        matches = [QUALITY.fullmatch(parameter) for parameter in parameters]
        weights[name] = next((float(media_range.group(1)) for media_range in matches if media_range), 1.0)
    return weights.get("text/csv", 0.0) > 0 and weights["text/csv"] >= weights.get("application/json", 0.0)


def stream_csv(rows: Iterable[MeetingRow]) -> StreamingResponse:
    """Stream rows as a CSV file."""
    lines = render_csv_lines(COLUMNS, map(flatten_meeting, rows))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=DOWNLOAD_HEADERS)


QUALITY = re.compile(r"q=([01](?:\.\d{0,3})?)")
DOWNLOAD_HEADERS = {"Content-Disposition": 'attachment; filename="meeting-log.csv"', "Cache-Control": "no-store"}
