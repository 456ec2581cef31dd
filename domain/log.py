"""What the domain asks of the log: reads of several streams, and the conditions under which an append may happen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.aggregate import Aggregate
from domain.availability.hours import Interval
from domain.event import Event
from domain.personal_details import Details


class StaleRead(Exception):
    """Something the decision was based on has changed: decide again from fresh reads."""


class OutcomeUnknown(Exception):
    """The append may or may not have happened: read again and compare before deciding."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A value that one stream has and no other may have: a slug, an e-mail address."""

    kind: str
    value: str
    stream_id: UUID


@dataclass(frozen=True, slots=True)
class Hold:
    """The time, buffers included, that a booking takes of each of its hosts.

    Calendars that hosts have elsewhere must be free too; only those of `newcomers` where some have the time already.
    """

    booking_id: UUID
    host_ids: tuple[UUID, ...]
    interval: Interval
    newcomers: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for an append, decided inside its transaction: see DESIGN, "one append"."""

    reads: Sequence[Aggregate] = ()
    claims: Sequence[Claim] = ()
    release: UUID | None = None
    release_hosts: tuple[UUID, ...] = ()
    reserve: Hold | None = None
    details: Sequence[Details] = ()
    erased_address: str | None = None  # nothing of it may be left after the append


class Log(Protocol):
    """Reads of the log that the eventsourcing library's recorder has no method for."""

    def events_after(self, known: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Event]]:
        """The events of several streams after the versions already known (0 for all), in one query."""

    def claimed(self, kind: str, values: Collection[str]) -> Mapping[str, UUID]:
        """Which of these values are taken, and by which stream."""

    def links_ever_at(self, slug: str) -> Sequence[UUID]:
        """The links that have or had a slug."""

    def held(self, host_ids: Sequence[UUID], within: Interval, but: UUID | None = None) -> Sequence[Interval]:
        """The time taken of any of these hosts, in pieces that do not touch.

        That is what bookings hold, except the booking `but`, and what the hosts' own calendars say.
        """

    def details(self, ids: Collection[UUID]) -> Mapping[UUID, Details]:
        """The personal details that have not been erased."""

    def details_of_address(self, email: str, most: int) -> Mapping[UUID, Sequence[UUID]]:
        """What to erase for an address, whatever its case: ids of details by stream, of so many streams at most.

        In a stream with that address, that is every row but those of another address.
        """

    def count_erased(self, erasure_id: UUID) -> int:
        """How many rows of details an erasure has erased so far."""

    def first_positions(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """Where in the log each of these streams begins."""

    def request_position(self, id: UUID, request_id: str) -> int | None:
        """Where in the log the part of this stream that one request appended ends."""

    def await_standbys(self) -> None:
        """Returns when everything that was read before is as safe as an append that was acknowledged."""

    def is_unconfirmed(self, id: UUID) -> bool:
        """Whether this stream began before a restore after which nobody has said yet what was lost."""

    def last_position(self, id: UUID) -> int | None:
        """Where in the log this stream ends so far."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did: the thing's id, the position after it, its instant, and whether it was a replay."""

    id: UUID
    position: int | None
    at: datetime
    replayed: bool = False
