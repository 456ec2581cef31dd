"""What the domain needs of the log: queries over several streams, and the conditions of an append."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.aggregate import Aggregate
from domain.availability.hours import Interval
from domain.availability.limits import HostMeeting, LimitWindow
from domain.event import Event
from domain.guest_check import Proof
from domain.personal_details import PersonalDetails
from domain.quotas import AddressQuota
from domain.tally import Tally, TallyChange


class StaleRead(Exception):
    """Something that the decision was based on has changed. Decide again from fresh reads.

    `team_id` is the team whose tally it was.
    """

    def __init__(self, team_id: UUID | None = None) -> None:
        super().__init__(team_id)
        self.team_id = team_id


class OutcomeUnknown(Exception):
    """The append may or may not have happened. Read again before deciding."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A value that only one stream may have: a slug, an e-mail address."""

    kind: str
    value: str
    stream_id: UUID


@dataclass(frozen=True, slots=True)
class Reservation:
    """The interval, buffers included, that a booking takes of each of its hosts.

    The hosts' own calendars must be free too. With `new_host_ids`, only the calendars of these hosts are checked.
    """

    booking_id: UUID
    host_ids: tuple[UUID, ...]
    interval: Interval
    new_host_ids: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class AppendConditions:
    """The conditions of an append, checked inside its transaction. See ADR 1."""

    reads: Sequence[Aggregate] = ()
    claims: Sequence[Claim] = ()
    release_booking_id: UUID | None = None
    release_host_ids: tuple[UUID, ...] = ()
    reservation: Reservation | None = None
    details: Sequence[PersonalDetails] = ()
    erased_address: str | None = None  # no personal details with it may be left after the append
    quota: AddressQuota | None = None  # only with a reservation, as a proof is
    proof: Proof | None = None
    tally: TallyChange | None = None  # of the team whose member is chosen, or was
    limits: Sequence[LimitWindow] = ()  # only with a reservation, whose booking does not count itself


@dataclass(frozen=True, slots=True)
class TeamState:
    """The tally of a team, who of some people is not free, and the organisation's zone at its version.

    `person_ids` and `interval` are what was asked, `events` those of a stream that was read with it.
    """

    tally: Tally
    person_ids: frozenset[UUID] = frozenset()
    interval: Interval | None = None
    busy_ids: frozenset[UUID] = frozenset()
    events: Sequence[Event] = ()
    time_zone: str = "UTC"
    organisation_version: int = 0


class LogReader(Protocol):
    """Queries over the log that the eventsourcing library's recorder has no method for."""

    def read_events_after(self, known_versions: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Event]]:
        """Returns the events of several streams after the known versions (0 for all), in one query."""

    def find_claims(self, kind: str, values: Collection[str]) -> Mapping[str, UUID]:
        """Returns the values that are claimed, with the id of the stream that claims each."""

    def find_links_by_any_slug(self, slug: str) -> Sequence[UUID]:
        """Returns the ids of the links that have or had a slug."""

    def find_links_by_any_team(self, team_id: UUID) -> Sequence[UUID]:
        """Returns the ids of the links and managed links that have or had a team."""

    def find_unavailable_intervals(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> Sequence[Interval]:
        """Returns the unavailable time of any of these hosts, as intervals that do not touch.

        That is what bookings reserve, except the booking `excluding`, and the busy times of the hosts' own calendars.
        """

    def find_unavailable_by_person(
        self, person_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> Mapping[UUID, Sequence[Interval]]:
        """Returns the same for each of these people alone; a person who is always free may be left out."""

    def read_team_state(
        self,
        team_id: UUID,
        person_ids: Sequence[UUID],
        interval: Interval | None,
        excluding: UUID | None = None,
        stream_id: UUID | None = None,
    ) -> TeamState:
        """Returns a team's tally, who of these people has something else within an interval, and a stream's events.

        A booking `excluding` takes no time. All is read in one round trip.
        """

    def hold_tally(self, team_id: UUID) -> AbstractContextManager[None]:
        """Keeps everybody else from changing a tally; this thread's statements are one transaction until the end.

        Raises OutcomeUnknown at the end when it is not known whether that was committed.
        """

    def find_host_meetings(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> Mapping[UUID, Sequence[HostMeeting]]:
        """Returns the meetings of each of these hosts that begin within an interval, except the booking `excluding`."""

    def load_personal_details(self, ids: Collection[UUID]) -> Mapping[UUID, PersonalDetails]:
        """Returns the personal details that are not erased, by id."""

    def find_details_by_address(self, email: str, limit: int) -> Mapping[UUID, Sequence[UUID]]:
        """Returns what to erase for an address, whatever its case: ids of details by stream, at most `limit` streams.

        In a stream with that address, these are all rows except those of another address.
        """

    def find_details_of_streams(self, ids: Collection[UUID]) -> Mapping[UUID, Sequence[UUID]]:
        """Returns the ids of all personal details of these streams; streams without any are left out."""

    def count_erased_details(self, erasure_id: UUID) -> int:
        """Counts the rows of details that an erasure has erased so far."""

    def find_first_positions(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """Returns the position of the first event of each stream."""

    def find_request_position(self, id: UUID, request_id: str) -> int | None:
        """Returns the last position that one request appended to a stream, or None."""

    def await_standbys(self) -> None:
        """Returns when everything that was read before is as safe as an append that was acknowledged."""

    def is_unconfirmed(self, id: UUID) -> bool:
        """Whether this stream began before a restore that has not been reconciled yet."""

    def find_last_position(self, id: UUID) -> int | None:
        """Returns the position of the last event of a stream, or None."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command: the id, the position after it, its instant, and whether it was a replay."""

    id: UUID
    position: int | None
    at: datetime
    replayed: bool = False
