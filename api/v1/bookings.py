"""Bookings, for the people of the organisation: /v1/bookings."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from api.http.dependencies import Caller, Id, Parts, Signed
from api.http.problem_details import answers
from api.http.responses import changed, shape, tag
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.request_bodies import NewHost, NewStart, Reason
from api.v1.response_models import Booking
from domain.link import Link
from domain.refusals import NotFound
from domain.token import Token
from projections import meeting_log

router = APIRouter(prefix="/v1/bookings", tags=["Bookings"], route_class=StrictRoute)

CHANGE = answers(401, 403, 404, 409, 413, 422, 503)


@router.get("/{id}", response_model=Booking, responses=answers(401, 404, 503))
def get_booking(parts: Parts, caller: Signed, id: Id, response: Response) -> Booking:
    """A booking, always current."""
    refuse_unless_seen(parts, caller, parts.scheduling.get(Token, id))
    return current(parts, id, response)


@router.post("/{id}/reschedule", response_model=Booking, responses=CHANGE, operation_id="reschedule_booking")
def reschedule(parts: Parts, caller: Signed, id: Id, body: NewStart, response: Response) -> Booking:
    """Moves a meeting (its host, co-hosts, the link's owner, managers)."""
    parts.scheduling.booking_to_change(caller.context, id)
    changed(response, parts, parts.scheduling.reschedule(caller.context, id, body.start))
    return current(parts, id, response)


@router.post("/{id}/cancel", response_model=Booking, responses=CHANGE, operation_id="cancel_booking")
def cancel(parts: Parts, caller: Signed, id: Id, response: Response, body: Reason | None = None) -> Booking:
    """Cancels a meeting, for good (its host, co-hosts, the link's owner, managers)."""
    parts.scheduling.booking_to_change(caller.context, id)
    changed(response, parts, parts.scheduling.cancel(caller.context, id, body.reason if body else None))
    return current(parts, id, response)


@router.post("/{id}/reassign", response_model=Booking, responses=CHANGE, operation_id="reassign_booking")
def reassign(parts: Parts, caller: Signed, id: Id, body: NewHost, response: Response) -> Booking:
    """Gives a meeting to another host who is free (its host, managers). Time and co-hosts stay."""
    parts.reassigning.booking_to_reassign(caller.context, id)
    changed(response, parts, parts.reassigning.reassign(caller.context, id, body.host_id, body.instead_of))
    return current(parts, id, response)


def refuse_unless_seen(parts: Oncelink, caller: Caller, token: Token) -> None:
    """A member sees the meetings that they host or co-host, and those of links that they own. Raises NotFound."""
    if token.booked is None:
        raise NotFound
    if caller.sees_all("manager", "auditor", "analyst") is None or caller.person.id in token.host_ids:
        return
    if parts.publishing.get(Link, token.link_id).properties.owner_id != caller.person.id:
        raise NotFound


def current(parts: Oncelink, id: UUID, response: Response) -> Booking:
    """A booking from the log. Raises NotFound."""
    row: Any = meeting_log.one(parts.from_log(), id)
    booking = shape(Booking, row)
    tag(response, booking.version)
    return booking
