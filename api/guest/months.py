"""The month as a guest sees it: its days, the times of one of them, and when the next free time is."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from api.guest.query_parameters import Asked
from domain.availability.hours import DAY, Interval
from integrations.date_formats import ClockFace, offset

Find = Callable[[Interval], list[Interval]]

AHEAD, BEHIND = timedelta(hours=14), timedelta(hours=12)  # no zone is further from UTC
SHORTEST, LONGEST = timedelta(days=2), timedelta(days=62)


@dataclass(frozen=True, slots=True)
class Time:
    """A time on offer; its offset is said where the clock shows the same time twice that day."""

    start: datetime
    label: str
    offset: str | None


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """A day of the month, and how many times it has."""

    date: date
    times: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month in a guest's zone, within what may be booked."""

    first: date
    days: Sequence[DayOfMonth]
    blanks: int
    previous: date | None
    following: date | None
    chosen: date | None
    times: Sequence[Time]
    next_free: datetime | None
    covered: Interval
    starts: Sequence[datetime] = field(repr=False, default=())

    @property
    def empty(self) -> bool:
        """Whether no time of it is free."""
        return not any(day.times for day in self.days)

    @property
    def minutes(self) -> list[int]:
        """The starts that are known, as minutes since 1970: what the page's script begins with."""
        return [int(start.timestamp()) // 60 for start in self.starts]


def month_of(find: Find, asked: Asked, now: datetime, until: datetime, face: ClockFace) -> Month:
    """The month that is asked for, or else the first one with a free time; `until` is the end of what is offered."""
    zone = asked.zone
    earliest, latest = month_at(now, zone), month_at(until, zone)
    first = min(max(asked.month, earliest), latest) if asked.month else opening(find, zone, now, until)
    covered = around_month(first)
    starts = [slot.start for slot in find(covered)]
    counts = Counter(start.astimezone(zone).date() for start in starts)
    days = [DayOfMonth(day, counts[day]) for day in days_of(first)]
    chosen = chosen_day(days, asked.day)
    return Month(
        first=first,
        days=days,
        blanks=(first.weekday() + face.sunday_first) % 7,
        previous=month_before(first) if first > earliest else None,
        following=month_after(first) if first < latest else None,
        chosen=chosen,
        times=times_of(chosen, starts, zone, face),
        next_free=None if any(day.times for day in days) else next_free(find, first, zone, now, until),
        covered=covered,
        starts=starts,
    )


def opening(find: Find, zone: ZoneInfo, now: datetime, until: datetime) -> date:
    """The month of the first free time, or else this month."""
    first = first_free(find, now, until)
    return month_at(first or now, zone)


def next_free(find: Find, month: date, zone: ZoneInfo, now: datetime, until: datetime) -> datetime | None:
    """The next free time from a month on, or else the first one of all."""
    begin = datetime.combine(month, time(), zone).astimezone(UTC)
    return first_free(find, max(begin, now), until) or first_free(find, now, until)


def first_free(find: Find, begin: datetime, until: datetime) -> datetime | None:
    """The first free time from `begin` on: most links have one soon, so it is searched in growing pieces."""
    piece = SHORTEST
    while begin <= until:
        found = find(Interval(begin, begin + piece))
        if found:
            return found[0].start
        begin, piece = begin + piece, min(piece * 2, LONGEST)
    return None


def times_of(day: date | None, starts: Sequence[datetime], zone: ZoneInfo, face: ClockFace) -> list[Time]:
    """The times of a day in a zone."""
    found = [start for start in starts if start.astimezone(zone).date() == day]
    labels = Counter(face.time(start, zone) for start in found)
    return list(timed(found, labels, zone, face))


def timed(starts: Sequence[datetime], labels: Counter[str], zone: ZoneInfo, face: ClockFace) -> Iterator[Time]:
    """Times with their labels; a label that stands twice gets its offset."""
    for start in starts:
        label = face.time(start, zone)
        yield Time(start, label, offset(start, zone) if labels[label] > 1 else None)


def chosen_day(days: Sequence[DayOfMonth], wanted: date | None) -> date | None:
    """The day that is asked for, if it lies in the month, or else the first one with a free time."""
    if wanted and any(day.date == wanted for day in days):
        return wanted
    return next((day.date for day in days if day.times), None)


def around_month(first: date) -> Interval:
    """The instants that a month has in any zone of the world."""
    start = datetime.combine(first, time(), UTC)
    return Interval(start - AHEAD, datetime.combine(month_after(first), time(), UTC) + BEHIND)


def days_of(first: date) -> Iterator[date]:
    """The days of a month."""
    return (first + DAY * number for number in range((month_after(first) - first).days))


def month_at(instant: datetime, zone: ZoneInfo) -> date:
    """The month that a zone's calendar shows at an instant, as its first day."""
    return instant.astimezone(zone).date().replace(day=1)


def month_after(first: date) -> date:
    """The month that follows."""
    return (first + timedelta(days=32)).replace(day=1)


def month_before(first: date) -> date:
    """The month before."""
    return (first - DAY).replace(day=1)


def clock_change(day: date, zone: ZoneInfo) -> str | None:
    """Says that the clock changes on a day, and which way."""
    at, following = (datetime.combine(one, time(), zone).utcoffset() for one in (day, day + DAY))
    if at is None or following is None or at == following:
        return None
    return f"Clocks go {'forward' if following > at else 'back'} on this day."
