"""What a link offers at this moment: the link, its meeting type and its hosts, resolved live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.availability.hours import Interval
from domain.availability.slots import held, offered, on_offer
from domain.link import Link
from domain.meeting_type import MeetingType
from domain.person import Person
from domain.refusals import SlotNotOffered


@dataclass(frozen=True, slots=True)
class Offer:
    """A meeting type with the people whose time it takes: the host first, then the co-hosts."""

    meeting_type: MeetingType
    hosts: tuple[Person, ...]

    @property
    def host_ids(self) -> tuple[UUID, ...]:
        """Whose time a booking takes."""
        return tuple(host.id for host in self.hosts)

    def slots(self, within: Interval, taken: Sequence[Interval], now: datetime) -> list[Interval]:
        """The slots that start within an interval, sorted, given what is taken of any host."""
        return offered(self.meeting_type.properties.rules, self._working_hours, taken, within, now)

    def refuse_unless_on_offer(self, start: datetime, now: datetime) -> None:
        """Lets only a time pass that would be offered if nothing were taken. Raises SlotNotOffered."""
        if not on_offer(self.meeting_type.properties.rules, self._working_hours, start, now):
            raise SlotNotOffered

    @property
    def is_attended(self) -> bool:
        """Whether everybody whose time it takes is still here; otherwise it has none to offer."""
        return all(host.active for host in self.hosts)

    def held(self, start: datetime) -> Interval:
        """What a meeting at this time takes of each host, buffers included."""
        return held(self.meeting_type.properties.rules, start)

    def times(self, start: datetime) -> dict[str, Any]:
        """The times that an event says of a meeting that begins at `start`."""
        taken = self.held(start)
        return {
            "starts_at": start,
            "ends_at": start + self.meeting_type.properties.rules.duration,
            "held_from": taken.start,
            "held_until": taken.end,
        }

    @property
    def _working_hours(self) -> list[Any]:
        return [host.working_hours for host in self.hosts]


@dataclass(frozen=True, slots=True)
class LinkOffer(Offer):
    """What a link offers, and whether it is open."""

    link: Link


def days_as_interval(first: date, last: date, time_zone: str) -> Interval:
    """The instants of the calendar days first..last, both included, in a zone."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    return Interval(start.astimezone(UTC), end.astimezone(UTC))


def around(within: Interval) -> Interval:
    """Where to look for what is taken: an interval widened by a day for meetings and buffers that reach into it."""
    return Interval(within.start - timedelta(days=2), within.end + timedelta(days=2))
