"""What a link offers now: the link, its meeting type and its hosts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.availability.grid import StartRun
from domain.availability.hours import Interval, WorkingHours
from domain.availability.limits import HostLimit, HostMeeting, LimitWindow, find_full_periods, list_host_limits
from domain.availability.slots import (
    MemberTime,
    compute_reserved_interval,
    is_on_offer,
    is_working,
    list_offered_runs,
)
from domain.link import Link
from domain.meeting_type import MeetingType
from domain.person import Person
from domain.refusals import SlotNotOffered
from domain.team import Team
from domain.token import Token


@dataclass(frozen=True, slots=True)
class Offer:
    """A meeting type with its hosts: the host first, then the co-hosts.

    With a team, one of its `members` joins them: the active ones that are not hosts already.
    """

    meeting_type: MeetingType
    hosts: tuple[Person, ...]
    team: Team | None = field(default=None, kw_only=True)
    members: tuple[Person, ...] = field(default=(), kw_only=True)
    full_periods: Mapping[UUID, Sequence[Interval]] = field(default_factory=dict, kw_only=True)

    @property
    def people(self) -> tuple[Person, ...]:
        """The hosts, and the members of whom one joins them."""
        return (*self.hosts, *self.members)

    @property
    def limited_ids(self) -> tuple[UUID, ...]:
        """The hosts and members for whom any limit holds."""
        return tuple(person.id for person in self.people if self.list_limits_of(person))

    def is_full(self, person_id: UUID, start: datetime) -> bool:
        """Whether the day or week of a start is full for a person, by the meetings that were applied."""
        return any(begin <= start < end for begin, end in self.full_periods.get(person_id, ()))

    @property
    def limits(self) -> list[HostLimit]:
        """The limits that hold for the hosts: the people's own, and those of the meeting type."""
        return [limit for host in self.hosts for limit in self.list_limits_of(host)]

    def list_limits_of(self, person: Person) -> list[HostLimit]:
        """Lists the limits that hold for one person who takes part: their own, and those of the meeting type."""
        own, of_type = person.properties.limits, self.meeting_type.properties.limits
        return list_host_limits(person.id, person.properties.time_zone, own, self.meeting_type.id, of_type)

    def list_limit_windows(self, start: datetime) -> tuple[LimitWindow, ...]:
        """Lists the days and weeks with limits that a meeting at this start counts for."""
        return tuple(window for limit in self.limits for window in limit.list_windows(start))

    def apply_meetings(self, meetings: Mapping[UUID, Sequence[HostMeeting]]) -> Self:
        """Returns the offer without the days and weeks that are full by the meetings that each host has."""
        full_periods = {
            person.id: find_full_periods(self.list_limits_of(person), meetings.get(person.id, ()))
            for person in self.people
        }
        return replace(self, full_periods=full_periods)

    @property
    def host_ids(self) -> tuple[UUID, ...]:
        """Whose time a booking takes."""
        return tuple(host.id for host in self.hosts)

    @property
    def member_ids(self) -> tuple[UUID, ...]:
        """Of whom one joins the hosts."""
        return tuple(member.id for member in self.members)

    def list_runs(
        self,
        within: Interval,
        unavailable: Sequence[Interval],
        now: datetime,
        unavailable_members: Mapping[UUID, Sequence[Interval]] = MappingProxyType({}),
    ) -> list[StartRun]:
        """Lists the runs of starts on offer within an interval, sorted.

        `unavailable` is the taken time of any host, `unavailable_members` that of each member of the team.
        """
        members = [
            MemberTime(self.get_hours(member), unavailable_members.get(member.id, ())) for member in self.members
        ]
        return list_offered_runs(
            self.meeting_type.properties.rules,
            self._working_hours,
            unavailable,
            within,
            now,
            members if self.team else None,
        )

    def to_slots(self, runs: Iterable[StartRun]) -> list[Interval]:
        """Returns the slots that runs of starts stand for."""
        duration = self.meeting_type.properties.rules.duration
        return [Interval(start, start + duration) for run in runs for start in run.list_starts()]

    def refuse_unless_on_offer(self, start: datetime, now: datetime) -> None:
        """Checks that a start would be offered if nothing were taken and a member worked. Raises SlotNotOffered."""
        if not is_on_offer(self.meeting_type.properties.rules, self._working_hours, start, now):
            raise SlotNotOffered

    def list_working_members(self, start: datetime) -> list[UUID]:
        """Lists the members in whose working time a meeting at this start is."""
        rules = self.meeting_type.properties.rules
        return [member.id for member in self.members if is_working(rules, self.get_hours(member), start)]

    def add_member(self, person_id: UUID) -> Self:
        """Returns the offer with this member as the last of its hosts."""
        [member] = (member for member in self.members if member.id == person_id)
        return replace(self, hosts=(*self.hosts, member))

    @property
    def has_active_hosts(self) -> bool:
        """Whether all hosts are active. Otherwise there are no slots."""
        return all(host.active for host in self.hosts)

    def compute_reserved_interval(self, start: datetime) -> Interval:
        """Returns the interval that a meeting at this start reserves of each host, buffers included."""
        return compute_reserved_interval(self.meeting_type.properties.rules, start)

    def build_time_fields(self, start: datetime) -> dict[str, Any]:
        """Returns the time fields of an event for a meeting that begins at `start`."""
        reserved_interval = self.compute_reserved_interval(start)
        return {
            "starts_at": start,
            "ends_at": start + self.meeting_type.properties.rules.duration,
            "held_from": reserved_interval.start,
            "held_until": reserved_interval.end,
        }

    def get_hours(self, person: Person) -> WorkingHours:
        """Returns a person's working hours, with the days and weeks that are full."""
        periods = self.full_periods.get(person.id)
        return replace(person.working_hours, full_periods=periods) if periods else person.working_hours

    @property
    def _working_hours(self) -> list[WorkingHours]:
        return [self.get_hours(host) for host in self.hosts]


@dataclass(frozen=True, slots=True)
class LinkOffer(Offer):
    """The offer of a link, with the link itself, and the token of the single-use link that makes the offer, if one."""

    link: Link
    token: Token | None = None

    @property
    def expires_at(self) -> datetime | None:
        """Until when it can be booked; None for ever."""
        return self.token.compute_expiry(self.link) if self.token else self.link.properties.expires_at

    def build_booked_fields(self, start: datetime) -> dict[str, Any]:
        """Returns the fields of a booking's event that say what it was decided on, and when the meeting is."""
        return {
            "link_kind": self.link.properties.kind,
            "link_version": self.link.version,
            "meeting_type_id": self.meeting_type.id,
            "meeting_type_version": self.meeting_type.version,
            "host_ids": self.host_ids,
            "host_versions": tuple(host.version for host in self.hosts),
            **self.meeting_type.properties.schedule_fields,
            **self.build_time_fields(start),
        }

    def refuse_if_closed(self, now: datetime) -> None:
        """Passes only if it can be booked now. Raises the refusals of `Token.refuse_if_closed`."""
        if self.token is not None:
            self.token.refuse_if_closed(self.link, now)
        else:
            self.link.refuse_if_closed(now)
            self.link.refuse_direct_booking()


def build_days_interval(first: date, last: date, time_zone: str) -> Interval:
    """Returns the interval of the days first..last in a zone, both included, in UTC."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    return Interval(start.astimezone(UTC), end.astimezone(UTC))


def pad_interval(within: Interval) -> Interval:
    """Returns the interval with two days added on each side, for meetings and buffers that reach into it."""
    return Interval(within.start - timedelta(days=2), within.end + timedelta(days=2))
