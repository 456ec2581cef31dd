"""Rescheduling a meeting: choosing a free time, then seeing both times and writing to the guest before it is moved."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter, ValidationError

from api.field_types import Day
from api.http.dependencies import Caller, CurrentServices, Id
from api.http.error_codes import REFUSAL_STATUSES
from api.http.form_body import FormText
from api.pages.meetings.clocks import list_clocks
from api.pages.meetings.detail import describe_error, load_meeting_row
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.request_bodies import Move, NewStart
from domain.availability.hours import Interval
from domain.offer import build_days_interval
from domain.person import Person
from domain.refusals import Refusal

router = APIRouter(prefix="/meeting-log/{id}/reschedule", include_in_schema=False, route_class=PageRoute)

DAYS_PER_PAGE = 7
DAY: TypeAdapter[Day] = TypeAdapter(Day)
FirstDay = Annotated[Day | None, Blank]
DayText = Annotated[str, Depends(FormText("day"))]
StartText = Annotated[str, Depends(FormText("start"))]
MessageText = Annotated[str, Depends(FormText("message"))]
DayColumns = dict[Day, list[tuple[str, datetime]]]


@dataclass(frozen=True)
class MoveForm:
    """What was typed so far: the start of the new time, the message to the guest, and errors by field."""

    start: str = ""
    message: str = ""
    errors: dict[str, str] | None = None


@router.get("")
def show_free_times(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, day: FirstDay = None
) -> Response:
    """Show the times that a meeting can be moved to, a week at a time."""
    return render_free_times(request, services, viewer, id, day)


@router.get("/confirm")
def show_confirmation(request: Request, services: CurrentServices, viewer: Viewer, id: Id, start: str = "") -> Response:
    """Show the present and the chosen time, before the meeting is moved."""
    return render_confirmation(request, services, viewer, id, MoveForm(start))


@router.post("/times")
def show_free_times_again(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, day: DayText, message: MessageText
) -> Response:
    """Show the times of another week, with the message as it was typed."""
    return render_free_times(request, services, viewer, id, parse_day(day), message=message)


@router.post("/confirm")
def show_confirmation_again(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, start: StartText, message: MessageText
) -> Response:
    """Show it for another time, with the message as it was typed."""
    return render_confirmation(request, services, viewer, id, MoveForm(start, message))


@router.post("")
def reschedule_meeting(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, start: StartText, message: MessageText
) -> Response:
    """Move a meeting to another time; its guest is mailed the message."""
    services.scheduling.load_booking_to_change(viewer.context, id)
    try:
        move = validate_form(Move, {"start": start, "message": message.strip() or None})
        position = services.scheduling.reschedule_meeting(viewer.context, id, move.start, move.message)
    except InvalidForm as error:
        if "message" in error.errors:
            return render_confirmation(request, services, viewer, id, MoveForm(start, message, error.errors), 422)
        return render_free_times(request, services, viewer, id, None, describe_error(error), 422, message)
    except Refusal as error:
        status = REFUSAL_STATUSES[type(error)]
        return render_free_times(request, services, viewer, id, None, error.sentence, status, message)
    if position is not None:
        services.announce_append()
    return redirect_to(f"/meeting-log/{id}", "Moved the meeting." if position else "It is at this time.", position)


def render_confirmation(
    request: Request, services: Services, viewer: Caller, id: UUID, form: MoveForm, status: int = 200
) -> Response:
    """Render the step before the meeting is moved. Raises NotFound, Forbidden."""
    token = services.scheduling.load_booking_to_change(viewer.context, id)
    try:
        start = validate_form(NewStart, {"start": form.start}).start
    except InvalidForm as error:
        return render_free_times(request, services, viewer, id, None, describe_error(error), 422, form.message)
    meeting = load_meeting_row(services, viewer, id)
    host = services.administration.load_aggregate(Person, token.host_ids[0])
    return render_page(
        request,
        "meetings/reschedule_confirm.html",
        status,
        meeting=meeting,
        start=start,
        clocks=list_clocks(viewer, host, meeting),
        day=viewer.to_local_date(start),
        form=form,
    )


def render_free_times(
    request: Request,
    services: Services,
    viewer: Caller,
    id: UUID,
    day: Day | None,
    problem: str | None = None,
    status: int = 200,
    message: str = "",
) -> Response:
    """Render the page with the free times of a week. Raises NotFound, Forbidden."""
    token = services.scheduling.load_booking_to_change(viewer.context, id)
    meeting, zone = load_meeting_row(services, viewer, id), viewer.person.properties.time_zone
    first_day = max(day or viewer.to_local_date(meeting["starts_at"]), viewer.today)
    interval = build_days_interval(first_day, first_day + timedelta(days=DAYS_PER_PAGE - 1), zone)
    slots = services.scheduling.list_slots(
        services.scheduling.load_booking_offer(token), interval, viewer.context.now, excluding=id
    )
    return render_page(
        request,
        "meetings/reschedule.html",
        status,
        meeting=meeting,
        days=group_by_day(slots, zone, find_present_start(meeting, interval)),
        earlier=first_day - timedelta(days=DAYS_PER_PAGE) if first_day > viewer.today else None,
        later=first_day + timedelta(days=DAYS_PER_PAGE),
        first=first_day,
        problem=problem,
        message=message,
    )


def parse_day(text: str) -> Day | None:
    """Parse the day of a form; None for anything else, which shows the week of the meeting."""
    try:
        return DAY.validate_python(text)
    except ValidationError:
        return None


def find_present_start(meeting: Any, interval: Interval) -> datetime | None:
    """Return the start of the meeting as it stands, if it is within an interval."""
    start: datetime = meeting["starts_at"]
    return start if interval.start <= start < interval.end else None


def group_by_day(slots: list[Interval], zone: str, present_start: datetime | None) -> DayColumns:
    """Group slots by their day in a zone; each is given as its local time of day and its start.

    The present start of the meeting is among them, also where it is not on offer any more.
    """
    starts = {slot.start for slot in slots} | ({present_start} if present_start else set())
    days: DayColumns = {}
    for start in sorted(starts):
        local_start = start.astimezone(ZoneInfo(zone))
        days.setdefault(local_start.date(), []).append((f"{local_start:%H:%M}", start))
    return days
