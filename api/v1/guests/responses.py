"""What guests are answered: what a link offers, and a booking as its guest sees it."""

from collections.abc import Mapping
from typing import Any, cast

from api.services import Services
from api.v1.response_models import BookingMade, GuestBooking, Host, OfferedType
from domain.commands.booking_request import BookingResult
from domain.offer import Offer as DomainOffer
from domain.token_events import MeetingBooked, Rescheduled
from projections.meeting_log import Guest
from projections.questions import QuestionRow, to_question_row


def build_offered_type(offer: DomainOffer) -> OfferedType:
    """Build the part of a meeting type that guests see."""
    properties = offer.meeting_type.properties
    return OfferedType(
        name=properties.name,
        description=properties.description,
        duration_minutes=properties.duration_minutes,
        location=properties.location,
    )


def build_questions(offer: DomainOffer) -> list[QuestionRow]:
    """Build the questions that a guest is asked."""
    return [to_question_row(question) for question in offer.meeting_type.properties.questions]


def get_team_name(offer: DomainOffer) -> str | None:
    """Return the name of the team of which one member joins the hosts; nothing about its members."""
    return offer.team.properties.name if offer.team else None


def build_hosts(offer: DomainOffer) -> list[Host]:
    """Build the part of the hosts that guests see, the host first."""
    return [Host(name=host.properties.name) for host in offer.hosts]


def build_booking_made(services: Services, result: BookingResult) -> BookingMade:
    """Build the response to a new booking."""
    meeting = result.token.meeting
    assert meeting is not None
    booking = build_guest_booking(result.token.id, meeting, result.offer, result.details, "scheduled")
    return BookingMade(booking=booking, manage_url=services.build_manage_url(result.token.id))


def build_guest_booking(
    id: Any, meeting: MeetingBooked | Rescheduled, offer: DomainOffer, details: Mapping[str, Any] | None, status: Any
) -> GuestBooking:
    """Build a booking as its guest sees it; `details` are None once they are erased."""
    return GuestBooking(
        id=id,
        status=status,
        start=meeting.starts_at,
        end=meeting.ends_at,
        meeting_type=build_offered_type(offer),
        hosts=build_hosts(offer),
        guest=cast(Guest, details["guest"]) if details else None,
        answers=details.get("answers", []) if details else [],
    )
