"""The grid of a host's hours: starts at equal distances, as runs that are never written out one by one."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.availability.hours import DAY, LocalDay, WorkingHours, iterate_dates, list_hours_on, load_zone
from domain.availability.start_ranges import StartRanges

ZERO = timedelta(0)


class StartRun(NamedTuple):
    """The starts first, first + step, first + 2 step, …, `length` of them, at least one; aware, in UTC."""

    first: datetime
    step: timedelta
    length: int

    @property
    def last(self) -> datetime:
        """The last start."""
        return self.first + self.step * (self.length - 1)

    def list_starts(self) -> list[datetime]:
        """Lists all starts."""
        return [self.first + self.step * index for index in range(self.length)]

    def slice_between(self, first: datetime, last: datetime) -> "StartRun | None":
        """Returns the part from first to last, both included, or None when nothing is left."""
        own_first, step, length = self
        begin = -((own_first - first) // step) if first > own_first else 0
        end = min(length, (last - own_first) // step + 1)
        return StartRun(own_first + step * begin, step, end - begin) if begin < end else None

    def exclude_start(self, start: datetime) -> "list[StartRun]":
        """Returns the run without one start, as up to two runs."""
        index, rest = divmod(start - self.first, self.step)
        if rest or not 0 <= index < self.length:
            return [self]
        before = StartRun(self.first, self.step, index)
        after = StartRun(start + self.step, self.step, self.length - index - 1)
        return [part for part in (before, after) if part.length]

    def split_by_date(self, zone: ZoneInfo) -> "Iterator[tuple[date, StartRun]]":
        """Iterates over the dates that a zone's calendar shows at the starts, with the starts of each."""
        if self.first.astimezone(zone).utcoffset() != self.last.astimezone(zone).utcoffset():
            yield from ((start.astimezone(zone).date(), StartRun(start, self.step, 1)) for start in self.list_starts())
            return
        rest: StartRun | None = self
        while rest is not None:
            local = rest.first.astimezone(zone)
            midnight = rest.first + DAY - timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
            part = rest.slice_between(rest.first, midnight - datetime.resolution)
            assert part is not None, "its first start is before midnight"
            yield local.date(), part
            rest = rest.slice_between(midnight, self.last)


def iterate_runs(host: WorkingHours, step: timedelta, ranges: StartRanges) -> Iterator[StartRun]:
    """Iterates over the starts of the host's grid that lie in the ranges, sorted, each once."""
    if not ranges:
        return
    index = 0
    for run in iterate_grid(host, step, ranges[0][0], ranges[-1][1]):
        last = run.last
        while index < len(ranges) and ranges[index][1] < run.first:
            index += 1
        allowed = index
        while allowed < len(ranges) and ranges[allowed][0] <= last:
            part = run.slice_between(*ranges[allowed])
            if part is not None:
                yield part
            allowed += 1


def iterate_grid(host: WorkingHours, step: timedelta, first: datetime, last: datetime) -> Iterator[StartRun]:
    """Iterates over the host's grid of all dates from first to last: steps of local time from each interval's begin.

    A local time that the clock does not show that day is left out, one that it shows twice counts the first time.
    """
    zone = load_zone(host.time_zone)
    for date_of_grid in list_local_dates(zone, first, last):
        day = LocalDay.from_date(date_of_grid, zone)
        for begin, end in list_hours_on(host, date_of_grid):
            count = -((begin - end) // step)
            if day.start is not None:
                yield StartRun(day.start + begin, step, count)
                continue
            for time in (begin + step * number for number in range(count)):
                if day.has_time(time):
                    yield StartRun(day.to_instant(time), step, 1)


def list_local_dates(zone: ZoneInfo, first: datetime, last: datetime) -> Sequence[date]:
    """Lists the local dates of an interval and one more: a clock put back over midnight has shown the next date."""
    return [*iterate_dates(first.astimezone(zone).date(), last.astimezone(zone).date() + DAY)]
