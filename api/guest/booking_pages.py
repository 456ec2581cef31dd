"""The pages `/book/{slug}` and `/s/{code}`: the free times of a link, and the form that books one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.field_types import SLUG
from api.guest.form import MESSAGES, NO_CODE_MESSAGE, SENT_BEFORE_MESSAGE, Fields, GuestForm, parse_booking
from api.guest.picker import Picker, build_picker
from api.guest.picker_form import build_form_context
from api.guest.query_parameters import parse_time_query
from api.guest.questions import read_prefill, to_form_errors
from api.guest.route import GuestRoute
from api.http.dependencies import CurrentServices, build_position_header
from api.http.error_codes import REFUSAL_STATUSES
from api.http.problem_details import record_rate_limit
from api.http.rate_limiter import GuestAdmission, GuestAdmissionOf
from api.http.request_check import find_guest_check, request_code
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.guest_booking import book_or_repeat, build_booking_request
from api.v1.guests.responses import build_hosts, build_offered_type, build_questions, get_team_name
from api.v1.host_absences import list_host_absences
from api.v1.open_links import find_recipient, load_open_offer
from domain.answers import InvalidAnswers
from domain.commands.booking_request import BookingResult, BookingTarget
from domain.event import Context
from domain.offer import LinkOffer
from domain.refusals import (
    IdempotencyKeyReused,
    LinkNotFound,
    LinkUnattended,
    MailedCodeRequired,
    MailedCodeWrong,
    NotTheRecipient,
    ProofOfWorkRequired,
    Refusal,
    SlotNotOffered,
    SlotTaken,
    TooManyBookings,
    TooManyCodes,
    TooManyMails,
)
from integrations.date_formats import choose_date_format
from projections.single_use_links import Recipient

router = APIRouter(include_in_schema=False, route_class=GuestRoute)


@dataclass(frozen=True)
class LinkPageRequest:
    """A guest's request for the page of a link."""

    request: Request
    services: Services
    admission: GuestAdmission
    target: BookingTarget
    code: str
    path: str

    @property
    def context(self) -> Context:
        """The context of the guest."""
        return self.admission.context


def resolve_core_link(
    request: Request, services: CurrentServices, admission: GuestAdmissionOf, slug: str
) -> LinkPageRequest:
    """Resolve the request for a core link's page. Raises LinkNotFound."""
    slug = slug.removesuffix("/")
    if not SLUG.fullmatch(slug):
        raise LinkNotFound
    return LinkPageRequest(request, services, admission, BookingTarget(slug=slug), slug, f"/book/{slug}")


def resolve_single_use_link(
    request: Request, services: CurrentServices, admission: GuestAdmissionOf, code: str
) -> LinkPageRequest:
    """Resolve the request for a single-use link's page. Raises LinkNotFound."""
    code = code.removesuffix("/")
    token_id = services.codes.open_code(code, "book")
    if token_id is None:
        raise LinkNotFound
    return LinkPageRequest(request, services, admission, BookingTarget(token_id=token_id), code, f"/s/{code}")


CoreLinkRequest = Annotated[LinkPageRequest, Depends(resolve_core_link)]
SingleUseLinkRequest = Annotated[LinkPageRequest, Depends(resolve_single_use_link)]


@router.get("/book/{slug:path}")
def show_core_link(page_request: CoreLinkRequest) -> Response:
    """Show the page of a core link."""
    return render_booking_page(page_request, GuestForm())


@router.get("/s/{code:path}")
def show_single_use_link(page_request: SingleUseLinkRequest) -> Response:
    """Show the page of a single-use link."""
    return render_booking_page(page_request, GuestForm())


@router.post("/book/{slug:path}")
def book_core_link(page_request: CoreLinkRequest, fields: Fields) -> Response:
    """Book on a core link."""
    return book_meeting(page_request, GuestForm(fields))


@router.post("/s/{code:path}")
def book_single_use_link(page_request: SingleUseLinkRequest, fields: Fields) -> Response:
    """Book the only meeting of a single-use link."""
    return book_meeting(page_request, GuestForm(fields))


def book_meeting(page_request: LinkPageRequest, form: GuestForm) -> Response:
    """Book, then redirect to the booking's page; if anything is wrong, show the form again, filled in."""
    new_booking, form = parse_booking(form)
    if new_booking is None:
        return render_booking_page(page_request, form, status=422)
    try:
        result = book_or_repeat(
            page_request.services,
            page_request.admission,
            page_request.target,
            build_booking_request(
                page_request.services, page_request.admission, page_request.target, new_booking, form.key
            ),
        )
    except IdempotencyKeyReused:
        return render_under_new_key(page_request, form)
    except (ProofOfWorkRequired, MailedCodeRequired, MailedCodeWrong) as refusal:
        return request_code_entry(page_request, form, new_booking.guest.email, refusal)
    except InvalidAnswers as refusal:
        return render_booking_page(page_request, form.replace_errors(to_form_errors(refusal)), status=422)
    except NotTheRecipient as refusal:
        return render_booking_page(page_request, form.replace_errors({"email": refusal.sentence}), status=422)
    except (SlotTaken, SlotNotOffered, TooManyBookings, TooManyMails) as refusal:
        record_rate_limit(page_request.request, refusal)
        return render_booking_page(page_request, form, refusal)
    if not result.replayed:
        page_request.services.announce_append()
    return redirect_to_booking(page_request, result)


def request_code_entry(page_request: LinkPageRequest, form: GuestForm, email: str, refusal: Refusal) -> Response:
    """Ask for the code that was mailed, and mail it first: also to whom has no JavaScript for a proof of work."""
    if isinstance(refusal, MailedCodeWrong):
        return render_booking_page(page_request, form.replace_errors({"mailed_code": refusal.sentence}), status=422)
    if form.asks_for_code and not form.asks_for_another_code:
        return render_booking_page(page_request, form.replace_errors({"mailed_code": MESSAGES["missing"]}), status=422)
    services, background_tasks = page_request.services, BackgroundTasks()
    offer = load_open_offer(services, page_request.target, page_request.context)
    try:
        is_mailed = request_code(services, background_tasks, email, offer.link.id, offer.meeting_type.properties.name)
    except TooManyCodes as too_many:
        record_rate_limit(page_request.request, too_many)
        return render_booking_page(page_request, form, too_many)
    if not is_mailed:
        return render_booking_page(page_request, form.replace_errors({"form": NO_CODE_MESSAGE}), status=422)
    response = render_booking_page(page_request, form.add_code_field())
    response.background = background_tasks
    return response


def redirect_to_booking(page_request: LinkPageRequest, result: BookingResult) -> Response:
    """Redirect to the booking's page; reloading that books nothing."""
    path = "/m/" + page_request.services.build_manage_url(result.token.id).rpartition("/m/")[2]
    return RedirectResponse(f"{path}?done=booked", 303, build_position_header(result.position))


def render_under_new_key(page_request: LinkPageRequest, form: GuestForm) -> Response:
    """Render the form with a new key, because its key has booked other details: a key alone reveals nothing.

    Raises IdempotencyKeyReused when the link can no longer be booked.
    """
    try:
        form = form.replace_key(f"{SENT_BEFORE_MESSAGE} To book another one, press the button.")
        return render_booking_page(page_request, form, status=422)
    except Refusal:
        raise IdempotencyKeyReused from None


def render_booking_page(
    page_request: LinkPageRequest, form: GuestForm, refusal: Refusal | None = None, status: int = 200
) -> Response:
    """Render the page of a link, with the form as it was filled in.

    Raises the refusals of a link that cannot be booked, and LinkUnattended if a required person has left; for a client
    that is over its quota, TooManyRequests.
    """
    if page_request.admission.refusal is not None:
        raise page_request.admission.refusal
    services = page_request.services
    offer = load_open_offer(services, page_request.target, page_request.context)
    if not offer.has_active_hosts:
        raise LinkUnattended
    questions = build_questions(offer)
    prefill = read_prefill(page_request.request.query_params, questions)
    picker = build_link_picker(page_request, offer, form, prefill)
    recipient = find_recipient(services, offer)
    return render_page(
        page_request.request,
        "guest/book.html",
        REFUSAL_STATUSES[type(refusal)] if refusal else status,
        **{**build_form_context(picker, form, refusal), "filled": form.fill_in(prefill, recipient)},
        questions=questions,
        meeting_type=build_offered_type(offer),
        hosts=build_hosts(offer),
        team=get_team_name(offer),
        absences=list_host_absences(services, offer, page_request.context.now),
        expires_at=offer.expires_at,
        only_for=describe_only_recipient(offer, recipient),
        single_use=page_request.target.token_id is not None,
        books=f"/v1/book/{page_request.code}",
        check=find_guest_check(services, page_request.target),
    )


def describe_only_recipient(offer: LinkOffer, recipient: Recipient | None) -> str | None:
    """Return the only address that may book; empty once it is erased, None if everybody may."""
    if offer.token is None or not offer.token.is_only_for_recipient:
        return None
    return (recipient["email"] if recipient else None) or ""


def build_link_picker(
    page_request: LinkPageRequest, offer: LinkOffer, form: GuestForm, prefill: Mapping[str, str]
) -> Picker:
    """Build the picker of a link's free times, as the query or the form requests them; its URLs keep the prefill."""
    query = parse_time_query(form.fields or page_request.request.query_params, offer.hosts[0].properties.time_zone)
    return build_picker(
        page_request.path,
        f"/v1/book/{page_request.code}/slots",
        offer,
        lambda interval: page_request.services.scheduling.list_runs(offer, interval, page_request.context.now),
        query,
        choose_date_format(page_request.request.headers.get("accept-language")),
        page_request.context.now,
        prefill=prefill,
    )
