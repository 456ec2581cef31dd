"""Computes the slots on offer: small policies over zone-aware intervals."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.availability.hours import (
    DAY,
    Interval,
    LocalDay,
    WorkingHours,
    iterate_dates,
    list_hours_on,
    list_working_intervals,
    load_zone,
    merge_intervals,
)

ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class SlotRules:
    """The slot rules of a meeting type. Raises ValueError when no slot can follow them."""

    duration: timedelta
    step: timedelta
    buffer_before: timedelta = ZERO
    buffer_after: timedelta = ZERO
    minimum_notice: timedelta = ZERO
    booking_window: timedelta = timedelta(days=60)

    def __post_init__(self) -> None:
        if min(self.duration, self.step) <= ZERO:
            raise ValueError("A meeting's duration and the step between slots are longer than nothing.")
        if min(self.buffer_before, self.buffer_after, self.minimum_notice, self.booking_window) < ZERO:
            raise ValueError("Buffers, minimum notice and booking window are never negative.")


@dataclass(frozen=True, slots=True)
class IntervalSet:
    """Merged intervals, sorted, for binary search."""

    starts: list[datetime]
    ends: list[datetime]

    @classmethod
    def from_intervals(cls, intervals: Iterable[Interval]) -> "IntervalSet":
        merged_intervals = merge_intervals(intervals)
        return cls([piece.start for piece in merged_intervals], [piece.end for piece in merged_intervals])

    def is_covering(self, interval: Interval) -> bool:
        index = bisect_right(self.starts, interval.start) - 1
        return index >= 0 and interval.end <= self.ends[index]

    def is_overlapping(self, interval: Interval) -> bool:
        index = bisect_left(self.starts, interval.end) - 1
        return index >= 0 and interval.start < self.ends[index]


@dataclass(frozen=True, slots=True)
class Availability:
    """What the policies judge a slot by: rules, each host's working time, unavailable time of any host, and now."""

    rules: SlotRules
    working_time: Sequence[IntervalSet]
    unavailable: IntervalSet
    now: datetime


def is_after_minimum_notice(availability: Availability, slot: Interval) -> bool:
    return slot.start >= availability.now + availability.rules.minimum_notice


def is_inside_booking_window(availability: Availability, slot: Interval) -> bool:
    return slot.start <= availability.now + availability.rules.booking_window


def is_within_weekly_hours(availability: Availability, slot: Interval) -> bool:
    """Whether the meeting is within every host's working time. Its buffers may lie outside."""
    return all(hours.is_covering(slot) for hours in availability.working_time)


def is_everyone_free(availability: Availability, slot: Interval) -> bool:
    """Whether the meeting and its buffers overlap no unavailable time. Touching is not overlapping."""
    return not availability.unavailable.is_overlapping(compute_reserved_interval(availability.rules, slot.start))


Policy = Callable[[Availability, Interval], bool]
POLICIES: Sequence[Policy] = (
    is_after_minimum_notice,
    is_inside_booking_window,
    is_within_weekly_hours,
    is_everyone_free,
)


def compute_reserved_interval(rules: SlotRules, start: datetime) -> Interval:
    """Returns the interval that a booking reserves of each host: the meeting and its buffers, [start, end)."""
    return Interval(start - rules.buffer_before, start + rules.duration + rules.buffer_after)


def list_offered_slots(
    rules: SlotRules, hosts: Sequence[WorkingHours], unavailable: Iterable[Interval], within: Interval, now: datetime
) -> list[Interval]:
    """Lists the slots on offer that start in `within`, sorted, each once.

    `hosts` is the host, whose hours make the grid, then the co-hosts: at least one person. `unavailable` is the taken
    time of any of them in any order: reservations, buffers included, and their own calendars. All instants are aware,
    in UTC.
    """
    slots = _list_slots(rules, hosts, unavailable, within, now)
    return [slot for slot in slots if slot.start < within.end]


def is_on_offer(rules: SlotRules, hosts: Sequence[WorkingHours], start: datetime, now: datetime) -> bool:
    """Whether `list_offered_slots` would list this start (aware, UTC) if nothing were unavailable."""
    return bool(_list_slots(rules, hosts, (), Interval(start, start), now))


def _list_slots(
    rules: SlotRules, hosts: Sequence[WorkingHours], unavailable: Iterable[Interval], within: Interval, now: datetime
) -> list[Interval]:
    """Lists the slots on offer that start from `within.start` to `within.end`, here both included.

    The policies decide. Days that notice or window rule out anyway are skipped only to save time.
    """
    first = max(within.start, now + rules.minimum_notice)
    last = min(within.end, now + rules.booking_window)
    if first > last:
        return []
    working_time = [
        IntervalSet.from_intervals(_list_working_intervals_between(person, first, last + rules.duration))
        for person in hosts
    ]
    availability = Availability(rules, working_time, IntervalSet.from_intervals(unavailable), now)
    slots = [Interval(start, start + rules.duration) for start in _iterate_starts(hosts[0], rules.step, first, last)]
    for policy in POLICIES:
        slots = [slot for slot in slots if policy(availability, slot)]
    return slots


def _iterate_starts(host: WorkingHours, step: timedelta, first: datetime, last: datetime) -> Iterator[datetime]:
    """Iterates over the host's grid in order: steps of local time from the start of each interval, if they exist."""
    zone = load_zone(host.time_zone)
    days = (LocalDay.from_date(day, zone) for day in _list_local_dates(host, first, last))
    starts = (
        day.to_instant(time) for day in days for time in _iterate_times_of_day(host, step, day) if day.has_time(time)
    )
    return (start for start in starts if first <= start <= last)


def _iterate_times_of_day(host: WorkingHours, step: timedelta, day: LocalDay) -> Iterator[timedelta]:
    for begin, end in list_hours_on(host, day.midnight.date()):
        yield from (begin + step * number for number in range(-((begin - end) // step)))


def _list_working_intervals_between(person: WorkingHours, first: datetime, last: datetime) -> list[Interval]:
    days = _list_local_dates(person, first, last)
    return list_working_intervals(person, days[0], days[-1])


def _list_local_dates(person: WorkingHours, first: datetime, last: datetime) -> Sequence[date]:
    """Lists the local dates of an interval and one more: a clock put back over midnight has shown the next date."""
    zone = load_zone(person.time_zone)
    return [*iterate_dates(first.astimezone(zone).date(), last.astimezone(zone).date() + DAY)]
