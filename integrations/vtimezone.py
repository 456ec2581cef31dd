"""A time zone as a VTIMEZONE of an iCalendar object (RFC 5545, 3.6.5): every change of its clocks in some years.

Each change is written as an observance of its own, without a rule. So what readers compute are the instants of the tz
database, also where clocks change by a calendar that no rule can say, such as in Morocco for Ramadan.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

from domain.availability.hours import load_zone

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Observance:
    """What clocks show from an instant (UTC) on: offset to UTC, abbreviation, whether it is daylight saving time."""

    since: datetime
    offset: timedelta
    name: str
    is_daylight: bool

    @classmethod
    def read_clocks(cls, zone: ZoneInfo, since: datetime) -> "Observance":
        """Read what the clocks of a zone show at an instant (UTC)."""
        local = since.astimezone(zone)
        return cls(since, local.utcoffset() or timedelta(), local.tzname() or "", bool(local.dst()))

    def is_same(self, other: "Observance") -> bool:
        """Whether clocks show the same in both."""
        return (self.offset, self.name, self.is_daylight) == (other.offset, other.name, other.is_daylight)


@lru_cache(maxsize=1024)
def build_vtimezone(name: str, first_year: int, last_year: int) -> Timezone:
    """Build the VTIMEZONE of an IANA zone, right from the first day of one year to the last day of another (UTC).

    It is shared by those who ask for the same: do not change it.
    """
    zone = load_zone(name)
    timezone = Timezone()
    timezone.add("tzid", name)
    previous_offset = None
    for observance in iterate_observances(
        zone, datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    ):
        component = TimezoneDaylight() if observance.is_daylight else TimezoneStandard()
        offset_before = observance.offset if previous_offset is None else previous_offset
        onset = (observance.since + offset_before).replace(tzinfo=None)  # 3.6.5: in the local time before the change
        component.add("dtstart", onset)
        component.add("rdate", onset)  # some readers count only what a list or a rule says
        component.add("tzoffsetfrom", offset_before)
        component.add("tzoffsetto", observance.offset)
        component.add("tzname", observance.name)
        timezone.add_component(component)
        previous_offset = observance.offset
    return timezone


def iterate_observances(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Observance]:
    """Iterate over what clocks show from start to end (UTC), in order.

    Each day is looked at: in no zone clocks changed and changed back within one.
    """
    current = Observance.read_clocks(zone, start)
    yield current
    day = start
    while day < end:
        next_day = min(day + DAY, end)
        if not current.is_same(Observance.read_clocks(zone, next_day)):
            current = Observance.read_clocks(zone, find_change(zone, day, next_day, current))
            yield current
        day = next_day


def find_change(zone: ZoneInfo, before: datetime, after: datetime, current: Observance) -> datetime:
    """Find the second (UTC) at which clocks first show something else, between two instants."""
    while after - before > SECOND:
        middle = before + (after - before) // (2 * SECOND) * SECOND
        if current.is_same(Observance.read_clocks(zone, middle)):
            before = middle
        else:
            after = middle
    return after
