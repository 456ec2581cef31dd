"""Usage: /v1/usage."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.field_types import Day, TimeZone
from api.http.auditing.recording import record_own_access
from api.http.csv import render_csv_lines
from api.http.dependencies import Caller, CurrentCaller, CurrentServices, FollowsMinPosition
from api.http.pagination import Cursor, Limit
from api.http.problem_details import describe_problems
from api.http.responses import to_page_response
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.meeting_log import is_csv_preferred
from api.v1.response_models import PageOf, Usage
from domain.offer import build_days_interval
from domain.refusals import Invalid
from projections import usage
from projections.usage import SUM_FIELDS, GroupBy, UsageFilters, UsageRow

router = APIRouter(prefix="/v1", tags=["Meeting log"], route_class=StrictRoute)

READERS = ("manager", "auditor", "analyst")
CSV_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page, or every row as CSV."}
}
MAX_DAYS = 366
DEFAULT_DAYS = 30
From = Annotated[Day | None, Query(alias="from", description="The first day; 29 days before the last when absent.")]
To = Annotated[Day | None, Query(alias="to", description="The last day, included; today when absent.")]
Zone = Annotated[TimeZone, Query(description="The IANA time zone in which days begin.")]


@router.get(
    "/usage",
    response_model=PageOf[Usage],
    dependencies=[FollowsMinPosition],
    responses=CSV_RESPONSE | describe_problems(401, 422, 503),
)
def read_usage(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    first: From = None,
    last: To = None,
    group_by: GroupBy = "day",
    link_type: Literal["standard", "managed", "single_use"] | None = None,
    source: Literal["web", "api", "extension"] | None = None,
    time_zone: Zone = "UTC",
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Annotated[str | None, Header(description="`text/csv` streams every row.")] = None,
) -> Any:
    """What was issued and booked, by day, link, issuer, meeting type or source.

    `issued` counts single-use links issued on these days; of them, `issued_booked` have been booked, whenever that was,
    `conversion_rate` is their share (null without any), and `expired_unused` have expired and were not booked. `booked`
    counts meetings booked on these days, whether on a single-use or a core link; `rescheduled`, `cancelled` and
    `no_shows` those of them that were moved at least once, cancelled, or missed by the guest, whenever that was;
    `median_hours_to_booking` is over those of them that were booked on a single-use link.

    By `day` there is a row for every day, earliest first; else only for what was
    used, most booked first. Meetings on core links have no issuer: their row by `issuer` has null. `source` tells where
    a single-use link was issued (the pages, the API or the extension), also of the meeting that was booked on it, and
    of a meeting on a core link where that was booked. A member sees what their lists show. At most 366 days.
    """
    days = list_days(first, last, caller.context.now.astimezone(ZoneInfo(time_zone)).date())
    filters = build_filters(caller, days, time_zone, link_type, source)
    if is_csv_preferred(accept or ""):
        record_own_access(services, request, caller, "export", what="usage")
        return stream_usage(services, caller, group_by, filters)
    return to_page_response(
        usage.list_usage(services.live_source, caller.context.now, group_by, filters, limit, cursor)
    )


def stream_usage(services: Services, caller: Caller, group_by: GroupBy, filters: UsageFilters) -> StreamingResponse:
    """Stream all rows of one grouping as a CSV file; a thing has two columns, its id and its name."""
    is_named = group_by in ("link", "issuer", "meeting_type")
    group_columns = (f"{group_by}_id", f"{group_by}_name") if is_named else (group_by,)
    rows = usage.iterate_usage(services.live_source, caller.context.now, group_by, filters)
    lines = render_csv_lines((*group_columns, *SUM_FIELDS), (flatten_usage(row, group_by) for row in rows))
    headers = {
        "Content-Disposition": f'attachment; filename="usage-by-{group_by.replace("_", "-")}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def flatten_usage(row: UsageRow, group_by: GroupBy) -> dict[str, Any]:
    """Flatten a row for CSV."""
    thing: Any = row[group_by]
    names = {f"{group_by}_id": thing["id"], f"{group_by}_name": thing["name"]} if isinstance(thing, dict) else {}
    return {**row, **names}


def list_days(first: date | None, last: date | None, today: date) -> list[date]:
    """List the days to count; checks their order and number. Raises Invalid."""
    last = last or max(today, first or today)
    first = first or last - timedelta(days=DEFAULT_DAYS - 1)
    count = (last - first).days + 1
    if count < 1:
        raise Invalid("to", "The last day must not come before the first.")
    if count > MAX_DAYS:
        raise Invalid("to", f"Ask for at most {MAX_DAYS} days.")
    return [first + timedelta(days=number) for number in range(count)]


def build_filters(
    caller: Caller, days: list[date], time_zone: str, link_type: str | None, source: str | None
) -> UsageFilters:
    """Build the filters: days in a time zone, and only what the caller may see."""
    return UsageFilters(
        days=days,
        starts=[build_days_interval(day, day, time_zone).start for day in days],
        until=build_days_interval(days[-1], days[-1], time_zone).end,
        link_type=link_type,
        source=source,
        visible_to=caller.limit_visibility(*READERS),
    )
