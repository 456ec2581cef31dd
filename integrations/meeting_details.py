"""The details of a meeting for notifications: its events so far, and the people's current names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api.services import Services
from domain.event import Event
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.notifications.outbox import compute_sequence
from domain.person import Person, PersonProperties
from domain.refusals import NotFound
from domain.token import CalendarConflictFound, MeetingBooked, MeetingCancelled, Rescheduled, Token
from integrations.icalendar import CalendarEntry, Participant


@dataclass(frozen=True, slots=True)
class GuestDetails:
    """The details that the guest entered."""

    name: str
    email: str
    time_zone: str
    notes: str | None


@dataclass(frozen=True, slots=True)
class MeetingDetails:
    """A meeting as an event of its stream left it. `guest` is None once their details are erased.

    `affected_host` is the only host whom that event concerns, if there is one.
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
    sequence: int
    changed_at: datetime
    manage_url: str
    page_url: str

    @property
    def title(self) -> str:
        """The meeting's title for its guest: the meeting type and the hosts."""
        return f"{self.meeting_type.name} with {' and '.join(host.name for host in self.hosts)}"

    @property
    def title_for_hosts(self) -> str:
        """The meeting's title for its hosts."""
        return f"{self.meeting_type.name} with {self.guest.name if self.guest else 'a guest'}"

    def build_entry(self, for_guest: bool, zone: str, sent_by: str | None = None) -> CalendarEntry:
        """Build the entry for the guest's calendar, or for a host's."""
        change_hint = f"Reschedule or cancel: {self.manage_url}" if for_guest else f"The booking: {self.page_url}"
        notes = self.guest.notes if self.guest and not for_guest else None
        paragraphs = [self.meeting_type.description, f"Notes of the guest:\n{notes}" if notes else None, change_hint]
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


@dataclass(frozen=True, slots=True)
class MeetingReferences:
    """The streams and personal details that some meetings refer to, loaded at once."""

    streams: Mapping[UUID, Any]
    personal_details: Mapping[UUID | None, Any]


def load_meeting_references(services: Services, tokens: Sequence[Token]) -> MeetingReferences:
    """Load what some booked meetings refer to, in two queries. Raises DatabaseAway."""
    events = [event for token in tokens for event in token.outbox.cause_events]
    type_ids = {token.booked_event.meeting_type_id for token in tokens if token.booked_event}
    host_ids = {id for event in events for id in getattr(event, "host_ids", ())}
    details_ids = {getattr(event, "details_id", None) for event in events}
    return MeetingReferences(
        services.scheduling.load_aggregates([*type_ids, *host_ids]),
        load_personal_details(services, *details_ids) if details_ids else {},
    )


def load_meeting_details(services: Services, token: Token, until: int | None = None) -> MeetingDetails:
    """Load a meeting's details, now or as the event of a version left it. Raises NotFound, DatabaseAway."""
    return build_meeting_details(services, token, load_meeting_references(services, [token]), until)


def build_meeting_details(
    services: Services, token: Token, references: MeetingReferences, until: int | None = None
) -> MeetingDetails:
    """Build a meeting's details from loaded references. Raises NotFound."""
    events = [event for event in token.outbox.cause_events if until is None or event.originator_version <= until]
    booked_event = token.booked_event
    if booked_event is None or not events:
        raise NotFound
    host_ids: tuple[UUID, ...] = next(ids for event in reversed(events) if (ids := getattr(event, "host_ids", None)))
    streams, personal_details = references.streams, references.personal_details
    hosts = [streams.get(id) for id in host_ids]
    affected_host = streams[events[-1].host_id] if isinstance(events[-1], CalendarConflictFound) else None
    meeting_type = streams.get(booked_event.meeting_type_id)
    cancelled_event = next((event for event in events if isinstance(event, MeetingCancelled)), None)
    assert isinstance(meeting_type, MeetingType)
    return MeetingDetails(
        token_id=token.id,
        event=events[-1],
        meeting=next(event for event in reversed(events) if isinstance(event, MeetingBooked | Rescheduled)),
        meeting_type=meeting_type.properties,
        hosts=[host.properties for host in hosts if isinstance(host, Person)],
        affected_host=affected_host.properties if isinstance(affected_host, Person) else None,
        guest=to_guest_details(personal_details.get(booked_event.details_id)),
        cancelled=cancelled_event is not None,
        cancelled_by=cancelled_event.cancelled_by if cancelled_event else None,
        reason=(personal_details.get(cancelled_event.details_id) or {}).get("reason") if cancelled_event else None,
        sequence=compute_sequence(iter(events)),
        changed_at=max(event.occurred_at for event in events),
        manage_url=services.manage_url(token.id),
        page_url=f"{services.settings.base_url}/meeting-log/{token.id}",
    )


def load_personal_details(services: Services, *ids: UUID | None) -> dict[UUID | None, Any]:
    """Load personal details by id; erased ones are absent."""
    rows = services.reader.load_personal_details([id for id in ids if id is not None])
    return {id: details.data for id, details in rows.items()}


def to_guest_details(details: Any) -> GuestDetails | None:
    """Convert personal details to the guest's; None when they were erased."""
    if details is None:
        return None
    guest = details["guest"]
    return GuestDetails(guest["name"], guest["email"], guest["time_zone"], details.get("notes"))
