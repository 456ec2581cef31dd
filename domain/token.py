"""A token: the right to book one meeting through a link, and the meeting that it becomes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from domain import refusals
from domain.aggregate import Aggregate
from domain.availability.hours import Interval
from domain.erasure import PersonalDetailsErased
from domain.event import Context, Detailed, Event, IdempotentEvent, Instant
from domain.link import LinkKind
from domain.notifications.mail_delivery import Told
from domain.notifications.outbox import Outbox, Telling
from domain.refusals import AlreadyBooked, BookingCancelled, MeetingStarted, NothingToSend

TIMES = ("starts_at", "ends_at", "held_from", "held_until")

# What happened


class SingleUseIssued(Detailed, IdempotentEvent, name="SingleUseIssued.v1"):
    """A single-use link was made from a core link; recipient, label and metadata are personal details."""

    link_id: UUID
    issued_by: UUID
    issue_number: int = 0
    issue_count: int = 1


class DirectIssued(Event, name="DirectIssued.v1"):
    """A token was made on the spot for a booking on a core link."""

    link_id: UUID


class SingleUseRevoked(Detailed, Event, name="SingleUseRevoked.v1"):
    """An unused single-use link was withdrawn; the reason is a personal detail."""


class MeetingBooked(Detailed, IdempotentEvent, name="MeetingBooked.v1"):
    """The one meeting of this token was booked; guest and notes are personal details.

    `host_ids` has the host first, then the co-hosts. The versions are those that it was decided on; `held_from` and
    `held_until` include the buffers.
    """

    link_id: UUID
    link_kind: LinkKind
    link_version: int
    meeting_type_id: UUID
    meeting_type_version: int
    host_ids: tuple[UUID, ...]
    host_versions: tuple[int, ...]
    starts_at: Instant
    ends_at: Instant
    held_from: Instant
    held_until: Instant


class Rescheduled(Event, name="Rescheduled.v1"):
    """The meeting was moved to another time."""

    previous_starts_at: Instant
    meeting_type_version: int
    starts_at: Instant
    ends_at: Instant
    held_from: Instant
    held_until: Instant


class MeetingReassigned(Event, name="MeetingReassigned.v1"):
    """The meeting was given to another host, at the time at which it stands.

    `host_ids` has the host first, then the co-hosts, and `host_versions` the versions that this was decided on; the
    times, and the version of the meeting type that they follow, are those of the meeting as it stands.
    """

    previous_host_ids: tuple[UUID, ...]
    host_ids: tuple[UUID, ...]
    host_versions: tuple[int, ...]
    meeting_type_version: int
    starts_at: Instant
    ends_at: Instant
    held_from: Instant
    held_until: Instant


class MeetingCancelled(Detailed, Event, name="MeetingCancelled.v1"):
    """The meeting was cancelled, for good; the reason is a personal detail."""

    cancelled_by: Literal["guest", "host"]


class CalendarConflictFound(Event, name="CalendarConflictFound.v1"):
    """A host's own calendar was found to have something else at the time of the meeting, which stays booked."""

    host_id: UUID
    starts_at: Instant


class Token(Aggregate):
    """Books one meeting, ever: issued, then booked or revoked; a booked one may be moved, reassigned or cancelled.

    `meeting` says when it is now, `host_ids` with whom: the host first, then the co-hosts.
    """

    link_id: UUID
    issued: SingleUseIssued | None = None
    booked: MeetingBooked | None = None
    meeting: MeetingBooked | Rescheduled | None = None
    host_ids: tuple[UUID, ...] = ()
    revoked: bool = False
    cancelled: bool = False
    erased: frozenset[UUID] = frozenset()
    conflicts: frozenset[tuple[UUID, datetime]] = frozenset()
    outbox: Outbox = Outbox()

    # What may happen

    def issue(self, context: Context, **payload: Any) -> None:
        """Makes this token a single-use link."""
        self.record(SingleUseIssued, context, **payload)

    def issue_on_the_spot(self, link_id: UUID, context: Context) -> None:
        """Makes this token for a booking on the core link that follows in the same append."""
        self.record(DirectIssued, context, link_id=link_id)

    def revoke(self, context: Context, **details: Any) -> None:
        """Withdraws an unused single-use link; silent when it is. Raises AlreadyBooked."""
        if self.booked is not None:
            raise AlreadyBooked
        if not self.revoked:
            self.record(SingleUseRevoked, context, **details)

    def book(self, context: Context, **payload: Any) -> None:
        """Becomes the meeting. Raises LinkUsed or LinkRevoked."""
        self.refuse_if_spent()
        self.record(MeetingBooked, context, link_id=self.link_id, **payload)

    def reschedule(self, context: Context, **payload: Any) -> None:
        """Moves the meeting; silent when it already is at that time. Raises BookingCancelled or MeetingStarted."""
        meeting = self.changeable_meeting(context.now)
        if payload["starts_at"] != meeting.starts_at:
            self.record(Rescheduled, context, previous_starts_at=meeting.starts_at, **payload)

    def reassign(self, context: Context, host_ids: tuple[UUID, ...], host_versions: tuple[int, ...]) -> None:
        """Gives the meeting to these hosts; silent when it is theirs. Raises BookingCancelled or MeetingStarted."""
        meeting = self.changeable_meeting(context.now)
        if host_ids != self.host_ids:
            stands = {name: getattr(meeting, name) for name in ("meeting_type_version", *TIMES)}
            previous = {"previous_host_ids": self.host_ids, "host_ids": host_ids, "host_versions": host_versions}
            self.record(MeetingReassigned, context, **previous, **stands)

    def cancel(self, context: Context, **payload: Any) -> None:
        """Cancels the meeting. Raises BookingCancelled or MeetingStarted."""
        self.changeable_meeting(context.now)
        self.record(MeetingCancelled, context, **payload)

    def find_conflict(self, context: Context, host_id: UUID, busy: Iterable[Interval]) -> None:
        """Says that a host's own calendar has something else then; once for each host and time of the meeting.

        Silent when the meeting is over, moved away, cancelled, or not with this host.
        """
        meeting = self.meeting
        if self.booked is None or meeting is None or self.cancelled or meeting.ends_at <= context.now:
            return
        if host_id not in self.host_ids or (host_id, meeting.starts_at) in self.conflicts:
            return
        if any(one.start < meeting.ends_at and one.end > meeting.starts_at for one in busy):
            self.record(CalendarConflictFound, context, host_id=host_id, starts_at=meeting.starts_at)

    def erase(self, context: Context, **payload: Any) -> None:
        """Says that personal details of this token are erased."""
        self.record(PersonalDetailsErased, context, **payload)

    @property
    def conflicting_hosts(self) -> frozenset[UUID]:
        """The hosts whose own calendars were found to have something else at the time that the meeting has now."""
        if self.meeting is None or self.cancelled:
            return frozenset()
        found = (host for host, starts_at in self.conflicts if starts_at == self.meeting.starts_at)
        return frozenset(found).intersection(self.host_ids)

    def tell(self, kind: type[Told], context: Context, telling: Telling, **payload: Any) -> None:
        """Says what became of telling somebody of this meeting; silent when nothing is owed, or no more."""
        if self.outbox.standing(telling).state == "owed" and telling in set(self.outbox.tellings()):
            self.record(kind, context, **self.outbox.about(telling), **payload)

    def ask_again(self, kind: type[Told], context: Context, telling: Telling) -> None:
        """Wants somebody to be told once more; silent while that is owed anyway. Raises NothingToSend."""
        if not self.outbox.makes_sense(telling) or self.meeting is None or self.meeting.ends_at <= context.now:
            raise NothingToSend
        if self.outbox.standing(telling).state != "owed":
            self.record(kind, context, **self.outbox.about(telling))

    def reason_kept(self, reason: str | None) -> str | None:
        """A reason as it may be kept: not at all once the guest or recipient that it is about was erased."""
        about = self.booked or self.issued
        return None if about is not None and about.details_id in self.erased else reason

    def refuse_if_spent(self) -> None:
        """Lets only an unused token be booked. Raises LinkUsed or LinkRevoked."""
        if self.booked is not None:
            raise refusals.LinkUsed
        if self.revoked:
            raise refusals.LinkRevoked

    def changeable_meeting(self, now: datetime) -> MeetingBooked | Rescheduled:
        """The meeting as it stands, if it may still change. Raises NotFound, BookingCancelled or MeetingStarted."""
        if self.meeting is None:
            raise refusals.NotFound
        if self.cancelled:
            raise BookingCancelled
        if self.meeting.starts_at <= now:
            raise MeetingStarted
        return self.meeting

    # How history becomes state

    def evolve(self, event: Event) -> None:
        self.outbox = self.outbox.after(event)
        match event:
            case SingleUseIssued():
                self.issued, self.link_id = event, event.link_id
            case DirectIssued():
                self.link_id = event.link_id
            case SingleUseRevoked():
                self.revoked = True
            case MeetingBooked():
                self.booked = self.meeting = event
                self.host_ids = event.host_ids
            case Rescheduled():
                self.meeting = event
            case MeetingReassigned():
                self.host_ids = event.host_ids
            case MeetingCancelled():
                self.cancelled = True
            case CalendarConflictFound():
                self.conflicts = self.conflicts.union([(event.host_id, event.starts_at)])
            case PersonalDetailsErased():
                self.erased = self.erased.union(event.details_ids)
