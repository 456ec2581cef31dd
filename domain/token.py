"""A token: the right to book one meeting through a link, and the meeting that it becomes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain import refusals
from domain.availability.hours import Interval
from domain.email_addresses import fold_address
from domain.erasure import PersonalDetailsErased
from domain.event import Context, Event
from domain.link import Link
from domain.member_choice import MemberChoice
from domain.notifications.notified_aggregate import NotifiedAggregate
from domain.notifications.outbox import Notification
from domain.notifications.schedule import NO_SHOW_PERIOD
from domain.quotas import QUOTA_PERIOD
from domain.refusals import AlreadyBooked, BookingCancelled, MeetingStarted, TooManyMoves
from domain.token_events import (
    CalendarConflictFound,
    DirectIssued,
    MeetingBooked,
    MeetingCancelled,
    MeetingReassigned,
    NoShowMarked,
    NoShowUnmarked,
    ReassignedWithMessage,
    Rescheduled,
    RescheduledWithMessage,
    SingleUseIssued,
    SingleUseRevoked,
    SingleUseSendRequested,
)

TIME_FIELDS = ("starts_at", "ends_at", "held_from", "held_until")


class Token(NotifiedAggregate):
    """One meeting, ever: issued, then booked or revoked. A booked one may be moved, reassigned or cancelled.

    `meeting` has the current times, `host_ids` the current hosts: the host first, then the co-hosts. `member_id` is the
    one of them who stands for the team from which somebody was `chosen`.
    """

    link_id: UUID
    issued_event: SingleUseIssued | None = None
    booked_event: MeetingBooked | None = None
    meeting: MeetingBooked | Rescheduled | None = None
    host_ids: tuple[UUID, ...] = ()
    revoked: bool = False
    cancelled: bool = False
    guest_moves: tuple[datetime, ...] = ()
    erased_details_ids: frozenset[UUID] = frozenset()
    conflicts: frozenset[tuple[UUID, datetime]] = frozenset()
    chosen: MemberChoice | None = None
    member_id: UUID | None = None

    # What may happen

    def issue(self, context: Context, **payload: Any) -> None:
        """Records that this token is a single-use link."""
        self.record_event(SingleUseIssued, context, **payload)

    def issue_directly(self, link_id: UUID, context: Context) -> None:
        """Records that this token is for a booking on the core link, in the same append."""
        self.record_event(DirectIssued, context, link_id=link_id)

    def request_sending(self, context: Context, **details: Any) -> None:
        """Asks for the link to be mailed to its recipient. Raises LinkUsed, LinkRevoked."""
        self.refuse_if_spent()
        assert self.issued_event is not None
        recipient_details_id = self.issued_event.details_id
        self.record_event(SingleUseSendRequested, context, recipient_details_id=recipient_details_id, **details)

    def revoke(self, context: Context, **details: Any) -> None:
        """Revokes an unused single-use link. Records nothing when it is revoked. Raises AlreadyBooked."""
        if self.booked_event is not None:
            raise AlreadyBooked
        if not self.revoked:
            self.record_event(SingleUseRevoked, context, **details)

    def book(self, context: Context, **payload: Any) -> None:
        """Books the meeting. Raises LinkUsed or LinkRevoked."""
        self.refuse_if_spent()
        self.record_event(MeetingBooked, context, link_id=self.link_id, **payload)

    def reschedule(self, context: Context, **payload: Any) -> None:
        """Moves the meeting. Records nothing at the same time. Raises BookingCancelled or MeetingStarted."""
        meeting = self.require_changeable_meeting(context.now)
        event_class = RescheduledWithMessage if "details_id" in payload else Rescheduled
        if payload["starts_at"] != meeting.starts_at:
            self.record_event(event_class, context, previous_starts_at=meeting.starts_at, **payload)

    def reassign(
        self, context: Context, host_ids: tuple[UUID, ...], host_versions: tuple[int, ...], **details: Any
    ) -> None:
        """Gives the meeting to these hosts. Records nothing for the same. Raises BookingCancelled or MeetingStarted.

        `details` refer to a message, or say that the last of the hosts was `chosen` from the team.
        """
        meeting = self.require_changeable_meeting(context.now)
        if host_ids != self.host_ids:
            meeting_fields = {name: getattr(meeting, name) for name in ("meeting_type_version", *TIME_FIELDS)}
            host_fields = {"previous_host_ids": self.host_ids, "host_ids": host_ids, "host_versions": host_versions}
            event_class = ReassignedWithMessage if "details_id" in details else MeetingReassigned
            self.record_event(event_class, context, **host_fields, **meeting_fields, **details)

    def cancel(self, context: Context, **payload: Any) -> None:
        """Cancels the meeting. Raises BookingCancelled or MeetingStarted."""
        self.require_changeable_meeting(context.now)
        self.record_event(MeetingCancelled, context, **payload)

    def mark_no_show(self, context: Context, tell_guest: bool) -> None:
        """Records that the guest did not come. Records nothing when that is known, and the guest told if wanted.

        Raises BookingCancelled, MeetingNotStarted or NoShowTooLate.
        """
        self.require_markable_meeting(context.now)
        marked_event = self.outbox.no_show_event
        if marked_event is None or (tell_guest and not getattr(marked_event, "tell_guest", False)):
            self.record_event(NoShowMarked, context, tell_guest=tell_guest)

    def undo_no_show(self, context: Context) -> None:
        """Records that the guest came after all. Raises BookingCancelled, MeetingNotStarted or NoShowTooLate."""
        self.require_markable_meeting(context.now)
        if self.is_no_show:
            self.record_event(NoShowUnmarked, context)

    def record_conflict(self, context: Context, host_id: UUID, busy: Iterable[Interval]) -> None:
        """Records that a host's own calendar conflicts with the meeting, once for each host and time of the meeting.

        Records nothing when the meeting is over, moved away, cancelled, or not with this host.
        """
        meeting = self.meeting
        if self.booked_event is None or meeting is None or self.cancelled or meeting.ends_at <= context.now:
            return
        if host_id not in self.host_ids or (host_id, meeting.starts_at) in self.conflicts:
            return
        if any(interval.start < meeting.ends_at and interval.end > meeting.starts_at for interval in busy):
            self.record_event(CalendarConflictFound, context, host_id=host_id, starts_at=meeting.starts_at)

    def erase(self, context: Context, **payload: Any) -> None:
        """Records that personal details of this token are erased."""
        self.record_event(PersonalDetailsErased, context, **payload)

    @property
    def is_no_show(self) -> bool:
        """Whether the meeting is marked as one that the guest missed."""
        return self.outbox.no_show_event is not None

    @property
    def conflicting_hosts(self) -> frozenset[UUID]:
        """The hosts whose own calendars conflict with the current time of the meeting."""
        if self.meeting is None or self.cancelled:
            return frozenset()
        host_ids = (host for host, starts_at in self.conflicts if starts_at == self.meeting.starts_at)
        return frozenset(host_ids).intersection(self.host_ids)

    def has_lapsed(self, context: Context, notification: Notification) -> bool:
        """Whether the meeting is over, or the time of a reminder, follow-up or mail about a no-show."""
        if notification.to == "recipient":
            return False
        end_of_use = self.outbox.find_end_of_use(notification)
        return self.meeting is None or (end_of_use or self.meeting.ends_at) <= context.now

    def filter_text(self, text: str | None) -> str | None:
        """Returns a reason or message, or None once the details of the guest or recipient it is about are erased."""
        subject_event = self.booked_event or self.issued_event
        return None if subject_event is not None and subject_event.details_id in self.erased_details_ids else text

    def refuse_if_spent(self) -> None:
        """Passes only an unused token. Raises LinkUsed or LinkRevoked."""
        if self.booked_event is not None:
            raise refusals.LinkUsed
        if self.revoked:
            raise refusals.LinkRevoked

    def compute_expiry(self, link: Link) -> datetime | None:
        """Returns when this right to book ends, as its core link is now; None for never."""
        issued = self.issued_event
        return (
            link.properties.expires_at if issued is None else link.compute_expiry(issued.occurred_at, issued.expires_at)
        )

    def refuse_if_closed(self, link: Link, now: datetime) -> None:
        """Passes only a token that can book through its core link now.

        Raises LinkUsed, LinkRevoked, LinkDeleted, LinkDisabled, LinkExpired, LinkSingleUseOnly.
        """
        self.refuse_if_spent()
        link.refuse_if_closed(now)
        if self.issued_event is None:
            link.refuse_direct_booking()
        elif (expiry := self.compute_expiry(link)) is not None and expiry <= now:
            raise refusals.LinkExpired

    def refuse_unless_recipient(self, email: str, recipient_email: str | None) -> None:
        """Passes the recipient, however they write their address, if the link is only for them.

        `recipient_email` is None when their details were erased: then it is for nobody. Raises NotTheRecipient.
        """
        if not self.is_only_for_recipient:
            return
        if recipient_email is None or fold_address(email) != fold_address(recipient_email):
            raise refusals.NotTheRecipient

    @property
    def is_only_for_recipient(self) -> bool:
        """Whether nobody but the recipient may book it."""
        return self.issued_event is not None and self.issued_event.only_recipient

    def has_ended_by(self, until: datetime) -> bool:
        """Whether the meeting, as it stands or stood when it was cancelled, ended by an instant."""
        return self.meeting is not None and self.meeting.ends_at <= until

    def is_long_over(self, now: datetime, after: timedelta) -> bool:
        """Whether the meeting, as it stands or stood when it was cancelled, ended longer ago than `after`."""
        return self.has_ended_by(now - after)

    @property
    def has_fallen_through(self) -> bool:
        """Whether the meeting did not take place, so that its guest may get a replacement."""
        return self.cancelled or self.is_no_show

    @property
    def core_link_details_id(self) -> UUID | None:
        """The id of the details that a guest gave on a core link; None for a single-use link."""
        return self.booked_event.details_id if self.booked_event and self.issued_event is None else None

    def refuse_frequent_moves(self, now: datetime, quota: int) -> None:
        """Passes a guest's move within the quota of a day; 0 is none. Raises TooManyMoves."""
        if 0 < quota <= len(self.guest_moves) and (wait := self.guest_moves[-quota] + QUOTA_PERIOD - now) > timedelta():
            raise TooManyMoves(wait)

    def require_changeable_meeting(self, now: datetime) -> MeetingBooked | Rescheduled:
        """Returns the current meeting. Raises NotFound, BookingCancelled or MeetingStarted."""
        if self.meeting is None:
            raise refusals.NotFound
        if self.cancelled:
            raise BookingCancelled
        if self.meeting.starts_at <= now:
            raise MeetingStarted
        return self.meeting

    def require_markable_meeting(self, now: datetime) -> None:
        """Passes a meeting whose guest can be said to have missed it.

        Raises NotFound, BookingCancelled, MeetingNotStarted or NoShowTooLate.
        """
        if self.meeting is None:
            raise refusals.NotFound
        if self.cancelled:
            raise BookingCancelled
        if now < self.meeting.starts_at:
            raise refusals.MeetingNotStarted
        if now >= self.meeting.starts_at + NO_SHOW_PERIOD:
            raise refusals.NoShowTooLate

    # How history becomes state

    def set_member(self, chosen: MemberChoice | None, added_ids: tuple[UUID, ...]) -> None:
        """Sets the member of the team: the one who was chosen, or who took the meeting over from them."""
        if chosen is not None:
            self.chosen, self.member_id = chosen, chosen.person_id
        elif self.member_id is not None and self.member_id not in self.host_ids:
            self.member_id = next(iter(added_ids), None)

    def evolve(self, event: Event) -> None:
        super().evolve(event)
        match event:
            case SingleUseIssued():
                self.issued_event, self.link_id = event, event.link_id
            case DirectIssued():
                self.link_id = event.link_id
            case SingleUseRevoked():
                self.revoked = True
            case MeetingBooked():
                self.booked_event = self.meeting = event
                self.host_ids = event.host_ids
                self.set_member(event.chosen, event.host_ids)
            case Rescheduled():
                self.meeting = event
                self.guest_moves += (event.occurred_at,) * (event.actor.kind == "guest")
            case MeetingReassigned():
                self.host_ids = event.host_ids
                added_ids = tuple(id for id in event.host_ids if id not in event.previous_host_ids)
                self.set_member(event.chosen, added_ids)
            case MeetingCancelled():
                self.cancelled = True
            case CalendarConflictFound():
                self.conflicts = self.conflicts.union([(event.host_id, event.starts_at)])
            case PersonalDetailsErased():
                self.erased_details_ids = self.erased_details_ids.union(event.details_ids)
