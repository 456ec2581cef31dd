"""The guest's side: what a link offers, and booking it. The code is the permission."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from api.field_types import SLUG, Day, TimeZone
from api.http.dependencies import AsGuest, IdempotencyKey, Parts, written
from api.http.problem_details import answers
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.request_bodies import NewBooking
from api.v1.response_models import BookingMade, Guest, GuestBooking, Host, Offer, OfferedType, Slot, Slots
from domain.availability.offer import LinkOffer, days_as_interval
from domain.availability.offer import Offer as Offered
from domain.commands.scheduling import Booked, Door, Wish
from domain.refusals import Invalid, LinkNotFound
from domain.token import MeetingBooked, Rescheduled

router = APIRouter(prefix="/v1/book", tags=["Guests"], route_class=StrictRoute)

MOST_DAYS = timedelta(days=62)
GONE = answers(404, 410, 429, 503)
From = Annotated[Day, Query(alias="from", description="The first day, YYYY-MM-DD, in the zone asked for.")]
To = Annotated[Day, Query(alias="to", description="The last day, included; at most 62 days.")]
Zone = Annotated[TimeZone, Query(description="An IANA time zone name.")]


@router.get("/{code}", response_model=Offer, responses=GONE, operation_id="look_at_link")
def look(parts: Parts, context: AsGuest, code: str) -> Offer:
    """What a link offers."""
    door = door_of(parts, code)
    offer = open_offer(parts, door, context)
    return Offer(
        kind="single_use" if door.token_id else offer.link.properties.kind,
        meeting_type=offered_type(offer),
        hosts=hosts(offer),
        expires_at=offer.link.properties.expires_at,
        time_zone=offer.hosts[0].properties.time_zone,
    )


@router.get("/{code}/slots", response_model=Slots, responses=GONE | answers(422), operation_id="list_slots")
def slots(parts: Parts, context: AsGuest, code: str, first: From, last: To, time_zone: Zone) -> Slots:
    """The times on offer, both days included."""
    offer = open_offer(parts, door_of(parts, code), context)
    within = days_as_interval(*asked_days(first, last), time_zone)
    found = parts.scheduling.slots(offer, within, context.now)
    return Slots(time_zone=time_zone, slots=[Slot(start=slot.start, end=slot.end) for slot in found])


@router.post(
    "/{code}",
    status_code=201,
    response_model=BookingMade,
    responses=answers(404, 409, 410, 413, 422, 429, 503),
    operation_id="book_meeting",
)
def book(parts: Parts, context: AsGuest, code: str, key: IdempotencyKey, body: NewBooking) -> Response:
    """Books the meeting: of a single-use link, the only one ever."""
    details = {"guest": body.guest.model_dump(), "notes": body.notes}
    booked = parts.scheduling.book(context, door_of(parts, code), Wish(body.start, details, key))
    headers = written(booked.position)
    if booked.replayed:
        headers["Idempotent-Replayed"] = "true"
    else:
        parts.appended()
    return JSONResponse(booking_made(parts, booked), 201, headers)


def door_of(parts: Oncelink, code: str) -> Door:
    """What a code or slug opens; anything else is unknown. Raises LinkNotFound."""
    token_id = parts.codes.open(code, "book")
    if token_id is not None:
        return Door(token_id=token_id)
    if not SLUG.fullmatch(code):
        raise LinkNotFound
    return Door(slug=code)


def open_offer(parts: Oncelink, door: Door, context: AsGuest) -> LinkOffer:
    """What a link offers, if it can be booked. Raises the refusals of the contract's table."""
    token, offer = parts.scheduling.look(door)
    if token is not None:
        token.refuse_if_spent()
    offer.link.refuse_if_closed(context.now)
    return offer


def asked_days(first: Day, last: Day) -> tuple[Day, Day]:
    """The days to answer for, in order and not too many. Raises Invalid."""
    if last < first:
        raise Invalid("to", "The last day must not come before the first.")
    if last - first >= MOST_DAYS:
        raise Invalid("to", "Ask for at most 62 days.")
    return first, last


def offered_type(offer: Offered) -> OfferedType:
    """What a guest sees of the meeting type."""
    properties = offer.meeting_type.properties
    return OfferedType(
        name=properties.name,
        description=properties.description,
        duration_minutes=properties.duration_minutes,
        location=properties.location,
    )


def hosts(offer: Offered) -> list[Host]:
    """What a guest sees of the hosts, the host first."""
    return [Host(name=host.properties.name) for host in offer.hosts]


def booking_made(parts: Oncelink, booked: Booked) -> dict[str, Any]:
    """A new booking as its guest sees it."""
    meeting = booked.token.meeting
    assert meeting is not None
    booking = as_guest_sees(booked.token.id, meeting, booked.offer, booked.details["guest"], "scheduled")
    made = BookingMade(booking=booking, manage_url=parts.manage_url(booked.token.id))
    return made.model_dump(mode="json")


def as_guest_sees(
    id: Any, meeting: MeetingBooked | Rescheduled, offer: Offered, guest: dict[str, Any] | None, status: Any
) -> GuestBooking:
    """A booking in the guest's words."""
    return GuestBooking(
        id=id,
        status=status,
        start=meeting.starts_at,
        end=meeting.ends_at,
        meeting_type=offered_type(offer),
        hosts=hosts(offer),
        guest=Guest(**guest) if guest else None,
    )
