"""Guest routes to look at a link, list its slots, be checked and book: /v1/book. The code grants the access."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from pydantic import Field

from api.field_types import Day, Email, RequestBody, TimeZone
from api.http.dependencies import (
    CurrentServices,
    IdempotencyKey,
    build_position_header,
    get_services,
    parse_idempotency_key,
)
from api.http.direct_route import DirectRoute, parse_body, parse_query, resolve_by
from api.http.error_codes import CLOSED_LINK, GUEST_CHECK
from api.http.problem_details import describe_problems
from api.http.rate_limiter import GuestAdmission, GuestAdmissionOf, GuestContext, admit_guest, require_admission
from api.http.request_check import RequestCheck, find_guest_check, request_code
from api.http.responses import build_json_response
from api.services import Services
from api.v1.bodies.bookings import NewBooking
from api.v1.guests.responses import (
    build_booking_made,
    build_hosts,
    build_offered_type,
    build_questions,
    get_team_name,
)
from api.v1.host_absences import list_host_absences
from api.v1.open_links import find_recipient, load_open_offer, name_contact, resolve_target
from api.v1.response_models import BookingMade, Challenge, Offer, Slots
from api.v1.slot_answers import render_slots
from domain.commands.booking_request import BookingRequest, BookingResult, BookingTarget
from domain.offer import build_days_interval
from domain.refusals import Invalid, LinkNotFound, Refusal
from store.shared_answers import Answer


class CodeRequest(RequestBody):
    """The address that a code is mailed to: the one that books."""

    email: Email


class SlotsQuery(RequestBody):
    """The query parameters of the slots."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    time_zone: TimeZone


router = APIRouter(prefix="/v1/book", tags=["Guests"], route_class=DirectRoute)

MAX_DAYS = timedelta(days=62)
LINK_PROBLEMS = describe_problems("link_not_found", *CLOSED_LINK, 429, 503, "link_unconfirmed")
From = Annotated[Day, Query(alias="from", description="The first day, YYYY-MM-DD, in the zone asked for.")]
To = Annotated[Day, Query(alias="to", description="The last day, included; at most 62 days.")]
Zone = Annotated[TimeZone, Query(description="An IANA time zone name.")]


@router.get("/{code}", response_model=Offer, responses=LINK_PROBLEMS, operation_id="look_at_link")
def get_offer(services: CurrentServices, context: GuestContext, code: str) -> Offer:
    """What a link offers.

    `code` is the slug of a core link, or the code of a single-use link. The answer says whom a guest meets, for how
    long, until when the link can be used, and what is asked for. A single-use link never shows its core link. It shows
    its recipient to whoever has it, to be filled into the form.
    """
    target = resolve_target(services, code)
    offer = load_open_offer(services, target, context)
    return Offer(
        kind="single_use" if target.token_id else offer.link.properties.kind,
        meeting_type=build_offered_type(offer),
        questions=build_questions(offer),
        hosts=build_hosts(offer),
        team=get_team_name(offer),
        expires_at=offer.expires_at,
        recipient=find_recipient(services, offer),
        only_recipient=offer.token is not None and offer.token.is_only_for_recipient,
        time_zone=offer.hosts[0].properties.time_zone,
        absences=list_host_absences(services, offer, context.now),
        guest_check=find_guest_check(services, target),
    )


async def resolve_slots(request: Request, _: bytes) -> dict[str, Any] | None:
    """Resolve the arguments of `list_slots`. Raises TooManyRequests."""
    query = parse_query(request, SlotsQuery)
    if query is None:
        return None
    services = get_services(request)
    context = await require_admission(await admit_guest(request, services))
    return {"services": services, "context": context, "code": request.path_params["code"], **dict(query)}


async def resolve_booking(request: Request, content: bytes) -> dict[str, Any] | None:
    """Resolve the arguments of `book_meeting`. Raises Invalid."""
    body = parse_body(request, content, NewBooking)
    if body is None or request.scope["query_string"]:
        return None
    services = get_services(request)
    return {
        "services": services,
        "admission": await admit_guest(request, services),
        "code": request.path_params["code"],
        "key": await parse_idempotency_key(request.headers.get("Idempotency-Key")),
        "body": body,
    }


@router.get(
    "/{code}/slots", response_model=Slots, responses=LINK_PROBLEMS | describe_problems(422), operation_id="list_slots"
)
@resolve_by(resolve_slots)
def list_slots(
    services: CurrentServices, context: GuestContext, code: str, first: From, last: To, time_zone: Zone
) -> Response:
    """The times on offer, both days included.

    At most 62 days and 3,000 times: `next_from` is the first day that is left out. `time_zone` decides where each
    day begins and ends; times are answered in UTC. A slot may be taken before it is booked.
    """
    target = resolve_target(services, code)
    interval = build_days_interval(*validate_days(first, last), time_zone)

    def compute_answer() -> Answer:
        offer = load_open_offer(services, target, context)
        runs = services.scheduling.list_runs(offer, interval, context.now)
        content = render_slots(runs, offer.meeting_type.properties.rules.duration, time_zone)
        return Answer(content, valid_until=offer.expires_at)

    question = ("slots", target, first, last, time_zone)
    return build_json_response(services.shared_answers.get_or_compute(question, context.now, compute_answer))


@router.post(
    "/{code}",
    status_code=201,
    response_model=BookingMade,
    responses=LINK_PROBLEMS
    | describe_problems(
        "slot_taken", *CLOSED_LINK, "erased", 413, 422, "slot_not_offered", "not_the_recipient", *GUEST_CHECK
    ),
    operation_id="book_meeting",
)
@resolve_by(resolve_booking)
def book_meeting(
    services: CurrentServices, admission: GuestAdmissionOf, code: str, key: IdempotencyKey, body: NewBooking
) -> Response:
    """Books the meeting: of a single-use link, the only one ever.

    `start` is the start of a slot on offer. The answer has the address of the booking's own page: whoever has it
    can move and cancel the meeting, so it is secret. Send an `Idempotency-Key` of at least 128 random bits, and
    repeat the request with it when no answer came: the meeting is booked once. A refusal leaves the link usable.

    `answers` are by the keys of the link's `questions`. An answer that breaks the rule of its question, one that is
    required and missing, and one to no question are refused with `answers.KEY`.

    A core link whose `guest_check` is not `none` needs `proof_of_work` or `mailed_code` too.
    """
    target = resolve_target(services, code)
    request = build_booking_request(services, admission, target, body, key)
    result = book_or_repeat(services, admission, target, request)
    headers = build_position_header(result.position)
    if result.replayed:
        headers["Idempotent-Replayed"] = "true"
    else:
        services.announce_append()
    answer = build_booking_made(services, result).model_dump_json()
    return Response(answer, 201, headers, media_type="application/json")


@router.get("/{code}/challenge", response_model=Challenge, responses=LINK_PROBLEMS, operation_id="get_challenge")
def get_challenge(services: CurrentServices, context: GuestContext, code: str) -> dict[str, Any]:
    """A challenge whose solution books one meeting.

    For core links that say `guest_check: proof_of_work`. The format is that of ALTCHA, proof of work version 2, so its
    libraries solve it. Look for the `counter` from 0 on for which PBKDF2 with SHA-256 gives a key that begins with
    `keyPrefix`; its password is the bytes of `nonce` followed by the counter (32 bits, big-endian), its iterations are
    `cost`. Send `{"challenge": …, "solution": {"counter": …, "derivedKey": …}}` as JSON in base64 in the field
    `proof_of_work` of the booking, before `expiresAt`.
    """
    target = resolve_target(services, code)
    offer = load_open_offer(services, target, context)
    if target.token_id is not None:
        raise LinkNotFound
    return services.proof_of_work.create_challenge(offer.link.id, context.now)


@router.post(
    "/{code}/mailed-code",
    status_code=204,
    responses=LINK_PROBLEMS | describe_problems(413, 422),
    operation_id="mail_code",
)
def send_code(
    services: CurrentServices, context: GuestContext, background_tasks: BackgroundTasks, code: str, body: CodeRequest
) -> Response:
    """Mails a code to the guest, to be sent with the booking.

    For core links that say `guest_check: mailed_code`, or `proof_of_work` where no solution can be computed. A code is
    valid for 15 minutes, for its address and link; a later one voids it. Nothing is mailed for any other link.
    """
    target = resolve_target(services, code)
    offer = load_open_offer(services, target, context)
    if target.token_id is None:
        request_code(services, background_tasks, body.email, offer.link.id, offer.meeting_type.properties.name)
    return Response(status_code=204, background=background_tasks)


def build_booking_request(
    services: Services, admission: GuestAdmission, target: BookingTarget, body: NewBooking, key: str | None
) -> BookingRequest:
    """Build the request to book: the same for the JSON API and the page, so a retry by either way is recognised."""
    details = {"guest": body.guest.model_dump(exclude={"locale"}), "notes": body.notes}
    check = RequestCheck(
        services,
        find_guest_check(services, target),
        body.guest.email,
        body.proof_of_work,
        body.mailed_code,
        admission.context.now,
    )
    return BookingRequest(body.start, details, key, check, body.answers, body.guest.locale)


def book_or_repeat(
    services: Services, admission: GuestAdmission, target: BookingTarget, request: BookingRequest
) -> BookingResult:
    """Book a meeting. A client that is over its quota of requests still gets the answer to a booking that succeeded.

    Raises TooManyRequests, and what SchedulingCommands.book_meeting raises.
    """
    if admission.refusal is None:
        with name_contact(services):
            return services.scheduling.book_meeting(admission.context, target, request)
    try:
        return services.scheduling.repeat_booking(admission.context, target, request)
    except Refusal:
        raise admission.refusal from None


def validate_days(first: Day, last: Day) -> tuple[Day, Day]:
    """Check the order and the number of the requested days. Raises Invalid."""
    if last < first:
        raise Invalid("to", "The last day must not come before the first.")
    if last - first >= MAX_DAYS:
        raise Invalid("to", "Ask for at most 62 days.")
    return first, last
