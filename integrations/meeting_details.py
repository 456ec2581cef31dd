"""The details of a meeting, as notifications, calendars and their files show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.event import Event
from domain.meeting_type import MeetingTypeProperties
from domain.person import PersonProperties
from domain.token_events import MeetingBooked, Rescheduled
from integrations.calendar_entry import CalendarEntry, Participant
from integrations.plain_text import to_display_name


@dataclass(frozen=True, slots=True)
class GuestDetails:
    """The details that the guest entered; `answers` are pairs of a question and what they answered, as people read it.

    `mailed_answers` are those for the guest: whose address it is, nobody knows, so nothing in them becomes a link.
    """

    name: str
    email: str
    time_zone: str
    notes: str | None
    answers: Sequence[tuple[str, str]] = ()
    mailed_answers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class LinkRequestDetails:
    """A request for a new link: the core link's name, and whom the single-use link was made for, unless erased."""

    link_name: str
    recipient: str | None
    label: str | None
    page_url: str


@dataclass(frozen=True, slots=True)
class SingleUseMailDetails:
    """A single-use link as the mail to its recipient shows it."""

    recipient_name: str
    recipient_email: str
    issuer: PersonProperties
    meeting_type: MeetingTypeProperties
    host_names: Sequence[str]
    expires_at: datetime | None
    only_recipient: bool
    message: str | None
    url: str


@dataclass(frozen=True, slots=True)
class MeetingDetails:
    """A meeting as an event of its stream left it. `guest` is None once their details are erased.

    `affected_host` is the only host whom that event concerns, if there is one. `message` is what a host wrote to the
    guest about that event. `replacement_url` is the page of the single-use link that was given for a cancelled meeting,
    while it can be booked. `canceller` is the name of the person of the organisation who cancelled.
    """

    token_id: UUID
    event: Event
    meeting: MeetingBooked | Rescheduled
    meeting_type: MeetingTypeProperties
    hosts: Sequence[PersonProperties]
    affected_host: PersonProperties | None
    guest: GuestDetails | None
    cancelled: bool
    cancelled_by: str | None
    reason: str | None
    message: str | None
    sequence: int
    changed_at: datetime
    manage_url: str
    page_url: str
    replacement_url: str | None = None
    canceller: str | None = None

    @property
    def title(self) -> str:
        """The meeting's title for its guest: the meeting type and the hosts."""
        return f"{self.meeting_type.name} with {' and '.join(host.name for host in self.hosts)}"

    @property
    def title_for_hosts(self) -> str:
        """The meeting's title for its hosts."""
        return f"{self.meeting_type.name} with {to_display_name(self.guest.name) if self.guest else 'a guest'}"

    def describe_answers(self, for_guest: bool) -> str:
        """Describe the guest's answers, a line each."""
        if self.guest is None:
            return ""
        answers = self.guest.mailed_answers if for_guest else self.guest.answers
        return "\n".join(f"{label}: {text}" for label, text in answers)

    def build_entry(self, for_guest: bool, zone: str, sent_by: str | None = None) -> CalendarEntry:
        """Build the entry for the guest's calendar, or for a host's."""
        change_hint = f"Reschedule or cancel: {self.manage_url}" if for_guest else f"The booking: {self.page_url}"
        notes = self.guest.notes if self.guest and not for_guest else None
        paragraphs = [
            self.meeting_type.description,
            self.describe_answers(for_guest),
            f"Notes of the guest:\n{notes}" if notes else None,
            change_hint,
        ]
        guests = [Participant(self.guest.name, self.guest.email)] if self.guest else []
        return CalendarEntry(
            token_id=self.token_id,
            sequence=self.sequence,
            changed_at=self.changed_at,
            start=self.meeting.starts_at,
            end=self.meeting.ends_at,
            zone=zone,
            title=self.title if for_guest else self.title_for_hosts,
            description="\n\n".join(paragraph for paragraph in paragraphs if paragraph),
            url=self.manage_url if for_guest else self.page_url,
            location=self.meeting_type.location,
            cancelled=self.cancelled,
            host=Participant(self.hosts[0].name, self.hosts[0].email),
            others=[*(Participant(host.name, host.email) for host in self.hosts[1:]), *guests],
            sent_by=sent_by,
        )
