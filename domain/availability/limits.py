"""Limits: how many meetings a day and a week may have, in a host's own zone, and the days and weeks that are full."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.availability.hours import DAY, Interval, LocalDay, load_zone

WEEK = timedelta(days=7)


class BookingLimits(BaseModel):
    """At most so many meetings in a day and in a week, which begins on Monday; None: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day: int | None = None
    per_week: int | None = None

    @property
    def is_unlimited(self) -> bool:
        """Whether there is no limit at all."""
        return self.per_day is None and self.per_week is None


NO_LIMITS = BookingLimits()


class HostMeeting(NamedTuple):
    """A booked meeting that takes a host's time: its start (aware, UTC) and its meeting type."""

    starts_at: datetime
    meeting_type_id: UUID


@dataclass(frozen=True, slots=True)
class HostLimit:
    """The limits that hold for one host: the person's own, or with `meeting_type_id` those of a meeting type."""

    host_id: UUID
    time_zone: str
    limits: BookingLimits
    meeting_type_id: UUID | None = None

    def find_full_periods(self, meetings: Iterable[HostMeeting]) -> Iterator[Interval]:
        """Iterates over the days and weeks in which no more meetings may begin."""
        zone = load_zone(self.time_zone)
        days = [
            meeting.starts_at.astimezone(zone).date()
            for meeting in meetings
            if self.meeting_type_id in {None, meeting.meeting_type_id}
        ]
        for most, length, firsts in (
            (self.limits.per_day, DAY, days),
            (self.limits.per_week, WEEK, map(find_monday, days)),
        ):
            if most is not None:
                counts = Counter(firsts)
                yield from (
                    build_period(first, length, self.time_zone) for first, count in counts.items() if count >= most
                )

    def list_windows(self, start: datetime) -> "list[LimitWindow]":
        """Lists the day and the week of a start, each with how many meetings it may have."""
        day = start.astimezone(load_zone(self.time_zone)).date()
        periods = (
            (self.limits.per_day, build_period(day, DAY, self.time_zone)),
            (self.limits.per_week, build_period(find_monday(day), WEEK, self.time_zone)),
        )
        return [
            LimitWindow(self.host_id, self.meeting_type_id, period, most)
            for most, period in periods
            if most is not None
        ]


@dataclass(frozen=True, slots=True)
class LimitWindow:
    """At most so many meetings of a host, of one meeting type or of all, may begin within an interval."""

    host_id: UUID
    meeting_type_id: UUID | None
    interval: Interval
    most: int


def find_monday(day: date) -> date:
    """Returns the Monday on which the week of a date begins (ISO 8601)."""
    return day - timedelta(days=day.weekday())


def build_period(first: date, length: timedelta, time_zone: str) -> Interval:
    """Returns the instants of so many local dates from a first one on."""
    zone = load_zone(time_zone)
    begin, end = (LocalDay.from_date(day, zone).to_instant(timedelta(0)) for day in (first, first + length))
    return Interval(begin, end)


def widen_to_weeks(within: Interval) -> Interval:
    """Returns an interval that has every week, in any zone, that the given one touches."""
    return Interval(within.start - WEEK - 2 * DAY, within.end + WEEK + 2 * DAY)


def list_host_limits(
    host_id: UUID, time_zone: str, own: BookingLimits, meeting_type_id: UUID, of_type: BookingLimits
) -> list[HostLimit]:
    """Lists the limits that hold for a host of a meeting: none when there are none."""
    limits = [HostLimit(host_id, time_zone, own), HostLimit(host_id, time_zone, of_type, meeting_type_id)]
    return [limit for limit in limits if not limit.limits.is_unlimited]


def find_full_periods(limits: Iterable[HostLimit], meetings: Collection[HostMeeting]) -> tuple[Interval, ...]:
    """Returns the days and weeks that are full by any of a host's limits."""
    return tuple(period for limit in limits for period in limit.find_full_periods(meetings))
