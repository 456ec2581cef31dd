"""Usage: what was issued, booked and left unused, as charts with a table beside each."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from api.field_types import Day
from api.http.dependencies import Caller, Parts
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank
from api.pages.rendering.templates import render
from api.services import Oncelink
from api.v1.usage import READERS, asked_days
from domain.availability.offer import days_as_interval
from projections import usage
from projections.usage import GroupBy, UsageFilters, UsageRow

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LinkType = Annotated[Literal["standard", "managed", "single_use"] | None, Blank]
Source = Annotated[Literal["web", "api", "extension"] | None, Blank]
OnDay = Annotated[Day | None, Blank]
MEASURES = ("issued", "booked", "expired_unused")
MOST_THINGS = 12
MOST_DAYS = 200
HEIGHT, WIDTH = 180, 960
THINGS: tuple[tuple[GroupBy, str], ...] = (
    ("link", "By link"),
    ("issuer", "By issuer"),
    ("meeting_type", "By meeting type"),
    ("source", "By source"),
)


@dataclass(frozen=True)
class Column:
    """A bar of a day's chart: where it is, in the units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class DayOfUse:
    """A day with the bars of its measures, each with its height."""

    row: UsageRow
    bars: dict[str, Column]
    middle: float


@router.get("/usage", dependencies=[CaughtUp])
def usage_page(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    used_from: OnDay = None,
    used_to: OnDay = None,
    link_type: LinkType = None,
    source: Source = None,
) -> Response:
    """Issued, booked and expired unused, by day and by what was used."""
    days = asked_days(used_from, used_to, viewer.context.now.astimezone(zone_of(viewer)).date())[-MOST_DAYS:]
    filters = counted(viewer, days, link_type, source)
    by_day = usage.page(parts.live, viewer.context.now, "day", filters, MOST_DAYS).items
    top = max([1, *(row[measure] for row in by_day for measure in MEASURES)])  # type: ignore[literal-required]
    return render(
        request,
        "usage/usage.html",
        days=drawn(by_day, top),
        ticks=ticks(top),
        totals={name: sum(row[name] for row in by_day) for name in (*MEASURES, "rescheduled", "cancelled")},  # type: ignore[literal-required]
        things=[(by, title, rows_of(parts, viewer, by, filters)) for by, title in THINGS],
        first=days[0],
        last=days[-1],
        link_type=link_type,
        source=source,
        narrowed=bool(used_from or used_to or link_type or source),
        height=HEIGHT,
        width=WIDTH,
    )


def zone_of(viewer: Caller) -> ZoneInfo:
    """The zone of who looks."""
    return ZoneInfo(viewer.person.properties.time_zone)


def counted(viewer: Caller, days: list[Day], link_type: str | None, source: str | None) -> UsageFilters:
    """What is counted: the viewer's own days, and what the viewer's lists show."""
    zone = viewer.person.properties.time_zone
    return UsageFilters(
        days=days,
        starts=[days_as_interval(day, day, zone).start for day in days],
        until=days_as_interval(days[-1], days[-1], zone).end,
        link_type=link_type,
        source=source,
        visible_to=viewer.sees_all(*READERS),
    )


def rows_of(parts: Oncelink, viewer: Caller, by: GroupBy, filters: UsageFilters) -> list[dict[str, Any]]:
    """The most used, each with the length of its bars in hundredths of the longest."""
    rows = usage.page(parts.live, viewer.context.now, by, filters, MOST_THINGS).items
    most = max([1, *(row[measure] for row in rows for measure in MEASURES)])  # type: ignore[literal-required]
    return [
        {**row, "thing": row[by], "shares": {name: round(100 * row[name] / most, 2) for name in MEASURES}}  # type: ignore[literal-required]
        for row in rows
    ]


def drawn(rows: list[UsageRow], top: int) -> list[DayOfUse]:
    """The days as groups of bars, from left to right."""
    room = WIDTH / max(1, len(rows))
    return [day_of_use(row, number * room, room, top) for number, row in enumerate(rows)]


def day_of_use(row: UsageRow, left: float, room: float, top: int) -> DayOfUse:
    """One day's bars, with a gap to the next day."""
    width = round(room * 0.72 / len(MEASURES), 2)
    bars = {}
    for number, name in enumerate(MEASURES):
        height = round(HEIGHT * row[name] / top, 2)  # type: ignore[literal-required]
        bars[name] = Column(round(left + room * 0.14 + number * width, 2), HEIGHT - height, width, height)
    return DayOfUse(row, bars, round(left + room / 2, 2))


def ticks(top: int) -> list[tuple[int, float]]:
    """Whole numbers for the scale, each with its height in the drawing."""
    step = max(1, -(-top // 4))
    return [(count, round(HEIGHT - HEIGHT * count / top, 2)) for count in range(0, top + 1, step)]
