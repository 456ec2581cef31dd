"""What is known of a meeting when somebody is told of it: its story so far, the people by their names of today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api.services import Oncelink
from domain.event import Event
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.notifications.outbox import sequence
from domain.person import Person, PersonProperties
from domain.refusals import NotFound
from domain.token import CalendarConflictFound, MeetingBooked, MeetingCancelled, Rescheduled, Token
from integrations.icalendar import Entry, Participant


@dataclass(frozen=True, slots=True)
class Given:
    """What the guest gave."""

    name: str
    email: str
    time_zone: str
    notes: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """A meeting as an event of its stream left it; `guest` is None once their details were erased.

    `about` is the host whom alone that event is about, if there is one.
    """

    token_id: UUID
    cause: Event
    meeting: MeetingBooked | Rescheduled
    meeting_type: MeetingTypeProperties
    hosts: Sequence[PersonProperties]
    about: PersonProperties | None
    guest: Given | None
    cancelled: bool
    cancelled_by: str | None
    reason: str | None
    sequence: int
    changed_at: datetime
    manage_url: str
    page_url: str

    @property
    def title(self) -> str:
        """What the meeting is called by its guest: the meeting type and with whom."""
        return f"{self.meeting_type.name} with {' and '.join(host.name for host in self.hosts)}"

    @property
    def title_for_hosts(self) -> str:
        """What the meeting is called by its hosts."""
        return f"{self.meeting_type.name} with {self.guest.name if self.guest else 'a guest'}"

    def entry(self, for_guest: bool, zone: str, sent_by: str | None = None) -> Entry:
        """The meeting as the guest's calendar, or a host's, shows it."""
        change = f"Reschedule or cancel: {self.manage_url}" if for_guest else f"The booking: {self.page_url}"
        notes = self.guest.notes if self.guest and not for_guest else None
        about = [self.meeting_type.description, f"Notes of the guest:\n{notes}" if notes else None, change]
        guests = [Participant(self.guest.name, self.guest.email)] if self.guest else []
        return Entry(
            token_id=self.token_id,
            sequence=self.sequence,
            changed_at=self.changed_at,
            start=self.meeting.starts_at,
            end=self.meeting.ends_at,
            zone=zone,
            title=self.title if for_guest else self.title_for_hosts,
            description="\n\n".join(part for part in about if part),
            url=self.manage_url if for_guest else self.page_url,
            location=self.meeting_type.location,
            cancelled=self.cancelled,
            host=Participant(self.hosts[0].name, self.hosts[0].email),
            others=[*(Participant(host.name, host.email) for host in self.hosts[1:]), *guests],
            sent_by=sent_by,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What meetings refer to, looked up for all of them at once."""

    streams: Mapping[UUID, Any]
    details: Mapping[UUID | None, Any]


def parts_of_meetings(oncelink: Oncelink, tokens: Sequence[Token]) -> Known:
    """What some booked meetings refer to, in two queries. Raises DatabaseAway."""
    causes = [cause for token in tokens for cause in token.outbox.causes]
    types = {token.booked.meeting_type_id for token in tokens if token.booked}
    hosts = {id for cause in causes for id in getattr(cause, "host_ids", ())}
    details = {getattr(cause, "details_id", None) for cause in causes}
    return Known(oncelink.scheduling.load([*types, *hosts]), details_of(oncelink, *details) if details else {})


def facts_of(oncelink: Oncelink, token: Token, until: int | None = None) -> Facts:
    """A meeting as it is now, or as the event of a version left it. Raises NotFound, DatabaseAway."""
    return facts_from(oncelink, token, parts_of_meetings(oncelink, [token]), until)


def facts_from(oncelink: Oncelink, token: Token, known: Known, until: int | None = None) -> Facts:
    """A meeting by what is known of it. Raises NotFound."""
    story = [cause for cause in token.outbox.causes if until is None or cause.originator_version <= until]
    booked = token.booked
    if booked is None or not story:
        raise NotFound
    host_ids: tuple[UUID, ...] = next(ids for event in reversed(story) if (ids := getattr(event, "host_ids", None)))
    found, details = known.streams, known.details
    hosts = [found.get(id) for id in host_ids]
    about = found[story[-1].host_id] if isinstance(story[-1], CalendarConflictFound) else None
    meeting_type = found.get(booked.meeting_type_id)
    cancelled = next((event for event in story if isinstance(event, MeetingCancelled)), None)
    assert isinstance(meeting_type, MeetingType)
    return Facts(
        token_id=token.id,
        cause=story[-1],
        meeting=next(event for event in reversed(story) if isinstance(event, MeetingBooked | Rescheduled)),
        meeting_type=meeting_type.properties,
        hosts=[host.properties for host in hosts if isinstance(host, Person)],
        about=about.properties if isinstance(about, Person) else None,
        guest=guest_in(details.get(booked.details_id)),
        cancelled=cancelled is not None,
        cancelled_by=cancelled.cancelled_by if cancelled else None,
        reason=(details.get(cancelled.details_id) or {}).get("reason") if cancelled else None,
        sequence=sequence(iter(story)),
        changed_at=max(event.occurred_at for event in story),
        manage_url=oncelink.manage_url(token.id),
        page_url=f"{oncelink.settings.base_url}/meeting-log/{token.id}",
    )


def details_of(oncelink: Oncelink, *ids: UUID | None) -> dict[UUID | None, Any]:
    """Personal details by their ids, those that were not erased."""
    found = oncelink.reader.details([id for id in ids if id is not None])
    return {id: details.data for id, details in found.items()}


def guest_in(details: Any) -> Given | None:
    """The guest whom personal details are of."""
    if details is None:
        return None
    guest = details["guest"]
    return Given(guest["name"], guest["email"], guest["time_zone"], details.get("notes"))
