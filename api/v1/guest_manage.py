"""Guest routes of a booking: show, reschedule and cancel by the manage code, which can never book: /v1/manage."""

from dataclasses import replace
from datetime import timedelta

from fastapi import APIRouter, Response

from api.http.dependencies import CurrentServices
from api.http.problem_details import describe_problems
from api.http.rate_limiter import GuestContext
from api.http.responses import announce_change, build_json_response
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.guest_booking import From, To, Zone, validate_days
from api.v1.guests.responses import build_guest_booking
from api.v1.request_bodies import NewStart, Reason
from api.v1.response_models import Managed, Slots
from api.v1.slot_answers import render_slots
from domain.event import Context
from domain.offer import build_days_interval
from domain.refusals import LinkNotFound, ManageLinkExpired
from domain.token import Token
from store.shared_answers import Answer

router = APIRouter(prefix="/v1/manage", tags=["Guests"], route_class=StrictRoute)

LINK_PROBLEMS = ("link_not_found", "manage_link_expired")
STATE_PROBLEMS = ("booking_cancelled", "meeting_started")
CANCEL_PROBLEMS = describe_problems(*LINK_PROBLEMS, *STATE_PROBLEMS, 413, 422, 429, 503)
RESCHEDULE_PROBLEMS = CANCEL_PROBLEMS | describe_problems(*STATE_PROBLEMS, "slot_taken", 422, "slot_not_offered")


@router.get(
    "/{code}",
    response_model=Managed,
    responses=describe_problems(*LINK_PROBLEMS, 429, 503),
    operation_id="get_own_booking",
)
def get_own_booking(services: CurrentServices, context: GuestContext, code: str) -> Managed:
    """The booking as it is now.

    `code` is the end of `manage_url`. `status` is `rescheduled` after the first move. `guest` is null once their
    details were erased.
    """
    return build_managed_booking(services, load_token(services, code, context))


@router.get(
    "/{code}/slots",
    response_model=Slots,
    responses=describe_problems(*LINK_PROBLEMS, *STATE_PROBLEMS, 422, 429, 503),
    operation_id="list_own_booking_slots",
)
def list_own_booking_slots(
    services: CurrentServices, context: GuestContext, code: str, first: From, last: To, time_zone: Zone
) -> Response:
    """The times that the meeting can be moved to, both days included.

    At most 62 days and 3,000 times: `next_from` is the first day that is left out. By the meeting type as it is
    now, with the hosts that the meeting was booked with. Its own time counts as free.
    """
    interval = build_days_interval(*validate_days(first, last), time_zone)

    def compute_answer() -> Answer:
        token = load_token(services, code, context)
        meeting = token.require_changeable_meeting(context.now)
        offer = services.scheduling.load_booking_offer(token)
        runs = services.scheduling.list_runs(offer, interval, context.now, excluding=token.id)
        content = render_slots(runs, offer.meeting_type.properties.rules.duration, time_zone)
        return Answer(content, valid_until=meeting.starts_at)

    question = ("slots to move to", code, first, last, time_zone)
    return build_json_response(services.shared_answers.get_or_compute(question, context.now, compute_answer))


@router.post(
    "/{code}/reschedule",
    response_model=Managed,
    responses=RESCHEDULE_PROBLEMS,
    operation_id="reschedule_own_booking",
)
def reschedule_own_booking(
    services: CurrentServices, context: GuestContext, code: str, body: NewStart, response: Response
) -> Managed:
    """Moves the meeting, whatever became of the link it was booked with.

    Any number of times until the meeting starts. Moving it to the same time changes nothing.
    """
    token = load_token(services, code, context)
    announce_change(response, services, services.scheduling.reschedule_meeting(context, token.id, body.start))
    return build_managed_booking(services, load_token(services, code, context))


@router.post("/{code}/cancel", response_model=Managed, responses=CANCEL_PROBLEMS, operation_id="cancel_own_booking")
def cancel_own_booking(
    services: CurrentServices, context: GuestContext, code: str, response: Response, body: Reason | None = None
) -> Managed:
    """Cancels the meeting, for good.

    `reason` is told to the hosts. A cancelled booking is never booked again, and a single-use link stays used.
    """
    token = load_token(services, code, context)
    announce_change(
        response, services, services.scheduling.cancel_meeting(context, token.id, body.reason if body else None)
    )
    return build_managed_booking(services, load_token(services, code, context))


def load_token(services: Services, code: str, context: Context) -> Token:
    """Load the booked token of a manage code. Raises LinkNotFound, ManageLinkExpired."""
    id = services.codes.open_code(code, "manage")
    token = services.scheduling.load_aggregates([id]).get(id) if id else None
    if not isinstance(token, Token) or token.booked_event is None:
        raise LinkNotFound
    if token.is_long_over(context.now, timedelta(days=services.settings.manage_link_days)):
        hosts = services.scheduling.load_meeting_hosts(token)
        raise ManageLinkExpired(tuple(host.properties.name for host in hosts if host.active))
    return token


def build_managed_booking(services: Services, token: Token) -> Managed:
    """Build the response of a booking, with its current meeting type and everybody who takes part."""
    assert token.booked_event is not None
    assert token.meeting is not None
    details_id = token.booked_event.details_id
    details = services.reader.load_personal_details([details_id]).get(details_id) if details_id else None
    active_status = "scheduled" if token.meeting is token.booked_event else "rescheduled"
    return Managed(
        booking=build_guest_booking(
            token.id,
            token.meeting,
            replace(services.scheduling.load_booking_offer(token), hosts=services.scheduling.load_meeting_hosts(token)),
            details.data if details else None,
            "cancelled" if token.cancelled else active_status,
        )
    )
