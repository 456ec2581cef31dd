"""Working hours: weekly hours and date overrides in a person's own zone, converted to instants."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

Hours = Mapping[str, Sequence[tuple[str, str]]]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)
TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class Interval(NamedTuple):
    """The interval [start, end), both aware and in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """A person's hours, each list as `check_hours` returns it.

    `weekly` has the keys mon..sun (without its key, a day is off), `overrides` has dates, `{"2026-12-24": []}`, and
    replaces each of them wholly. A person who is not active is never free. On absences and holidays no meeting takes
    place, in full periods none begins.
    """

    time_zone: str
    weekly: Hours
    overrides: Hours
    active: bool = True
    absences: Sequence[Interval] = ()
    holidays: Sequence[Interval] = ()
    full_periods: Sequence[Interval] = ()


def check_hours(intervals: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """Checks one day's intervals, `[["09:00", "17:00"], …]`, and returns them as sorted pairs.

    They may touch, and are not merged. Raises ValueError, with a sentence that names the rule and repeats no value.
    """
    pairs = sorted(_check_interval(interval) for interval in intervals)
    for (_, end), (begin, _) in pairwise(pairs):
        if begin < end:
            raise ValueError("The times of a day must not overlap.")
    return pairs


def list_working_intervals(person: WorkingHours, first_day: date, last_day: date) -> list[Interval]:
    """Lists the working time of the person's local dates first_day..last_day (both included), sorted.

    Intervals that touch are merged: work until 24:00 and from 00:00 lets a meeting run over midnight.
    """
    if not person.active:
        return []
    zone = load_zone(person.time_zone)
    return merge_intervals(
        interval
        for day in iterate_dates(first_day, last_day)
        for interval in _list_working_intervals_on(person, LocalDay.from_date(day, zone))
    )


def list_hours_on(person: WorkingHours, day: date) -> Iterator[tuple[timedelta, timedelta]]:
    """Iterates over the working hours of a date, as distances from midnight on the wall clock."""
    weekly = person.weekly.get(WEEKDAYS[day.weekday()], ())
    for begin, end in person.overrides.get(day.isoformat(), weekly):
        yield _parse_time_of_day(begin), _parse_time_of_day(end)


def to_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Returns the instant (aware, UTC) at which a zone's wall clock first shows a naive local time, or first passes it.

    So a time in a gap counts as the end of the gap, and one that the clock shows twice as its first occurrence.
    Source: PEP 495, `fold=0` is the offset before a transition, `fold=1` the one after it; only in a gap it is larger.
    """
    before, after = _get_utc_offset(local, zone, fold=0), _get_utc_offset(local, zone, fold=1)
    if before < after:
        return _find_end_of_gap(_to_utc(local, after), _to_utc(local, before), zone)
    return _to_utc(local, before)


def is_existing_local_time(local: datetime, zone: ZoneInfo) -> bool:
    """Whether a naive local time exists in a zone. It does not in the gap of a clock put forward."""
    return _get_utc_offset(local, zone, fold=0) >= _get_utc_offset(local, zone, fold=1)


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A date in a zone. `start` is the instant of midnight, or None if the UTC offset changes that day."""

    midnight: datetime
    zone: ZoneInfo
    start: datetime | None

    @classmethod
    @lru_cache(maxsize=4096)
    def from_date(cls, day: date, zone: ZoneInfo) -> "LocalDay":
        """Returns a date in a zone, cached: all hosts of a zone share the same few dates."""
        midnight = datetime.combine(day, time.min)
        offset = _get_utc_offset(midnight, zone)
        has_one_offset = offset == _get_utc_offset(midnight + DAY, zone)
        return cls(midnight, zone, _to_utc(midnight, offset) if has_one_offset else None)

    def to_instant(self, since_midnight: timedelta) -> datetime:
        """Returns the instant of a wall-clock time. On a day without a change of offset that is one addition."""
        if self.start is not None:
            return self.start + since_midnight
        return to_instant(self.midnight + since_midnight, self.zone)

    def has_time(self, since_midnight: timedelta) -> bool:
        """Whether the wall clock shows that time on this day."""
        return self.start is not None or is_existing_local_time(self.midnight + since_midnight, self.zone)


def iterate_dates(first: date, last: date) -> Iterator[date]:
    """Iterates over the dates from first to last, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def merge_intervals(intervals: Iterable[Interval]) -> list[Interval]:
    """Returns the same time as sorted intervals that neither overlap nor touch. Empty ones are left out."""
    result: list[Interval] = []
    for interval in sorted(intervals, key=lambda interval: interval.start):
        if interval.start >= interval.end:
            continue
        if not result or interval.start > result[-1].end:
            result.append(interval)
        elif interval.end > result[-1].end:
            result[-1] = Interval(result[-1].start, interval.end)
    return result


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """Returns the zone of an IANA name, cached: `ZoneInfo`'s own cache holds on to the last eight only.

    Raises ZoneInfoNotFoundError (a KeyError) or ValueError when there is none.
    """
    return ZoneInfo(name)


def _list_working_intervals_on(person: WorkingHours, day: LocalDay) -> Iterator[Interval]:
    return (
        Interval(day.to_instant(begin), day.to_instant(end))
        for begin, end in list_hours_on(person, day.midnight.date())
    )


@lru_cache(maxsize=2048)
def _parse_time_of_day(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _check_interval(interval: Sequence[str]) -> tuple[str, str]:
    if isinstance(interval, str) or len(interval) != 2:
        raise ValueError("Give a begin and an end.")
    begin, end = interval
    if not TIME_OF_DAY.fullmatch(begin):
        raise ValueError("The begin must be a time HH:MM, from 00:00 to 23:59.")
    if end != "24:00" and not TIME_OF_DAY.fullmatch(end):
        raise ValueError("The end must be a time HH:MM, from 00:01 to 24:00.")
    if begin >= end:
        raise ValueError("The begin must be before the end.")
    return begin, end


def _get_utc_offset(local: datetime, zone: ZoneInfo, fold: int = 0) -> timedelta:
    offset = zone.utcoffset(local.replace(tzinfo=zone, fold=fold))
    assert offset is not None, "a ZoneInfo has an offset for every date"
    return offset


def _to_utc(local: datetime, offset: timedelta) -> datetime:
    return (local - offset).replace(tzinfo=UTC)


def _find_end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Finds the transition between two instants, before < transition <= after, at a full second (RFC 9636)."""
    low = before.replace(microsecond=0)
    old = low.astimezone(zone).utcoffset()
    seconds = range(int((after - low).total_seconds()) + 1)

    def is_over(elapsed_seconds: int) -> bool:
        return (low + timedelta(seconds=elapsed_seconds)).astimezone(zone).utcoffset() != old

    return low + timedelta(seconds=bisect_left(seconds, True, key=is_over))
