"""Loads the details of meetings: their events so far, and the people's current names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.answers import format_answer
from domain.commands.command_group import CommandGroup
from domain.link import Link
from domain.link_request import LinkRequest
from domain.log import LogReader
from domain.meeting_type import MeetingType
from domain.notifications.outbox import compute_sequence
from domain.person import Person
from domain.refusals import NotFound
from domain.replacement import derive_replacement_id
from domain.token import Token
from domain.token_events import CalendarConflictFound, MeetingBooked, MeetingCancelled, Rescheduled
from integrations.meeting_details import GuestDetails, LinkRequestDetails, MeetingDetails
from integrations.plain_text import to_display_name


@dataclass(frozen=True, slots=True)
class MeetingReferences:
    """The streams and personal details that some meetings refer to, loaded at once."""

    streams: Mapping[UUID, Any]
    personal_details: Mapping[UUID | None, Any]


@dataclass(frozen=True, slots=True)
class MeetingDetailsLoader:
    """Loads meeting details from the log. The URLs lead to the pages of this service."""

    commands: CommandGroup
    reader: LogReader
    base_url: str
    build_manage_url: Callable[[UUID], str]
    build_single_use_url: Callable[[UUID], str]

    def load_references(self, tokens: Sequence[Token]) -> MeetingReferences:
        """Load what some booked meetings refer to, in two queries. Raises DatabaseAway."""
        events = [event for token in tokens for event in token.outbox.cause_events]
        type_ids = {token.booked_event.meeting_type_id for token in tokens if token.booked_event}
        host_ids = {id for event in events for id in getattr(event, "host_ids", ())}
        canceller_ids = {event.actor.id for event in events if isinstance(event, MeetingCancelled) and event.actor.id}
        details_ids = {getattr(event, "details_id", None) for event in events}
        return MeetingReferences(
            self.commands.load_aggregates([*type_ids, *host_ids, *canceller_ids]),
            self.load_personal_details(*details_ids) if details_ids else {},
        )

    def load_details(self, token: Token, until: int | None = None) -> MeetingDetails:
        """Load a meeting's details, now or as the event of a version left it. Raises NotFound, DatabaseAway."""
        details = self.build_details(token, self.load_references([token]), until)
        return replace(details, replacement_url=self.find_replacement_url(token)) if details.cancelled else details

    def find_replacement_url(self, token: Token) -> str | None:
        """Find the URL of the link that replaces a booking; None without one, and when it is used or revoked."""
        id = derive_replacement_id(token.id)
        replacement = self.commands.load_aggregates([id]).get(id)
        if not isinstance(replacement, Token) or replacement.booked_event is not None or replacement.revoked:
            return None
        return self.build_single_use_url(id)

    def build_details(self, token: Token, references: MeetingReferences, until: int | None = None) -> MeetingDetails:
        """Build a meeting's details from loaded references. Raises NotFound."""
        events = [event for event in token.outbox.cause_events if until is None or event.originator_version <= until]
        booked_event = token.booked_event
        if booked_event is None or not events:
            raise NotFound
        host_ids: tuple[UUID, ...] = next(
            ids for event in reversed(events) if (ids := getattr(event, "host_ids", None))
        )
        streams, personal_details = references.streams, references.personal_details
        hosts = [streams.get(id) for id in host_ids]
        affected_host = streams[events[-1].host_id] if isinstance(events[-1], CalendarConflictFound) else None
        meeting_type = streams.get(booked_event.meeting_type_id)
        cancelled_event = next((event for event in events if isinstance(event, MeetingCancelled)), None)
        canceller = streams.get(cancelled_event.actor.id) if cancelled_event and cancelled_event.actor.id else None
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
            message=(personal_details.get(getattr(events[-1], "details_id", None)) or {}).get("message"),
            sequence=compute_sequence(iter(events)),
            changed_at=max(event.occurred_at for event in events),
            manage_url=self.build_manage_url(token.id),
            page_url=f"{self.base_url}/meeting-log/{token.id}",
            canceller=canceller.properties.name if isinstance(canceller, Person) else None,
        )

    def load_link_request(self, request: LinkRequest) -> LinkRequestDetails:
        """Load what a mail about a request for a new link says. Raises NotFound, DatabaseAway."""
        token = self.commands.load_aggregate(Token, request.last_event.single_use_id)
        link = self.commands.load_aggregate(Link, token.link_id)
        details_id = token.issued_event.details_id if token.issued_event else None
        details = self.load_personal_details(details_id).get(details_id) or {}
        recipient = details.get("recipient") or {}
        return LinkRequestDetails(
            link_name=link.properties.name,
            recipient=recipient.get("name") or recipient.get("email"),
            label=details.get("label"),
            page_url=f"{self.base_url}/links/{link.id}/single-use/{token.id}",
        )

    def find_person(self, id: UUID | None) -> Person | None:
        """Find a person, as the log has them now. Raises DatabaseAway."""
        person = self.commands.load_aggregates([id]).get(id) if id else None
        return person if isinstance(person, Person) else None

    def find_rebooking_url(self, token: Token, now: datetime) -> str | None:
        """Find the page that books another meeting: the replacement's, or the core link's if it books without one."""
        if replacement_url := self.find_replacement_url(token):
            return replacement_url
        if token.issued_event is not None:
            return None
        link = self.commands.load_aggregate(Link, token.link_id)
        is_open = link.get_status(now) == "active" and not link.properties.single_use_only
        return f"{self.base_url}/book/{link.properties.slug}" if is_open else None

    def load_personal_details(self, *ids: UUID | None) -> dict[UUID | None, Any]:
        """Load personal details by id; erased ones are absent."""
        rows = self.reader.load_personal_details([id for id in ids if id is not None])
        return {id: details.data for id, details in rows.items()}


def to_guest_details(details: Any) -> GuestDetails | None:
    """Convert personal details to the guest's; None when they were erased."""
    if details is None:
        return None
    guest = details["guest"]
    answers = details.get("answers", ())
    return GuestDetails(
        guest["name"],
        guest["email"],
        guest["time_zone"],
        details.get("notes"),
        answers=[(answer["label"], format_answer(answer)) for answer in answers],
        mailed_answers=[(answer["label"], guard_answer(answer)) for answer in answers],
    )


def guard_answer(answer: Mapping[str, Any]) -> str:
    """Return an answer's text in which no program finds an address, if the guest was free to write it."""
    text = format_answer(answer)
    is_free_text = answer["kind"] in ("short", "long")
    return "\n".join(to_display_name(line) for line in text.splitlines()) if is_free_text else text
