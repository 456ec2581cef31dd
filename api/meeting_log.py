"""The meeting log: /v1/meeting-log, as JSON pages or the whole filter as CSV."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse

from api.answer import page_of
from api.body import StrictRoute
from api.csv_text import csv_lines
from api.flat import COLUMNS, flattened
from api.listing import Cursor, Limit, Search
from api.problems import answers
from api.request import FollowsMinPosition, Parts, Signed
from api.shapes import Meeting, PageOf
from api.texts import Instant
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
    if accept is not None and "text/csv" in accept:
        return download(meeting_log.stream(parts.live, asked, sort))
    return page_of(meeting_log.page(parts.live, asked, sort, limit, cursor))


def download(rows: Iterable[MeetingRow]) -> StreamingResponse:
    """Rows as a file of CSV, streamed."""
    lines = csv_lines(COLUMNS, map(flattened, rows))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=DOWNLOAD)


DOWNLOAD = {"Content-Disposition": 'attachment; filename="meeting-log.csv"'}
