"""The pages under `/m/{code}`: a booking, its calendar file, and moving or cancelling it, each after a confirmation."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.guest.form import Fields, Filled, reason_of, start_of
from api.guest.meeting import Meeting
from api.guest.picker import Picker, picker_of
from api.guest.query_parameters import asked_in
from api.guest.route import GuestRoute
from api.http.dependencies import AsGuest, Parts, written
from api.http.problem_details import STATUS
from api.pages.rendering.templates import render
from api.services import Oncelink
from api.v1.guest_manage import managed, token_of
from domain.event import Context
from domain.refusals import BookingCancelled, MeetingStarted, NobodyToMoveTo, Refusal, SlotNotOffered, SlotTaken
from domain.token import Token
from integrations.date_formats import face_for
from integrations.icalendar import calendar
from integrations.meeting_details import facts_of

router = APIRouter(include_in_schema=False, route_class=GuestRoute)

CALENDAR = {"Content-Disposition": 'attachment; filename="meeting.ics"'}


@dataclass(frozen=True)
class Visit:
    """A guest at their booking."""

    request: Request
    parts: Oncelink
    context: Context
    token: Token
    code: str

    @property
    def path(self) -> str:
        """The address of the booking's own page."""
        return f"/m/{self.code}"


def at_booking(request: Request, parts: Parts, context: AsGuest, code: str) -> Visit:
    """A visit to a booking. Raises LinkNotFound."""
    code = code.removesuffix("/")
    return Visit(request, parts, context, token_of(parts, code), code)


AtBooking = Annotated[Visit, Depends(at_booking)]


@router.get("/m/{code}/meeting.ics")
def calendar_file(visit: AtBooking) -> Response:
    """The booking as a calendar file."""
    facts = facts_of(visit.parts, visit.token)
    zone = facts.guest.time_zone if facts.guest else facts.hosts[0].time_zone
    content = calendar(facts.entry(for_guest=True, zone=zone))
    return Response(content, media_type="text/calendar; charset=utf-8", headers=CALENDAR)


@router.get("/m/{code}/reschedule")
def choose_time(visit: AtBooking) -> Response:
    """Chooses another time."""
    return to_move(visit, Filled())


@router.post("/m/{code}/reschedule")
def move(visit: AtBooking, fields: Fields) -> Response:
    """Moves the meeting to the time that was confirmed."""
    wished, filled = start_of(Filled(fields))
    if wished is None:
        return to_move(visit, filled, status=422)
    try:
        position = visit.parts.scheduling.reschedule(visit.context, visit.token.id, wished.start)
    except (SlotTaken, SlotNotOffered) as refusal:
        return to_move(visit, filled, refusal)
    except (BookingCancelled, MeetingStarted) as refusal:
        return page(visit, refusal)
    return done(visit, "moved", position)


@router.get("/m/{code}/cancel")
def ask_whether(visit: AtBooking) -> Response:
    """Asks whether the meeting shall be cancelled."""
    return to_cancel(visit, Filled())


@router.post("/m/{code}/cancel")
def cancel(visit: AtBooking, fields: Fields) -> Response:
    """Cancels the meeting, for good; a second press finds it cancelled."""
    wished, filled = reason_of(Filled(fields))
    if wished is None:
        return to_cancel(visit, filled, 422)
    try:
        position = visit.parts.scheduling.cancel(visit.context, visit.token.id, wished.reason)
    except BookingCancelled:
        position = None
    except MeetingStarted as refusal:
        return page(visit, refusal)
    return done(visit, "cancelled", position)


@router.get("/m/{code:path}")
def show(visit: AtBooking) -> Response:
    """The booking as it is now."""
    return page(visit)


def page(visit: Visit, refusal: Refusal | None = None) -> Response:
    """The booking's own page, with a sentence why something could not be done."""
    return render(
        visit.request,
        "guest/meeting.html",
        STATUS[type(refusal)] if refusal else 200,
        meeting=meeting_of(visit),
        path=visit.path,
        done=visit.request.query_params.get("done"),
        refusal=refusal.sentence if refusal else None,
        manage_url=visit.parts.manage_url(visit.token.id),
    )


def to_move(visit: Visit, filled: Filled, refusal: Refusal | None = None, status: int = 200) -> Response:
    """The page where another time is chosen, or the booking's own page if it can no longer change."""
    try:
        visit.token.changeable_meeting(visit.context.now)
    except (BookingCancelled, MeetingStarted) as reason:
        return page(visit, reason)
    if not visit.parts.scheduling.offer_of_booking(visit.token).is_attended:
        return page(visit, NobodyToMoveTo())
    meeting = meeting_of(visit)
    picker = picker_for(visit, meeting, filled)
    wanted = picker.asked.start if filled.fields else None
    return render(
        visit.request,
        "guest/reschedule.html",
        STATUS[type(refusal)] if refusal else status,
        zone=picker.asked.time_zone,
        meeting=meeting,
        path=visit.path,
        picker=picker,
        choices=picker.next_times(wanted) if wanted and not picker.start else [],
        refusal=refusal.sentence if refusal else None,
        filled=filled,
    )


def to_cancel(visit: Visit, filled: Filled, status: int = 200) -> Response:
    """The page that asks before it cancels, or the booking's own page if it can no longer change."""
    try:
        visit.token.changeable_meeting(visit.context.now)
    except (BookingCancelled, MeetingStarted) as reason:
        return page(visit, reason)
    return render(visit.request, "guest/cancel.html", status, meeting=meeting_of(visit), path=visit.path, filled=filled)


def meeting_of(visit: Visit) -> Meeting:
    """The booking as its pages show it."""
    face = face_for(visit.request.headers.get("accept-language"))
    offer = visit.parts.scheduling.offer_of_booking(visit.token)
    booking = managed(visit.parts, visit.token).booking
    return Meeting.of(visit.token, booking, offer.hosts[0].properties.time_zone, face, visit.context.now)


def picker_for(visit: Visit, meeting: Meeting, filled: Filled) -> Picker:
    """The times that the meeting can be moved to."""
    offer = visit.parts.scheduling.offer_of_booking(visit.token)
    scheduling, id, now = visit.parts.scheduling, visit.token.id, visit.context.now
    return picker_of(
        f"{visit.path}/reschedule",
        f"/v1/manage/{visit.code}/slots",
        offer,
        lambda within: scheduling.slots(offer, within, now, but=id),
        asked_in(meeting.time_zone, filled.fields or visit.request.query_params),
        meeting.face,
        now,
        current=meeting.booking.start,
    )


def done(visit: Visit, what: str, position: int | None) -> Response:
    """Back to the booking's own page, which says what was done; loading it again does nothing."""
    if position is not None:
        visit.parts.appended()
    return RedirectResponse(f"{visit.path}?done={what}", 303, written(position))
