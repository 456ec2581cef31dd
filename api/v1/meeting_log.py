"""The meeting log: /v1/meeting-log, as JSON pages, or all matching rows as CSV."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.http.auditing.bulk_reads import BULK_LIMIT, record_bulk_reads
from api.http.auditing.recording import record_own_access
from api.http.csv import render_csv_lines
from api.http.dependencies import CurrentCaller, CurrentServices, FollowsMinPosition
from api.http.problem_details import describe_problems
from api.http.read_capacity import iterate_download
from api.http.responses import to_page_response
from api.http.strict_json import StrictRoute
from api.v1.list_queries import FollowedMeetingLogQuery
from api.v1.meeting_log_csv import COLUMNS, flatten_meeting
from api.v1.response_models import MeetingLogPage
from projections.log_rows import iterate_rows, list_rows
from projections.meeting_log import MeetingRow
from replay.changed_meetings import list_changed_meetings

router = APIRouter(prefix="/v1", tags=["Meeting log"], route_class=StrictRoute)

READERS = ("manager", "auditor", "analyst")
CSV_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page, or the whole filter as CSV."}
}


@router.get(
    "/meeting-log",
    response_model=MeetingLogPage,
    dependencies=[record_bulk_reads("meeting log", BULK_LIMIT), FollowsMinPosition],
    responses=CSV_RESPONSE | describe_problems(401, 422, 503),
)
def read_meeting_log(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    query: Annotated[FollowedMeetingLogQuery, Query()],
    accept: Annotated[str | None, Header(description="`text/csv` streams the whole filter.")] = None,
) -> Any:
    """What was booked, newest first; single-use rows are shown unless hidden.

    Members see meetings that they host or co-host, and those of links that they own; managers, auditors and
    analysts see all. `q` finds by word prefixes in the name and address of guest and recipient, and in the name of
    the link. `…_from` is included, `…_to` is not. `status=not_booked` lists single-use links that booked nothing so
    far instead of meetings, in the order in which they were issued: for whoever issued them, the owner of their core
    link, managers, auditors and analysts. With `Accept: text/csv` the whole filter is streamed as one file,
    without a window.

    `changed_after_position` lists instead what changed after a position of the log, ascending, each row as it stands
    now, with the `position` of its last change. Ask again with the position of the last row: nothing is missed,
    whatever is written meanwhile.
    """
    if query.changed_after_position is not None:
        query.require_no_filter()
        visible_to = caller.limit_visibility(*READERS)
        rows = list_changed_meetings(services.database, query.changed_after_position, query.limit, visible_to)
        return {"items": rows, "next_cursor": None}
    filters = query.to_filters(caller.limit_visibility(*READERS))
    if is_csv_preferred(accept or ""):
        record_own_access(services, request, caller, "export", what="meeting log")
        return stream_csv(request, iterate_rows(services.live_source, caller.context.now, filters, query.sort))
    return to_page_response(
        list_rows(services.live_source, caller.context.now, filters, query.sort, query.limit, query.cursor)
    )


def is_csv_preferred(accept: str) -> bool:
    """Whether an `Accept` header names CSV and does not prefer JSON (RFC 9110, 12.5.1)."""
    weights = {}
    for media_range in accept.lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        matches = [QUALITY.fullmatch(parameter) for parameter in parameters]
        weights[name] = next((float(media_range.group(1)) for media_range in matches if media_range), 1.0)
    return weights.get("text/csv", 0.0) > 0 and weights["text/csv"] >= weights.get("application/json", 0.0)


def stream_csv(request: Request, rows: Iterable[MeetingRow]) -> StreamingResponse:
    """Stream rows as a CSV file."""
    lines = iterate_download(request, render_csv_lines(COLUMNS, map(flatten_meeting, rows)))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=DOWNLOAD_HEADERS)


QUALITY = re.compile(r"q=([01](?:\.\d{0,3})?)")
DOWNLOAD_HEADERS = {"Content-Disposition": 'attachment; filename="meeting-log.csv"'}
