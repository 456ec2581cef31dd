"""Runs of starts stand for exactly the starts that they would list one by one."""

from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.availability.grid import StartRun
from domain.availability.hours import Interval, WorkingHours
from domain.availability.slots import SlotRules, list_offered_runs
from tests.domain.availability.clock_changes import CLOCK_CHANGES

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ALWAYS = {day: [("00:00", "24:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@st.composite
def draw_runs_near_clock_changes(draw: st.DrawFn) -> tuple[StartRun, ZoneInfo]:
    """A run of at most 25 hours, as the grid of one day has, around a day when clocks change."""
    zone, day = draw(st.sampled_from(CLOCK_CHANGES))
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) + draw(st.integers(-1440, 1440)) * MINUTE
    step = draw(st.integers(1, 300))
    return StartRun(first, step * MINUTE, draw(st.integers(1, 1 + 1500 // step))), ZoneInfo(zone)


@given(draw_runs_near_clock_changes())
def test_a_run_splits_where_the_calendar_turns(case: tuple[StartRun, ZoneInfo]) -> None:
    run, zone = case
    parts = [(day, start) for day, part in run.split_by_date(zone) for start in part.list_starts()]
    assert parts == [(start.astimezone(zone).date(), start) for start in run.list_starts()]


@given(draw_runs_near_clock_changes(), st.integers(-100, 1600), st.integers(-100, 1600))
def test_a_slice_has_the_starts_between_two_instants(case: tuple[StartRun, ZoneInfo], begin: int, end: int) -> None:
    run, _ = case
    first, last = run.first + begin * MINUTE, run.first + end * MINUTE
    part = run.slice_between(first, last)
    assert (part.list_starts() if part else []) == [start for start in run.list_starts() if first <= start <= last]


@given(draw_runs_near_clock_changes(), st.integers(-100, 1600))
def test_one_start_is_left_out(case: tuple[StartRun, ZoneInfo], minutes: int) -> None:
    run, _ = case
    excluded = run.first + minutes * MINUTE
    rest = [start for part in run.exclude_start(excluded) for start in part.list_starts()]
    assert rest == [start for start in run.list_starts() if start != excluded]


def test_work_grows_with_the_free_intervals_not_with_the_slots() -> None:
    first = datetime(2026, 12, 1, tzinfo=UTC)
    host, rules = WorkingHours("UTC", ALWAYS, {}), SlotRules(30 * MINUTE, MINUTE, booking_window=90 * DAY)
    busy = [Interval(first + day * DAY, first + day * DAY + 60 * MINUTE) for day in range(62)]
    runs = list_offered_runs(rules, [host], busy, Interval(first, first + 62 * DAY), first)
    assert len(runs) == 62
    assert sum(run.length for run in runs) > 80_000


def test_dates_of_a_month_are_counted_like_single_starts() -> None:
    zone = ZoneInfo("America/St_Johns")
    first = datetime(2010, 11, 6, tzinfo=UTC)
    host, rules = WorkingHours("Europe/Berlin", ALWAYS, {}), SlotRules(30 * MINUTE, 15 * MINUTE)
    runs = list_offered_runs(rules, [host], [], Interval(first, first + 3 * DAY), first)
    counts: dict[date, int] = {}
    for run in runs:
        for day, part in run.split_by_date(zone):
            counts[day] = counts.get(day, 0) + part.length
    starts = sorted(start.astimezone(zone).date() for run in runs for start in run.list_starts())
    assert counts == {day: len(list(group)) for day, group in groupby(starts)}
