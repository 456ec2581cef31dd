"""What happens to a token: its right to book is issued or revoked, its meeting booked, moved and cancelled."""

from typing import Literal
from uuid import UUID

from domain.event import Event, IdempotentEvent, Instant, PersonalDetailsReference
from domain.link import LinkKind
from domain.member_choice import MemberChoice


class SingleUseIssued(
    PersonalDetailsReference,
    IdempotentEvent,
    name="SingleUseIssued.v1",
    later={"SingleUseIssued.v2": ("expires_at", "only_recipient", "locale", "replaces")},
):
    """A single-use link was made from a core link; recipient, label and metadata are personal details.

    `expires_at` is its own, `only_recipient` lets nobody else book, `replaces` is the meeting that fell through.
    """

    link_id: UUID
    issued_by: UUID
    issue_number: int = 0
    issue_count: int = 1
    expires_at: Instant | None = None
    only_recipient: bool = False
    locale: str | None = None
    replaces: UUID | None = None


class DirectIssued(Event, name="DirectIssued.v1"):
    """A token was made on the spot for a booking on a core link."""

    link_id: UUID


class SingleUseRevoked(PersonalDetailsReference, Event, name="SingleUseRevoked.v1"):
    """An unused single-use link was withdrawn; the reason is a personal detail."""


class SingleUseSendRequested(PersonalDetailsReference, Event, name="SingleUseSendRequested.v1"):
    """The issuer wanted the single-use link mailed to its recipient; their message is a personal detail.

    `recipient_details_id` are the details of the recipient, without which nothing is sent.
    """

    recipient_details_id: UUID


class MeetingBooked(
    PersonalDetailsReference,
    IdempotentEvent,
    name="MeetingBooked.v1",
    later={
        "MeetingBooked.v2": ("chosen", "further_guests", "locale"),
        "MeetingBooked.v3": ("reminders_minutes", "follow_up_minutes"),
    },
):
    """The one meeting of this token was booked; guest and notes are personal details, each further guest too.

    `host_ids` has the host first, then the co-hosts. The versions are those that it was decided on; `held_from` and
    `held_until` include the buffers. `chosen` is the member of the link's team, with the reasons. Reminders are due so
    many minutes before the start, the follow-up after the end.
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
    chosen: MemberChoice | None = None
    further_guests: tuple[PersonalDetailsReference, ...] = ()
    locale: str | None = None
    reminders_minutes: tuple[int, ...] = (1_440, 60)
    follow_up_minutes: int | None = None


class Rescheduled(Event, name="Rescheduled.v1"):
    """The meeting was moved to another time."""

    previous_starts_at: Instant
    meeting_type_version: int
    starts_at: Instant
    ends_at: Instant
    held_from: Instant
    held_until: Instant


class RescheduledWithMessage(PersonalDetailsReference, Rescheduled, name="Rescheduled.v2"):
    """The meeting was moved by one of its hosts, with a message to the guest, which is a personal detail."""


class MeetingReassigned(Event, name="MeetingReassigned.v1", later={"MeetingReassigned.v3": ("chosen",)}):
    """The meeting was given to another host, at the time at which it stands.

    `host_ids` has the host first, then the co-hosts, and `host_versions` the versions that this was decided on; the
    times, and the version of the meeting type that they follow, are those of the meeting as it stands. `chosen` is the
    member of the link's team who was chosen instead of one who had no time.
    """

    previous_host_ids: tuple[UUID, ...]
    host_ids: tuple[UUID, ...]
    host_versions: tuple[int, ...]
    meeting_type_version: int
    starts_at: Instant
    ends_at: Instant
    held_from: Instant
    held_until: Instant
    chosen: MemberChoice | None = None


class ReassignedWithMessage(
    PersonalDetailsReference,
    MeetingReassigned,
    name="MeetingReassigned.v2",
    later={"MeetingReassigned.v4": ("chosen",)},
):
    """The meeting was given to another host, with a message to the guest, which is a personal detail."""


class MeetingCancelled(PersonalDetailsReference, Event, name="MeetingCancelled.v1"):
    """The meeting was cancelled, for good; the reason is a personal detail."""

    cancelled_by: Literal["guest", "host"]


class CalendarConflictFound(Event, name="CalendarConflictFound.v1"):
    """A host's own calendar was found to have something else at the time of the meeting, which stays booked."""

    host_id: UUID
    starts_at: Instant


class NoShowMarked(Event, name="NoShowMarked.v1"):
    """The guest did not come, says one of the hosts; with `tell_guest`, the guest gets a mail about it."""

    tell_guest: bool = False


class NoShowUnmarked(Event, name="NoShowUnmarked.v1"):
    """The guest came after all: the meeting is no longer marked as a no-show."""
