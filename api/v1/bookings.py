"""Bookings for the organisation's people: /v1/bookings."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StrictBool

from api.field_types import RequestBody
from api.http.dependencies import Caller, CurrentCaller, CurrentServices, Id, IdempotencyKey
from api.http.problem_details import describe_problems
from api.http.responses import add_single_use_url, announce_change, announce_creation, to_versioned_response
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.request_bodies import Move, NewHost, NoShow, Reason
from api.v1.response_models import Booking, SingleUse
from domain.link import Link
from domain.refusals import NotFound
from domain.token import Token
from projections import meeting_log, single_use_links
from projections.meeting_log import BookingRow
from projections.queries.query import QuerySource


class ReplacementRequest(RequestBody):
    """A replacement to give, and whether to mail it."""

    send: Annotated[StrictBool, Field(description="Mail it to its recipient.")] = False


router = APIRouter(prefix="/v1/bookings", tags=["Bookings"], route_class=StrictRoute)

RESCHEDULE_PROBLEMS = describe_problems(
    401, 403, 404, "booking_cancelled", "meeting_started", "slot_taken", 413, 422, "slot_not_offered", 503
)
CANCEL_PROBLEMS = describe_problems(401, 403, 404, "booking_cancelled", "meeting_started", 413, 422, 503)
NO_SHOW_PROBLEMS = describe_problems(
    401, 403, 404, "already_booked", "booking_cancelled", "meeting_not_started", "no_show_too_late", 413, 422, 503
)
REASSIGN_PROBLEMS = describe_problems(
    401, 403, 404, "booking_cancelled", "meeting_started", "slot_taken", 413, 422, 503
)


@router.get("/{id}", response_model=Booking, responses=describe_problems(401, 404, 503))
def get_booking(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> Booking:
    """A booking, always current.

    For its host and co-hosts, the owner of its link, managers, auditors and analysts. It has the columns of the
    meeting log, and the guest's notes.
    """
    refuse_unless_visible(services, caller, services.scheduling.load_aggregate(Token, id))
    return load_booking(services, id, response)


@router.post(
    "/{id}/reschedule", response_model=Booking, responses=RESCHEDULE_PROBLEMS, operation_id="reschedule_booking"
)
def reschedule_booking(
    services: CurrentServices, caller: CurrentCaller, id: Id, body: Move, response: Response
) -> Booking:
    """Moves a meeting (its host, co-hosts, the link's owner, managers).

    The new time must be on offer by the meeting type as it is now. Everybody is told by mail. Moving it to the same
    time changes nothing.
    """
    services.scheduling.load_booking_to_change(caller.context, id)
    position = services.scheduling.reschedule_meeting(caller.context, id, body.start, body.message)
    announce_change(response, services, position)
    return load_booking(services, id, response)


@router.post("/{id}/cancel", response_model=Booking, responses=CANCEL_PROBLEMS, operation_id="cancel_booking")
def cancel_booking(
    services: CurrentServices, caller: CurrentCaller, id: Id, response: Response, body: Reason | None = None
) -> Booking:
    """Cancels a meeting, for good (its host, co-hosts, the link's owner, managers).

    Everybody is told by mail, with the `reason`. A single-use link stays used.
    """
    services.scheduling.load_booking_to_change(caller.context, id)
    announce_change(
        response, services, services.scheduling.cancel_meeting(caller.context, id, body.reason if body else None)
    )
    return load_booking(services, id, response)


@router.post("/{id}/reassign", response_model=Booking, responses=REASSIGN_PROBLEMS, operation_id="reassign_booking")
def reassign_booking(
    services: CurrentServices, caller: CurrentCaller, id: Id, body: NewHost, response: Response
) -> Booking:
    """Gives a meeting to another host who is free (its host, managers). Time and co-hosts stay.

    `instead_of` names a co-host to replace; without it the host is replaced. The new person must be active and free
    at the time of the meeting. Everybody is told by mail.
    """
    services.reassignment.load_booking_to_reassign(caller.context, id)
    position = services.reassignment.reassign_meeting(caller.context, id, body.host_id, body.instead_of, body.message)
    announce_change(response, services, position)
    return load_booking(services, id, response)


@router.post(
    "/{id}/replacement",
    status_code=201,
    response_model=SingleUse,
    responses=describe_problems(401, 403, 404, "not_replaceable", "link_deleted", 413, 422, 503),
    operation_id="replace_link",
)
def replace_link(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    key: IdempotencyKey,
    response: Response,
    body: ReplacementRequest | None = None,
) -> dict[str, Any]:
    """Gives a new single-use link for a meeting that was cancelled or missed.

    For its host and co-hosts, the link's owner, and managers. It is a link of the same core link, for the same
    recipient or else for the guest who booked, and `replaces` the booking; the old link stays used for ever. A booking
    gets one replacement, once: a second request is refused with 409 `not_replaceable`. With the organisation's policy
    `host_cancelled` the cancellation by a host gives it already, and the mail about it carries it; with `off` none is
    given. `send` mails it to the recipient. `code` and `url` are told to whoever issues it.
    """
    outcome = services.replacement.replace_link(caller.context, id, key, body is not None and body.send)
    announce_creation(response, services, outcome)
    row = single_use_links.find_single_use_link(services.from_log(outcome.position), outcome.id, outcome.at)
    return add_single_use_url(services, caller, row)


@router.post("/{id}/no-show", response_model=Booking, responses=NO_SHOW_PROBLEMS, operation_id="mark_no_show")
def mark_no_show(
    services: CurrentServices, caller: CurrentCaller, id: Id, response: Response, body: NoShow | None = None
) -> BookingRow:
    """Marks a meeting as a no-show, or takes that back with `undo`.

    For its host, co-hosts, the link's owner and managers, from the start of the meeting until 14 days after. With
    `tell_guest` the guest gets a mail with a way to book again: that of the core link, or else a replacement, which
    `undo` revokes if it is unused. What is so already changes nothing.
    """
    services.scheduling.load_booking_to_change(caller.context, id)
    if body and body.undo:
        position = services.no_shows.undo_no_show(caller.context, id)
    else:
        position = services.no_shows.mark_no_show(caller.context, id, tell_guest=body is not None and body.tell_guest)
    announce_change(response, services, position)
    return load_booking(services, id, response)


def refuse_unless_visible(services: Services, caller: Caller, token: Token) -> None:
    """A member sees the meetings that they host or co-host, and those of links that they own. Raises NotFound."""
    if token.booked_event is None:
        raise NotFound
    if caller.limit_visibility("manager", "auditor", "analyst") is None or caller.person.id in token.host_ids:
        return
    if services.links.load_aggregate(Link, token.link_id).properties.owner_id != caller.person.id:
        raise NotFound


def load_booking(services: Services, id: UUID, response: Response) -> Booking:
    """Load a booking from the log and set its ETag. Raises NotFound."""
    return find_booking(services.from_log(), id, response)


def find_booking(source: QuerySource, id: UUID, response: Response) -> Booking:
    """Find a booking with its replacement in a source, and set its ETag. Raises NotFound."""
    row = to_versioned_response(meeting_log.find_meeting(source, id), response)
    return {**row, "replacement_id": single_use_links.find_replacement_id(source, id)}
