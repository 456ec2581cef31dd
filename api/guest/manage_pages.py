"""The pages under `/m/{code}`: a booking, its calendar file, and rescheduling or cancelling it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.guest.aftermath import describe_cancellation, describe_mail
from api.guest.form import Fields, GuestForm, parse_reason, parse_start
from api.guest.meeting import Meeting
from api.guest.picker import Picker, build_picker
from api.guest.picker_form import build_form_context
from api.guest.query_parameters import parse_query_of_meeting
from api.guest.route import GuestRoute
from api.http.dependencies import CurrentServices, build_position_header
from api.http.error_codes import REFUSAL_STATUSES
from api.http.problem_details import record_rate_limit
from api.http.rate_limiter import GuestContext
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.guest_manage import build_managed_booking, load_token
from domain.event import Context
from domain.refusals import (
    BookingCancelled,
    MeetingStarted,
    NoOtherSlotOffered,
    Refusal,
    SlotNotOffered,
    SlotTaken,
    TooManyMails,
    TooManyMoves,
)
from domain.token import Token
from integrations.calendar_links import build_calendar_links
from integrations.date_formats import choose_date_format
from integrations.icalendar import render_icalendar

router = APIRouter(include_in_schema=False, route_class=GuestRoute)

CALENDAR_HEADERS = {"Content-Disposition": 'attachment; filename="meeting.ics"'}


@dataclass(frozen=True)
class ManagePageRequest:
    """A guest's request for a page of their booking."""

    request: Request
    services: Services
    context: Context
    token: Token
    code: str

    @property
    def path(self) -> str:
        """The path of the booking's page."""
        return f"/m/{self.code}"


def resolve_booking(request: Request, services: CurrentServices, context: GuestContext, code: str) -> ManagePageRequest:
    """Resolve the request for a booking's page. Raises LinkNotFound, ManageLinkExpired."""
    code = code.removesuffix("/")
    return ManagePageRequest(request, services, context, load_token(services, code, context), code)


ManageRequest = Annotated[ManagePageRequest, Depends(resolve_booking)]


@router.get("/m/{code}/meeting.ics")
def download_calendar(page_request: ManageRequest) -> Response:
    """Return the booking as an iCalendar file, to be kept, or with `?open` to be opened in the device's calendar."""
    details = page_request.services.meeting_details.load_details(page_request.token)
    zone = details.guest.time_zone if details.guest else details.hosts[0].time_zone
    content = render_icalendar(details.build_entry(for_guest=True, zone=zone))
    headers = CALENDAR_HEADERS if "open" not in page_request.request.query_params else None
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


@router.get("/m/{code}/reschedule")
def show_reschedule_form(page_request: ManageRequest) -> Response:
    """Show the times that the meeting can be moved to."""
    return render_reschedule_form(page_request, GuestForm())


@router.post("/m/{code}/reschedule")
def reschedule_booking(page_request: ManageRequest, fields: Fields) -> Response:
    """Move the meeting to the confirmed time."""
    new_start, form = parse_start(GuestForm(fields))
    if new_start is None:
        return render_reschedule_form(page_request, form, status=422)
    try:
        position = page_request.services.scheduling.reschedule_meeting(
            page_request.context, page_request.token.id, new_start.start
        )
    except (SlotTaken, SlotNotOffered, TooManyMoves, TooManyMails) as refusal:
        record_rate_limit(page_request.request, refusal)
        return render_reschedule_form(page_request, form, refusal)
    except (BookingCancelled, MeetingStarted) as refusal:
        return render_booking(page_request, refusal)
    return redirect_to_booking(page_request, "moved", position)


@router.get("/m/{code}/cancel")
def show_cancel_form(page_request: ManageRequest) -> Response:
    """Ask for confirmation before cancelling."""
    return render_cancel_form(page_request, GuestForm())


@router.post("/m/{code}/cancel")
def cancel_booking(page_request: ManageRequest, fields: Fields) -> Response:
    """Cancel the meeting, for good; a second request finds it cancelled."""
    cancellation, form = parse_reason(GuestForm(fields))
    if cancellation is None:
        return render_cancel_form(page_request, form, 422)
    try:
        position = page_request.services.scheduling.cancel_meeting(
            page_request.context, page_request.token.id, cancellation.reason
        )
    except BookingCancelled:
        position = None
    except MeetingStarted as refusal:
        return render_booking(page_request, refusal)
    return redirect_to_booking(page_request, "cancelled", position)


@router.get("/m/{code:path}")
def show_booking(page_request: ManageRequest) -> Response:
    """Show the booking as it is now."""
    return render_booking(page_request)


def render_booking(page_request: ManagePageRequest, refusal: Refusal | None = None) -> Response:
    """Render the booking's page, with the message of a refusal if there is one."""
    services, meeting = page_request.services, load_meeting(page_request)
    details = services.meeting_details.load_details(page_request.token)
    return render_page(
        page_request.request,
        "guest/meeting.html",
        REFUSAL_STATUSES[type(refusal)] if refusal else 200,
        meeting=meeting,
        mail=describe_mail(services, details) if not meeting.over else None,
        cancellation=describe_cancellation(services, page_request.token, details, page_request.context.now),
        calendars=build_calendar_links(details.build_entry(for_guest=True, zone=meeting.time_zone)),
        path=page_request.path,
        done=page_request.request.query_params.get("done"),
        refusal=refusal.sentence if refusal else None,
        manage_url=page_request.services.build_manage_url(page_request.token.id),
    )


def render_reschedule_form(
    page_request: ManagePageRequest, form: GuestForm, refusal: Refusal | None = None, status: int = 200
) -> Response:
    """Render the page to choose another time, or the booking's page if it can no longer change."""
    try:
        page_request.token.require_changeable_meeting(page_request.context.now)
    except (BookingCancelled, MeetingStarted) as reason:
        return render_booking(page_request, reason)
    if not page_request.services.scheduling.load_booking_offer(page_request.token).has_active_hosts:
        return render_booking(page_request, NoOtherSlotOffered())
    meeting = load_meeting(page_request)
    picker = build_reschedule_picker(page_request, meeting, form)
    return render_page(
        page_request.request,
        "guest/reschedule.html",
        REFUSAL_STATUSES[type(refusal)] if refusal else status,
        **build_form_context(picker, form, refusal),
        meeting=meeting,
        path=page_request.path,
    )


def render_cancel_form(page_request: ManagePageRequest, form: GuestForm, status: int = 200) -> Response:
    """Render the confirmation page, or the booking's page if it can no longer change."""
    try:
        page_request.token.require_changeable_meeting(page_request.context.now)
    except (BookingCancelled, MeetingStarted) as reason:
        return render_booking(page_request, reason)
    return render_page(
        page_request.request,
        "guest/cancel.html",
        status,
        meeting=load_meeting(page_request),
        path=page_request.path,
        filled=form,
    )


def load_meeting(page_request: ManagePageRequest) -> Meeting:
    """Return the booking as its pages show it."""
    date_format = choose_date_format(page_request.request.headers.get("accept-language"))
    offer = page_request.services.scheduling.load_booking_offer(page_request.token)
    booking = build_managed_booking(page_request.services, page_request.token).booking
    return Meeting.from_token(
        page_request.token, booking, offer.hosts[0].properties.time_zone, date_format, page_request.context.now
    )


def build_reschedule_picker(page_request: ManagePageRequest, meeting: Meeting, form: GuestForm) -> Picker:
    """Build the picker of the times that the meeting can be moved to."""
    offer = page_request.services.scheduling.load_booking_offer(page_request.token)
    scheduling, id, now = page_request.services.scheduling, page_request.token.id, page_request.context.now
    return build_picker(
        f"{page_request.path}/reschedule",
        f"/v1/manage/{page_request.code}/slots",
        offer,
        lambda interval: scheduling.list_runs(offer, interval, now, excluding=id),
        parse_query_of_meeting(
            meeting.time_zone, meeting.booking.start, form.fields or page_request.request.query_params
        ),
        meeting.date_format,
        now,
        current=meeting.booking.start,
    )


def redirect_to_booking(page_request: ManagePageRequest, outcome: str, position: int | None) -> Response:
    """Redirect to the booking's page, which says what was done; reloading it does nothing."""
    if position is not None:
        page_request.services.announce_append()
    return RedirectResponse(f"{page_request.path}?done={outcome}", 303, build_position_header(position))
