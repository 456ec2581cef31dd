"""One booked meeting: what it is, its timeline, and moving or cancelling it."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response

from api.field_types import Day
from api.http.dependencies import Caller, Id, Parts
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import WrongForm, checked, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank
from api.pages.rendering.templates import go_on, render
from api.services import Oncelink
from api.v1.booking_notifications import MailId
from api.v1.bookings import refuse_unless_seen
from api.v1.request_bodies import NewStart, Reason
from domain.availability.hours import Interval
from domain.availability.offer import days_as_interval
from domain.link import Link
from domain.permissions import require_booking_changed
from domain.refusals import Forbidden, NotFound, NothingToSend, Refusal
from domain.token import Token
from projections import meeting_log, outbox
from replay.history import event_history
from replay.history.phrases import FAILURES

router = APIRouter(prefix="/meeting-log", include_in_schema=False, route_class=PageRoute)

DAYS_SHOWN = 7
MOST_EVENTS = 200
FirstDay = Annotated[Day | None, Blank]


@router.get("/{id}")
def meeting(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """A meeting with its timeline, always current."""
    return shown(request, parts, viewer, id)


@router.get("/{id}/reschedule")
def times(request: Request, parts: Parts, viewer: Viewer, id: Id, day: FirstDay = None) -> Response:
    """The times that a meeting can be moved to, a week at a time."""
    return offered(request, parts, viewer, id, day)


@router.post("/{id}/reschedule")
def reschedule(request: Request, parts: Parts, viewer: Viewer, id: Id, start: Annotated[str, Form()] = "") -> Response:
    """Moves a meeting to a time."""
    parts.scheduling.booking_to_change(viewer.context, id)
    try:
        wanted = checked(NewStart, {"start": start}).start
        position = parts.scheduling.reschedule(viewer.context, id, wanted)
    except (WrongForm, Refusal) as error:
        return offered(request, parts, viewer, id, None, sentence_of(error), 409)
    parts.appended()
    return go_on(f"/meeting-log/{id}", "Moved the meeting.", position)


@router.get("/{id}/cancel")
def ask_before_cancelling(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """Asks whether to cancel a meeting."""
    parts.scheduling.booking_to_change(viewer.context, id)
    return render(request, "meetings/cancel.html", meeting=row_of(parts, viewer, id), errors={}, reason="")


@router.post("/{id}/cancel")
def cancel(request: Request, parts: Parts, viewer: Viewer, id: Id, reason: Annotated[str, Form()] = "") -> Response:
    """Cancels a meeting, for good."""
    parts.scheduling.booking_to_change(viewer.context, id)
    try:
        said = checked(Reason, {"reason": reason or None}).reason
        position = parts.scheduling.cancel(viewer.context, id, said)
    except WrongForm as error:
        meeting = row_of(parts, viewer, id)
        return render(request, "meetings/cancel.html", 422, meeting=meeting, errors=errors_of(error), reason=reason)
    parts.appended()
    return go_on(f"/meeting-log/{id}", "Cancelled the meeting.", position)


@router.post("/{id}/mail/{mail_id}")
def send_again(parts: Parts, viewer: Viewer, id: Id, mail_id: MailId) -> Response:
    """Sends a mail again."""
    parts.scheduling.booking_to_change(viewer.context, id)
    try:
        position = parts.tellings.send_again(viewer.context, id, mail_id)
    except NothingToSend as refusal:
        return go_on(f"/meeting-log/{id}", refusal.sentence)
    parts.appended()
    return go_on(f"/meeting-log/{id}", "The mail goes out again in a moment.", position)


def shown(request: Request, parts: Oncelink, viewer: Caller, id: UUID) -> Response:
    """The page of a meeting. Raises NotFound."""
    row = row_of(parts, viewer, id)
    story = event_history.stream(parts.database, id, MOST_EVENTS)
    mails = outbox.of_booking(parts.from_log(), id, viewer.context.now)
    may_change = row["status"] != "cancelled" and row["starts_at"] > viewer.context.now and may(parts, viewer, id)
    return render(
        request,
        "meetings/meeting.html",
        meeting=row,
        conflicting=conflicting(parts, id, row),
        story=story.items if story else [],
        may_change=may_change,
        may_reassign=may_change and may_give(viewer, row),
        mails=mails,
        may_tell=bool(mails) and row["ends_at"] > viewer.context.now and may(parts, viewer, id),
        failures=FAILURES,
        sees_links=bool(viewer.context.roles & {"member", "auditor"}),
        sees_history=bool(viewer.context.roles & {"auditor", "admin"}),
    )


def conflicting(parts: Oncelink, id: UUID, row: Any) -> list[str]:
    """The names of those hosts whose own calendars were found to have something else at the meeting's time."""
    hosts = parts.scheduling.get(Token, id).conflicting_hosts
    return [one["name"] for one in (row["host"], *row["co_hosts"]) if one["id"] in hosts]


def offered(
    request: Request,
    parts: Oncelink,
    viewer: Caller,
    id: UUID,
    day: Day | None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    """The page of the times of a week. Raises NotFound, Forbidden."""
    token = parts.scheduling.booking_to_change(viewer.context, id)
    meeting, zone = row_of(parts, viewer, id), viewer.person.properties.time_zone
    first = max(day or viewer.day_of(meeting["starts_at"]), viewer.today)
    within = days_as_interval(first, first + timedelta(days=DAYS_SHOWN - 1), zone)
    found = parts.scheduling.slots(parts.scheduling.offer_of_booking(token), within, viewer.context.now, but=id)
    return render(
        request,
        "meetings/reschedule.html",
        status,
        meeting=meeting,
        days=by_day(found, zone),
        earlier=first - timedelta(days=DAYS_SHOWN) if first > viewer.today else None,
        later=first + timedelta(days=DAYS_SHOWN),
        first=first,
        problem=problem,
    )


def by_day(slots: list[Interval], zone: str) -> dict[Day, list[tuple[str, datetime]]]:
    """Slots by their day in a zone, each with its time of day."""
    days: dict[Day, list[tuple[str, datetime]]] = {}
    for slot in slots:
        there = slot.start.astimezone(ZoneInfo(zone))
        days.setdefault(there.date(), []).append((f"{there:%H:%M}", slot.start))
    return days


def row_of(parts: Oncelink, viewer: Caller, id: UUID) -> Any:
    """A meeting from the log, if the viewer may see it. Raises NotFound."""
    refuse_unless_seen(parts, viewer, parts.scheduling.get(Token, id))
    row = meeting_log.one(parts.from_log(), id)
    if row is None:
        raise NotFound
    return row


def may(parts: Oncelink, viewer: Caller, id: UUID) -> bool:
    """Whether the viewer may change a meeting; the command decides again."""
    token = parts.scheduling.get(Token, id)
    try:
        require_booking_changed(viewer.context, token, parts.publishing.get(Link, token.link_id))
    except (Forbidden, NotFound):
        return False
    return True


def may_give(viewer: Caller, row: Any) -> bool:
    """Whether somebody who may change a meeting may also give it to another host; the command decides again."""
    return "manager" in viewer.context.roles or row["host"]["id"] == viewer.person.id


def sentence_of(error: WrongForm | Refusal) -> str:
    """What went wrong, in a sentence."""
    return next(iter(error.errors.values())) if isinstance(error, WrongForm) else error.sentence
