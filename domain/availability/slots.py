"""Computes the slots on offer: small policies, each of which narrows the ranges in which a meeting may start."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.availability.grid import ZERO, StartRun, iterate_runs, list_local_dates
from domain.availability.hours import Interval, WorkingHours, list_working_intervals, load_zone, merge_intervals
from domain.availability.start_ranges import (
    StartRange,
    StartRanges,
    exclude_intervals,
    intersect_ranges,
    merge_ranges,
)


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


class MemberTime(NamedTuple):
    """The hours of a member of a team, and the time that is taken of them."""

    hours: WorkingHours
    unavailable: Iterable[Interval] = ()


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


@dataclass(frozen=True, slots=True)
class Availability:
    """What the policies go by: rules, each host's working time, unavailable time of any host (sorted), and now.

    Neither the intervals of one host's working time nor those of unavailable time overlap or touch. `members` is the
    same for each member of the link's team alone; None without a team.
    """

    rules: SlotRules
    working_time: Sequence[Sequence[Interval]]
    unavailable: Sequence[Interval]
    now: datetime
    members: Sequence["Availability"] | None = None
    absences: Sequence[Interval] = ()
    holidays: Sequence[Interval] = ()
    full_periods: Sequence[Interval] = ()

    @classmethod
    def from_hosts(
        cls,
        rules: SlotRules,
        hosts: Sequence[WorkingHours],
        unavailable: Iterable[Interval],
        within: StartRange,
        now: datetime,
        members: Sequence[MemberTime] | None = None,
    ) -> "Availability":
        """Returns what the policies go by for meetings that start within a range and take the time of these people."""
        first, last = within
        return cls(
            rules,
            [_list_working_intervals_between(person, first, last + rules.duration) for person in hosts],
            merge_intervals(unavailable),
            now,
            None
            if members is None
            else [cls.from_hosts(rules, [member.hours], member.unavailable, within, now) for member in members],
            merge_intervals(interval for person in hosts for interval in person.absences),
            merge_intervals(interval for person in hosts for interval in person.holidays),
            merge_intervals(interval for person in hosts for interval in person.full_periods),
        )


def limit_to_minimum_notice(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts that are not sooner than the minimum notice."""
    earliest = availability.now + availability.rules.minimum_notice
    return [(max(first, earliest), last) for first, last in ranges if last >= earliest]


def limit_to_booking_window(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts that are no later than the booking window from now."""
    latest = availability.now + availability.rules.booking_window
    return [(first, min(last, latest)) for first, last in ranges if first <= latest]


def limit_to_weekly_hours(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts of meetings that are within every host's working time. Their buffers may lie outside."""
    duration = availability.rules.duration
    for intervals in availability.working_time:
        fitting = [
            (interval.start, interval.end - duration)
            for interval in intervals
            if interval.end - interval.start >= duration
        ]
        ranges = intersect_ranges(ranges, fitting)
    return ranges


def exclude_absences(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts of meetings that overlap no absence of any host. Their buffers may."""
    return _exclude_overlapping(availability.rules, ranges, availability.absences)


def exclude_holidays(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts of meetings that overlap no holiday that any host keeps. Their buffers may."""
    return _exclude_overlapping(availability.rules, ranges, availability.holidays)


def exclude_full_periods(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts on days and in weeks that are not full by any host's limits."""
    return exclude_intervals(ranges, availability.full_periods)


def limit_to_free_time(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts of meetings that overlap no unavailable time, buffers included. Touching is not overlapping."""
    if not ranges:
        return ranges
    rules = availability.rules
    after_start = rules.duration + rules.buffer_after
    gaps, first = [], ranges[0][0]
    for busy in availability.unavailable:
        if first <= (last := busy.start - after_start):
            gaps.append((first, last))
        first = max(first, busy.end + rules.buffer_before)
    return intersect_ranges(ranges, [*gaps, (first, max(first, ranges[-1][1]))])


Policy = Callable[[Availability, StartRanges], StartRanges]
POLICIES_OF_PEOPLE: Sequence[Policy] = (
    limit_to_weekly_hours,
    exclude_absences,
    exclude_holidays,
    exclude_full_periods,
    limit_to_free_time,
)


def apply_policies(policies: Sequence[Policy], availability: Availability, ranges: StartRanges) -> StartRanges:
    """Returns what all of these policies leave."""
    for policy in policies:
        ranges = policy(availability, ranges)
    return ranges


def limit_to_free_members(availability: Availability, ranges: StartRanges) -> StartRanges:
    """Keeps starts at which at least one member of the team works and is free. Without a team, keeps all."""
    if availability.members is None:
        return ranges
    return merge_ranges(apply_policies(POLICIES_OF_PEOPLE, member, ranges) for member in availability.members)


POLICIES: Sequence[Policy] = (
    limit_to_minimum_notice,
    limit_to_booking_window,
    *POLICIES_OF_PEOPLE,
    limit_to_free_members,
)


def compute_reserved_interval(rules: SlotRules, start: datetime) -> Interval:
    """Returns the interval that a booking reserves of each host: the meeting and its buffers, [start, end)."""
    return Interval(start - rules.buffer_before, start + rules.duration + rules.buffer_after)


def list_offered_runs(
    rules: SlotRules,
    hosts: Sequence[WorkingHours],
    unavailable: Iterable[Interval],
    within: Interval,
    now: datetime,
    members: Sequence[MemberTime] | None = None,
) -> list[StartRun]:
    """Lists the starts on offer in `within`, sorted, each once, as runs: the work grows with free intervals, not slots.

    `hosts` is the host, whose hours make the grid, then the co-hosts: at least one person. `unavailable` is the taken
    time of any of them in any order: reservations, buffers included, and their own calendars. With `members`, one of
    them must be free too. All instants are aware, in UTC.
    """
    if within.start >= within.end:
        return []
    return _list_runs(rules, hosts, unavailable, (within.start, within.end - datetime.resolution), now, members)


def list_offered_slots(
    rules: SlotRules, hosts: Sequence[WorkingHours], unavailable: Iterable[Interval], within: Interval, now: datetime
) -> list[Interval]:
    """Lists the slots that `list_offered_runs` stands for."""
    runs = list_offered_runs(rules, hosts, unavailable, within, now)
    return [Interval(start, start + rules.duration) for run in runs for start in run.list_starts()]


def is_on_offer(rules: SlotRules, hosts: Sequence[WorkingHours], start: datetime, now: datetime) -> bool:
    """Whether `list_offered_slots` would list this start (aware) if nothing were unavailable."""
    return bool(_list_runs(rules, hosts, (), (start, start), now))


def is_working(rules: SlotRules, person: WorkingHours, start: datetime) -> bool:
    """Whether a meeting at this start (aware) is within a person's working time, and on no day off or full day."""
    availability = Availability.from_hosts(rules, [person], (), (start, start), start)
    return bool(apply_policies(POLICIES_OF_PEOPLE, availability, [(start, start)]))


def _list_runs(
    rules: SlotRules,
    hosts: Sequence[WorkingHours],
    unavailable: Iterable[Interval],
    within: StartRange,
    now: datetime,
    members: Sequence[MemberTime] | None = None,
) -> list[StartRun]:
    """Lists the starts on offer in a range.

    The policies decide. Days that notice or window rule out anyway are skipped only to save time.
    """
    first, last = max(within[0], now + rules.minimum_notice), min(within[1], now + rules.booking_window)
    if first > last:
        return []
    availability = Availability.from_hosts(rules, hosts, unavailable, (first, last), now, members)
    return [*iterate_runs(hosts[0], rules.step, apply_policies(POLICIES, availability, [within]))]


def _exclude_overlapping(rules: SlotRules, ranges: StartRanges, intervals: Sequence[Interval]) -> StartRanges:
    meeting = rules.duration - datetime.resolution
    return exclude_intervals(ranges, merge_intervals(Interval(start - meeting, end) for start, end in intervals))


def _list_working_intervals_between(person: WorkingHours, first: datetime, last: datetime) -> list[Interval]:
    days = list_local_dates(load_zone(person.time_zone), first, last)
    return list_working_intervals(person, days[0], days[-1])
