"""A booking's own pages for its guest: the manage code shows, moves and cancels it, and can never book."""

from fastapi import APIRouter, Response

from api.http.dependencies import AsGuest, Parts
from api.http.problem_details import answers
from api.http.responses import changed
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.guest_booking import From, To, Zone, as_guest_sees, asked_days
from api.v1.request_bodies import NewStart, Reason
from api.v1.response_models import Managed, Slot, Slots
from domain.availability.offer import days_as_interval
from domain.refusals import LinkNotFound
from domain.token import Token

router = APIRouter(prefix="/v1/manage", tags=["Guests"], route_class=StrictRoute)

CHANGE = answers(404, 409, 413, 422, 429, 503)


@router.get("/{code}", response_model=Managed, responses=answers(404, 429, 503), operation_id="get_own_booking")
def show(parts: Parts, context: AsGuest, code: str) -> Managed:
    """The booking as it is now."""
    return managed(parts, token_of(parts, code))


@router.get(
    "/{code}/slots",
    response_model=Slots,
    responses=answers(404, 409, 422, 429, 503),
    operation_id="list_own_booking_slots",
)
def slots(parts: Parts, context: AsGuest, code: str, first: From, last: To, time_zone: Zone) -> Slots:
    """The times that the meeting can be moved to, both days included."""
    token = token_of(parts, code)
    token.changeable_meeting(context.now)
    within = days_as_interval(*asked_days(first, last), time_zone)
    found = parts.scheduling.slots(parts.scheduling.offer_of_booking(token), within, context.now, but=token.id)
    return Slots(time_zone=time_zone, slots=[Slot(start=slot.start, end=slot.end) for slot in found])


@router.post(
    "/{code}/reschedule",
    response_model=Managed,
    responses=CHANGE,
    operation_id="reschedule_own_booking",
)
def reschedule(parts: Parts, context: AsGuest, code: str, body: NewStart, response: Response) -> Managed:
    """Moves the meeting, whatever became of the link it was booked with."""
    token = token_of(parts, code)
    changed(response, parts, parts.scheduling.reschedule(context, token.id, body.start))
    return managed(parts, token_of(parts, code))


@router.post("/{code}/cancel", response_model=Managed, responses=CHANGE, operation_id="cancel_own_booking")
def cancel(parts: Parts, context: AsGuest, code: str, response: Response, body: Reason | None = None) -> Managed:
    """Cancels the meeting, for good."""
    token = token_of(parts, code)
    changed(response, parts, parts.scheduling.cancel(context, token.id, body.reason if body else None))
    return managed(parts, token_of(parts, code))


def token_of(parts: Oncelink, code: str) -> Token:
    """The booked token behind a manage code. Raises LinkNotFound."""
    id = parts.codes.open(code, "manage")
    token = parts.scheduling.load([id]).get(id) if id else None
    if not isinstance(token, Token) or token.booked is None:
        raise LinkNotFound
    return token


def managed(parts: Oncelink, token: Token) -> Managed:
    """A booking as it is now, with its meeting type as it is now."""
    assert token.booked is not None
    assert token.meeting is not None
    details_id = token.booked.details_id
    details = parts.reader.details([details_id]).get(details_id) if details_id else None
    moved = "scheduled" if token.meeting is token.booked else "rescheduled"
    return Managed(
        booking=as_guest_sees(
            token.id,
            token.meeting,
            parts.scheduling.offer_of_booking(token),
            details.data["guest"] if details else None,
            "cancelled" if token.cancelled else moved,
        )
    )
