"""The chart of usage by day: groups of bars, in a wide drawing and in a narrow one that stays readable on a phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from projections.usage import UsageRow

MEASURES = ("issued", "booked", "expired_unused")
CHART_HEIGHT = 180


@dataclass(frozen=True)
class ChartBar:
    """A bar, in the units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ChartPeriod:
    """A day, or several of them, with the sum and the bar of each measure; `middle` is its x coordinate."""

    first: date
    last: date
    counts: dict[str, int]
    bars: dict[str, ChartBar]
    middle: float


@dataclass(frozen=True)
class Chart:
    """A drawing of this width: its periods from left to right, and the ticks of its scale with their y coordinates."""

    width: int
    height: int
    periods: list[ChartPeriod]
    ticks: list[tuple[int, float]]
    label_step: int


def build_chart(rows: Sequence[UsageRow], width: int, max_periods: int, max_labels: int) -> Chart:
    """Build a drawing of the days, folded into at most this many periods of equal length."""
    length = max(1, -(-len(rows) // max_periods))
    groups = [rows[index : index + length] for index in range(0, len(rows), length)]
    counts = [{name: sum(row[name] for row in group) for name in MEASURES} for group in groups]  # type: ignore[literal-required]
    max_count = max([1, *(count for period in counts for count in period.values())])
    period_width = width / max(1, len(groups))
    periods = [
        build_period(group, period, index * period_width, period_width, max_count)
        for index, (group, period) in enumerate(zip(groups, counts, strict=True))
    ]
    return Chart(width, CHART_HEIGHT, periods, build_ticks(max_count), max(1, -(-len(groups) // max_labels)))


def build_period(
    rows: Sequence[UsageRow], counts: dict[str, int], left: float, period_width: float, max_count: int
) -> ChartPeriod:
    """Build the bars of one period, with a gap to the next one."""
    first, last = rows[0]["day"], rows[-1]["day"]
    assert first
    assert last
    width = round(period_width * 0.72 / len(MEASURES), 2)
    bars = {}
    for index, name in enumerate(MEASURES):
        height = round(CHART_HEIGHT * counts[name] / max_count, 2)
        bars[name] = ChartBar(
            round(left + period_width * 0.14 + index * width, 2), CHART_HEIGHT - height, width, height
        )
    return ChartPeriod(first, last, counts, bars, round(left + period_width / 2, 2))


def build_ticks(max_count: int) -> list[tuple[int, float]]:
    """Return the whole numbers of the scale, each with its y coordinate."""
    step = max(1, -(-max_count // 4))
    return [
        (count, round(CHART_HEIGHT - CHART_HEIGHT * count / max_count, 2)) for count in range(0, max_count + 1, step)
    ]
