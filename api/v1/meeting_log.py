"""The meeting log: /v1/meeting-log, as JSON pages or the whole filter as CSV."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse

from api.field_types import Instant
from api.http.csv import csv_lines
from api.http.dependencies import FollowsMinPosition, Parts, Signed
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import answers
from api.http.responses import page_of
from api.http.strict_json import StrictRoute
from api.v1.meeting_log_csv import COLUMNS, flattened
from api.v1.response_models import Meeting, PageOf
from projections import meeting_log
from projections.meeting_log import MeetingFilters, MeetingRow

router = APIRouter(prefix="/v1", tags=["Meeting log"], route_class=StrictRoute)

Sort = Literal["booked_at", "-booked_at", "starts_at", "-starts_at"]
READERS = ("manager", "auditor", "analyst")
CSV_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page, or the whole filter as CSV."}
}


def filters(
    caller: Signed,
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
    """What is asked for, narrowed to what the caller may see; `…_to` is not included."""
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
        visible_to=caller.sees_all(*READERS),
    )


@router.get(
    "/meeting-log",
    response_model=PageOf[Meeting],
    dependencies=[FollowsMinPosition],
    responses=CSV_ANSWER | answers(401, 422, 503),
)
def read_meeting_log(
    parts: Parts,
    asked: Annotated[MeetingFilters, Depends(filters)],
    sort: Sort = "-booked_at",
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Annotated[str | None, Header(description="`text/csv` streams the whole filter.")] = None,
) -> Any:
    """What was booked, newest first; single-use rows are shown unless hidden."""
    if prefers_csv(accept or ""):
        return download(meeting_log.stream(parts.live, asked, sort))
    return page_of(meeting_log.page(parts.live, asked, sort, limit, cursor))


def prefers_csv(accept: str) -> bool:
    """Whether an `Accept` names CSV, and does not prefer JSON to it (RFC 9110, 12.5.1)."""
    weights = {}
    for one in accept.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        found = [WEIGHT.fullmatch(parameter) for parameter in parameters]
        weights[name] = next((float(one.group(1)) for one in found if one), 1.0)
    return weights.get("text/csv", 0.0) > 0 and weights["text/csv"] >= weights.get("application/json", 0.0)


def download(rows: Iterable[MeetingRow]) -> StreamingResponse:
    """Rows as a file of CSV, streamed."""
    lines = csv_lines(COLUMNS, map(flattened, rows))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=DOWNLOAD)


WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)")
DOWNLOAD = {"Content-Disposition": 'attachment; filename="meeting-log.csv"', "Cache-Control": "no-store"}
