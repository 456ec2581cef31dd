"""The drawings of usage by day."""

from datetime import date, timedelta
from typing import Any

from api.pages.usage_chart import CHART_HEIGHT, build_chart


def list_rows(count: int) -> list[Any]:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(count)]
    return [{"day": day, "issued": 1, "booked": number, "expired_unused": 0} for number, day in enumerate(days)]


def test_the_narrow_drawing_folds_days_so_that_bars_stay_visible() -> None:
    wide, narrow = build_chart(list_rows(60), 720, 200, 8), build_chart(list_rows(60), 340, 31, 5)
    assert len(wide.periods) == 60
    assert len(narrow.periods) == 30
    assert (narrow.periods[0].first, narrow.periods[0].last) == (date(2026, 1, 1), date(2026, 1, 2))
    assert narrow.periods[1].counts == {"issued": 2, "booked": 5, "expired_unused": 0}
    assert min(period.bars["booked"].width for period in narrow.periods) > 2
    assert narrow.periods[-1].bars["booked"].height == CHART_HEIGHT


def test_labels_do_not_run_into_each_other() -> None:
    chart = build_chart(list_rows(31), 340, 31, 5)
    assert -(-len(chart.periods) // chart.label_step) <= 5


def test_no_day_at_all_is_an_empty_drawing() -> None:
    chart = build_chart([], 340, 31, 5)
    assert chart.periods == []
    assert chart.ticks[0] == (0, CHART_HEIGHT)
