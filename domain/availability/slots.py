"""Which times are on offer: small named policies over zone-aware intervals."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.availability.hours import DAY, Interval, LocalDay, WorkingHours, dates, hours_on, merged, windows, zone_of

NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class SlotRules:
    """What a meeting type says about its slots. Raises ValueError when no slot could follow such rules."""

    duration: timedelta
    step: timedelta
    buffer_before: timedelta = NOTHING
    buffer_after: timedelta = NOTHING
    minimum_notice: timedelta = NOTHING
    booking_window: timedelta = timedelta(days=60)

    def __post_init__(self) -> None:
        if min(self.duration, self.step) <= NOTHING:
            raise ValueError("A meeting's duration and the step between slots are longer than nothing.")
        if min(self.buffer_before, self.buffer_after, self.minimum_notice, self.booking_window) < NOTHING:
            raise ValueError("Buffers, minimum notice and booking window are never negative.")


@dataclass(frozen=True, slots=True)
class Timeline:
    """Merged intervals, ready to be asked about."""

    starts: list[datetime]
    ends: list[datetime]

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> "Timeline":
        pieces = merged(intervals)
        return cls([piece.start for piece in pieces], [piece.end for piece in pieces])

    def covers(self, interval: Interval) -> bool:
        last = bisect_right(self.starts, interval.start) - 1
        return last >= 0 and interval.end <= self.ends[last]

    def overlaps(self, interval: Interval) -> bool:
        last = bisect_left(self.starts, interval.end) - 1
        return last >= 0 and interval.start < self.ends[last]


@dataclass(frozen=True, slots=True)
class Situation:
    """What a slot is judged by: the rules, the working time of each host, what is taken of any of them, and now."""

    rules: SlotRules
    working: Sequence[Timeline]
    taken: Timeline
    now: datetime


def respects_minimum_notice(situation: Situation, slot: Interval) -> bool:
    return slot.start >= situation.now + situation.rules.minimum_notice


def inside_booking_window(situation: Situation, slot: Interval) -> bool:
    return slot.start <= situation.now + situation.rules.booking_window


def within_weekly_hours(situation: Situation, slot: Interval) -> bool:
    """The meeting itself, for every host in their own zone; its buffers may lie outside."""
    return all(hours.covers(slot) for hours in situation.working)


def everyone_is_free(situation: Situation, slot: Interval) -> bool:
    """For the meeting and its buffers; what only touches does not collide."""
    return not situation.taken.overlaps(held(situation.rules, slot.start))


Policy = Callable[[Situation, Interval], bool]
POLICIES: Sequence[Policy] = (
    respects_minimum_notice,
    inside_booking_window,
    within_weekly_hours,
    everyone_is_free,
)


def held(rules: SlotRules, start: datetime) -> Interval:
    """What a booking reserves of each host's time: the meeting and its buffers, [start, end)."""
    return Interval(start - rules.buffer_before, start + rules.duration + rules.buffer_after)


def offered(
    rules: SlotRules, hosts: Sequence[WorkingHours], busy: Iterable[Interval], within: Interval, now: datetime
) -> list[Interval]:
    """The slots on offer that start in `within`, sorted, each once.

    `hosts` is the host, whose hours make the grid, then the co-hosts: at least one person. `busy` is what is taken of
    any of them in any order: by meetings, buffers included, by their own calendars. All instants are aware, in UTC.
    """
    slots = _slots(rules, hosts, busy, within, now)
    return [slot for slot in slots if slot.start < within.end]


def on_offer(rules: SlotRules, hosts: Sequence[WorkingHours], start: datetime, now: datetime) -> bool:
    """Whether `offered` would list this start (aware, UTC) if nothing were taken."""
    return bool(_slots(rules, hosts, (), Interval(start, start), now))


def _slots(
    rules: SlotRules, hosts: Sequence[WorkingHours], busy: Iterable[Interval], within: Interval, now: datetime
) -> list[Interval]:
    """The slots on offer that start from `within.start` to `within.end`, here both included.

    The policies decide; that no day is looked at which notice or window rule out anyway only saves time.
    """
    first = max(within.start, now + rules.minimum_notice)
    last = min(within.end, now + rules.booking_window)
    if first > last:
        return []
    working = [Timeline.of(_windows_in(person, first, last + rules.duration)) for person in hosts]
    situation = Situation(rules, working, Timeline.of(busy), now)
    slots = [Interval(start, start + rules.duration) for start in _starts(hosts[0], rules.step, first, last)]
    for policy in POLICIES:
        slots = [slot for slot in slots if policy(situation, slot)]
    return slots


def _starts(host: WorkingHours, step: timedelta, first: datetime, last: datetime) -> Iterator[datetime]:
    """The host's grid, in order: from each interval's begin in steps of the wall clock, where it shows them."""
    zone = zone_of(host.time_zone)
    days = (LocalDay.of(day, zone) for day in _dates_of(host, first, last))
    starts = (day.at(time) for day in days for time in _times(host, step, day) if day.has(time))
    return (start for start in starts if first <= start <= last)


def _times(host: WorkingHours, step: timedelta, day: LocalDay) -> Iterator[timedelta]:
    for begin, end in hours_on(host, day.midnight.date()):
        yield from (begin + step * number for number in range(-((begin - end) // step)))


def _windows_in(person: WorkingHours, first: datetime, last: datetime) -> list[Interval]:
    days = _dates_of(person, first, last)
    return windows(person, days[0], days[-1])


def _dates_of(person: WorkingHours, first: datetime, last: datetime) -> Sequence[date]:
    """All local dates of a time, and one more: a clock put back over midnight has shown the next date before."""
    zone = zone_of(person.time_zone)
    return [*dates(first.astimezone(zone).date(), last.astimezone(zone).date() + DAY)]
