"""A month of free times: its days, the times of one of them, and the next free time."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from api.guest.query_parameters import TimeQuery
from domain.availability.grid import StartRun
from domain.availability.hours import DAY, Interval
from integrations.date_formats import DateFormat, format_offset

FindRuns = Callable[[Interval], Sequence[StartRun]]

MINUTE = timedelta(minutes=1)
MAX_OFFSET_AHEAD, MAX_OFFSET_BEHIND = timedelta(hours=14), timedelta(hours=12)  # no zone is further from UTC
MIN_WINDOW, MAX_WINDOW = timedelta(days=2), timedelta(days=62)


@dataclass(frozen=True, slots=True)
class TimeOption:
    """A free time; `offset` is set if the clock shows the same time twice that day."""

    start: datetime
    label: str
    offset: str | None


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """A day of a month, with the number of its free times."""

    date: date
    times: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month in a guest's zone, within what may be booked. `blanks`: empty cells before its first day."""

    first: date
    days: Sequence[DayOfMonth]
    blanks: int
    previous: date | None
    following: date | None
    chosen: date | None
    times: Sequence[TimeOption]
    next_free: datetime | None
    interval: Interval
    runs: Sequence[StartRun] = field(repr=False, default=())

    @property
    def empty(self) -> bool:
        """Whether no time of it is free."""
        return not any(day.times for day in self.days)

    @property
    def minutes(self) -> list[tuple[int, int, int]]:
        """The known runs of starts for the page's script: the first in minutes since 1970, the step, how many."""
        return [(int(run.first.timestamp()) // 60, run.step // MINUTE, run.length) for run in self.runs]

    def is_free(self, start: datetime) -> bool:
        """Whether a time is among the known starts."""
        return any(run.slice_between(start, start) for run in self.runs)


def build_month(
    find_runs: FindRuns, query: TimeQuery, now: datetime, until: datetime, date_format: DateFormat
) -> Month:
    """Build the requested month, or else the first one with a free time; `until` is the end of what may be booked."""
    zone = query.zone
    earliest, latest = to_month(now, zone), to_month(until, zone)
    month = query.month or (query.near and query.near.replace(day=1))
    first_day = min(max(month, earliest), latest) if month else find_opening_month(find_runs, zone, now, until)
    interval = compute_month_interval(first_day)
    runs = find_runs(interval)
    runs_by_date = group_by_date(runs, zone)
    days = [DayOfMonth(day, sum(run.length for run in runs_by_date.get(day, ()))) for day in list_days(first_day)]
    chosen_date = choose_day(days, query.day, query.near)
    chosen_runs = runs_by_date.get(chosen_date, ()) if chosen_date else ()
    return Month(
        first=first_day,
        days=days,
        blanks=(first_day.weekday() + date_format.sunday_first) % 7,
        previous=to_previous_month(first_day) if first_day > earliest else None,
        following=to_next_month(first_day) if first_day < latest else None,
        chosen=chosen_date,
        times=list_times([start for run in chosen_runs for start in run.list_starts()], zone, date_format),
        next_free=None
        if any(day.times for day in days)
        else find_next_free_time(find_runs, first_day, zone, now, until),
        interval=interval,
        runs=runs,
    )


def find_opening_month(find_runs: FindRuns, zone: ZoneInfo, now: datetime, until: datetime) -> date:
    """Return the month of the first free time, or else the current month."""
    first_start = find_first_free_time(find_runs, now, until)
    return to_month(first_start or now, zone)


def find_next_free_time(
    find_runs: FindRuns, month: date, zone: ZoneInfo, now: datetime, until: datetime
) -> datetime | None:
    """Return the first free time from a month on, or else the first one of all."""
    begin = datetime.combine(month, time(), zone).astimezone(UTC)
    return find_first_free_time(find_runs, max(begin, now), until) or find_first_free_time(find_runs, now, until)


def find_first_free_time(find_runs: FindRuns, begin: datetime, until: datetime) -> datetime | None:
    """Return the first free time from `begin` on, searched in windows that double in length."""
    window = MIN_WINDOW
    while begin <= until:
        runs = find_runs(Interval(begin, begin + window))
        if runs:
            return runs[0].first
        begin, window = begin + window, min(window * 2, MAX_WINDOW)
    return None


def group_by_date(runs: Sequence[StartRun], zone: ZoneInfo) -> dict[date, list[StartRun]]:
    """Group runs of starts by their date in a zone."""
    result: dict[date, list[StartRun]] = defaultdict(list)
    for run in runs:
        for day, part in run.split_by_date(zone):
            result[day].append(part)
    return result


def list_times(starts: Sequence[datetime], zone: ZoneInfo, date_format: DateFormat) -> list[TimeOption]:
    """Return the free times of a day, labelled in a zone."""
    labels = Counter(date_format.format_time(start, zone) for start in starts)
    return list(label_times(starts, labels, zone, date_format))


def label_times(
    starts: Sequence[datetime], labels: Counter[str], zone: ZoneInfo, date_format: DateFormat
) -> Iterator[TimeOption]:
    """Yield the times with their labels; a label that occurs twice gets its offset."""
    for start in starts:
        label = date_format.format_time(start, zone)
        yield TimeOption(start, label, format_offset(start, zone) if labels[label] > 1 else None)


def choose_day(days: Sequence[DayOfMonth], requested_day: date | None, near: date | None = None) -> date | None:
    """Return the requested day if it is in the month, or else one with a free time: from `near` on, or the first."""
    if requested_day and any(day.date == requested_day for day in days):
        return requested_day
    free_days = [day.date for day in days if day.times]
    later_days = [day for day in free_days if near and day >= near]
    return next(iter(later_days or free_days), None)


def compute_month_interval(first_day: date) -> Interval:
    """Return the interval that covers a month in every time zone."""
    start = datetime.combine(first_day, time(), UTC)
    return Interval(
        start - MAX_OFFSET_AHEAD, datetime.combine(to_next_month(first_day), time(), UTC) + MAX_OFFSET_BEHIND
    )


def list_days(first_day: date) -> Iterator[date]:
    """Yield the days of a month, given as its first day."""
    return (first_day + DAY * index for index in range((to_next_month(first_day) - first_day).days))


def to_month(instant: datetime, zone: ZoneInfo) -> date:
    """Return the month of an instant in a zone, as its first day."""
    return instant.astimezone(zone).date().replace(day=1)


def to_next_month(first_day: date) -> date:
    """Return the first day of the next month."""
    return (first_day + timedelta(days=32)).replace(day=1)


def to_previous_month(first_day: date) -> date:
    """Return the first day of the previous month."""
    return (first_day - DAY).replace(day=1)


def describe_clock_change(day: date, zone: ZoneInfo) -> str | None:
    """Say that the clock changes on a day, and which way; None if it does not."""
    offset_before, offset_after = (
        datetime.combine(calendar_day, time(), zone).utcoffset() for calendar_day in (day, day + DAY)
    )
    if offset_before is None or offset_after is None or offset_before == offset_after:
        return None
    return f"Clocks go {'forward' if offset_after > offset_before else 'back'} on this day."
