"""Usage: issued, booked and expired unused, as charts with a table beside each."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from api.field_types import Day
from api.http.dependencies import Caller, CurrentServices
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.usage import build_filters, list_days
from projections import usage
from projections.usage import GroupBy, UsageFilters, UsageRow

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LinkType = Annotated[Literal["standard", "managed", "single_use"] | None, Blank]
Source = Annotated[Literal["web", "api", "extension"] | None, Blank]
OptionalDay = Annotated[Day | None, Blank]
MEASURES = ("issued", "booked", "expired_unused")
MAX_ROWS = 12
MAX_DAYS = 200
CHART_HEIGHT, CHART_WIDTH = 180, 960
GROUPINGS: tuple[tuple[GroupBy, str], ...] = (
    ("link", "By link"),
    ("issuer", "By issuer"),
    ("meeting_type", "By meeting type"),
    ("source", "By source"),
)


@dataclass(frozen=True)
class ChartBar:
    """A bar of the chart by day, in the units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ChartDay:
    """A day of the chart with a bar for each measure; `middle` is its x coordinate."""

    row: UsageRow
    bars: dict[str, ChartBar]
    middle: float


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
    zone = viewer.person.properties.time_zone
    days = list_days(used_from, used_to, viewer.context.now.astimezone(ZoneInfo(zone)).date())[-MAX_DAYS:]
    filters = build_filters(viewer, days, zone, link_type, source)
    day_rows = usage.list_usage(services.live_source, viewer.context.now, "day", filters, MAX_DAYS).items
    max_count = max([1, *(row[measure] for row in day_rows for measure in MEASURES)])  # type: ignore[literal-required]
    return render_page(
        request,
        "usage/usage.html",
        days=build_chart(day_rows, max_count),
        ticks=build_ticks(max_count),
        totals={name: sum(row[name] for row in day_rows) for name in (*MEASURES, "rescheduled", "cancelled")},  # type: ignore[literal-required]
        things=[(group_by, title, list_top_rows(services, viewer, group_by, filters)) for group_by, title in GROUPINGS],
        first=days[0],
        last=days[-1],
        link_type=link_type,
        source=source,
        narrowed=bool(used_from or used_to or link_type or source),
        height=CHART_HEIGHT,
        width=CHART_WIDTH,
    )


def list_top_rows(services: Services, viewer: Caller, group_by: GroupBy, filters: UsageFilters) -> list[dict[str, Any]]:
    """Return the most used rows, each with its bar lengths as a percentage of the longest."""
    rows = usage.list_usage(services.live_source, viewer.context.now, group_by, filters, MAX_ROWS).items
    max_count = max([1, *(row[measure] for row in rows for measure in MEASURES)])  # type: ignore[literal-required]
    return [
        {**row, "thing": row[group_by], "shares": {name: round(100 * row[name] / max_count, 2) for name in MEASURES}}  # type: ignore[literal-required]
        for row in rows
    ]


def build_chart(rows: list[UsageRow], max_count: int) -> list[ChartDay]:
    """Return the days as groups of bars, from left to right."""
    day_width = CHART_WIDTH / max(1, len(rows))
    return [build_chart_day(row, index * day_width, day_width, max_count) for index, row in enumerate(rows)]


def build_chart_day(row: UsageRow, left: float, day_width: float, max_count: int) -> ChartDay:
    """Build the bars of one day, with a gap to the next day."""
    width = round(day_width * 0.72 / len(MEASURES), 2)
    bars = {}
    for index, name in enumerate(MEASURES):
        height = round(CHART_HEIGHT * row[name] / max_count, 2)  # type: ignore[literal-required]
        bars[name] = ChartBar(round(left + day_width * 0.14 + index * width, 2), CHART_HEIGHT - height, width, height)
    return ChartDay(row, bars, round(left + day_width / 2, 2))


def build_ticks(max_count: int) -> list[tuple[int, float]]:
    """Return the whole numbers of the scale, each with its y coordinate."""
    step = max(1, -(-max_count // 4))
    return [
        (count, round(CHART_HEIGHT - CHART_HEIGHT * count / max_count, 2)) for count in range(0, max_count + 1, step)
    ]
