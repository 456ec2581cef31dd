"""Usage: issued, booked and expired unused, as charts with a table beside each."""

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from api.field_types import Day
from api.http.auditing.recording import record_own_access
from api.http.dependencies import Caller, CurrentServices
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank
from api.pages.rendering.templates import render_page
from api.pages.usage_chart import MEASURES, build_chart
from api.services import Services
from api.v1.usage import build_filters, list_days, stream_usage
from projections import usage
from projections.usage import GroupBy, UsageFilters, compute_conversion_rate

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LinkType = Annotated[Literal["standard", "managed", "single_use"] | None, Blank]
Source = Annotated[Literal["web", "api", "extension"] | None, Blank]
OptionalDay = Annotated[Day | None, Blank]
TOTALS = (*MEASURES, "issued_booked", "rescheduled", "cancelled", "no_shows")
MAX_ROWS = 12
MAX_DAYS = 200
GROUPINGS: tuple[tuple[GroupBy, str], ...] = (
    ("link", "By link"),
    ("issuer", "By issuer"),
    ("meeting_type", "By meeting type"),
    ("source", "By source"),
)


@router.get("/usage", dependencies=[WaitsForPosition])
def show_usage(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    used_from: OptionalDay = None,
    used_to: OptionalDay = None,
    link_type: LinkType = None,
    source: Source = None,
) -> Response:
    """Show issued, booked and expired unused, by day and by other groupings."""
    days, filters = build_usage_filters(viewer, used_from, used_to, link_type, source)
    day_rows = usage.list_usage(services.live_source, viewer.context.now, "day", filters, MAX_DAYS).items
    totals = {name: sum(row[name] for row in day_rows) for name in TOTALS}  # type: ignore[literal-required]
    return render_page(
        request,
        "usage/usage.html",
        days=day_rows,
        drawings=[build_chart(day_rows, 720, MAX_DAYS, 8), build_chart(day_rows, 340, 31, 5)],
        totals=totals,
        conversion_rate=compute_conversion_rate(totals["issued"], totals["issued_booked"]),
        things=[(group_by, title, list_top_rows(services, viewer, group_by, filters)) for group_by, title in GROUPINGS],
        first=days[0],
        last=days[-1],
        link_type=link_type,
        source=source,
        narrowed=bool(used_from or used_to or link_type or source),
    )


@router.get("/usage/csv")
def download_usage(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    group_by: GroupBy = "day",
    used_from: OptionalDay = None,
    used_to: OptionalDay = None,
    link_type: LinkType = None,
    source: Source = None,
) -> Response:
    """Stream the rows of one grouping as CSV, all of them, with the filters of the page."""
    _, filters = build_usage_filters(viewer, used_from, used_to, link_type, source)
    record_own_access(services, request, viewer, "export", what="usage")
    return stream_usage(services, viewer, group_by, filters)


def build_usage_filters(
    viewer: Caller, used_from: date | None, used_to: date | None, link_type: LinkType, source: Source
) -> tuple[list[date], UsageFilters]:
    """Build the days of the page, in the viewer's zone, and the filters of its rows."""
    zone = viewer.person.properties.time_zone
    days = list_days(used_from, used_to, viewer.context.now.astimezone(ZoneInfo(zone)).date())[-MAX_DAYS:]
    return days, build_filters(viewer, days, zone, link_type, source)


def list_top_rows(services: Services, viewer: Caller, group_by: GroupBy, filters: UsageFilters) -> list[dict[str, Any]]:
    """Return the most used rows, each with its bar lengths as a percentage of the longest."""
    rows = usage.list_usage(services.live_source, viewer.context.now, group_by, filters, MAX_ROWS).items
    max_count = max([1, *(row[measure] for row in rows for measure in MEASURES)])  # type: ignore[literal-required]
    return [
        {**row, "thing": row[group_by], "shares": {name: round(100 * row[name] / max_count, 2) for name in MEASURES}}  # type: ignore[literal-required]
        for row in rows
    ]
