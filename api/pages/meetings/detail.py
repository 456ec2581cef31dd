"""A meeting's page: its details and timeline, cancelling it, sending its mails again."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormText
from api.pages.meetings.replacement import add_replacement_event, find_replacement, is_replaceable
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, collect_field_errors, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.story import fold_notifications
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.booking_notifications import MailId
from api.v1.bookings import refuse_unless_visible
from api.v1.request_bodies import Reason
from domain.link import Link
from domain.notifications.schedule import NO_SHOW_PERIOD
from domain.permissions import require_booking_changeable
from domain.refusals import Forbidden, NotFound, NothingToSend, Refusal
from domain.token import Token
from projections import meeting_log, outbox
from replay.history import event_history
from replay.history.phrases import FAILURES

router = APIRouter(prefix="/meeting-log", include_in_schema=False, route_class=PageRoute)

MAX_EVENTS = 200
ReasonText = Annotated[str, Depends(FormText("reason"))]


@router.get("/{id}")
def show_meeting(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show a meeting with its timeline, always current."""
    return render_meeting(request, services, viewer, id)


@router.get("/{id}/cancel")
def show_cancel_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Ask for confirmation before cancelling a meeting."""
    services.scheduling.load_booking_to_change(viewer.context, id)
    return render_page(
        request, "meetings/cancel.html", meeting=load_meeting_row(services, viewer, id), errors={}, reason=""
    )


@router.post("/{id}/cancel")
def cancel_meeting(request: Request, services: CurrentServices, viewer: Viewer, id: Id, reason: ReasonText) -> Response:
    """Cancel a meeting, for good."""
    services.scheduling.load_booking_to_change(viewer.context, id)
    try:
        cancel_reason = validate_form(Reason, {"reason": reason or None}).reason
        position = services.scheduling.cancel_meeting(viewer.context, id, cancel_reason)
    except InvalidForm as error:
        meeting = load_meeting_row(services, viewer, id)
        return render_page(
            request, "meetings/cancel.html", 422, meeting=meeting, errors=collect_field_errors(error), reason=reason
        )
    services.announce_append()
    return redirect_to(f"/meeting-log/{id}", "Cancelled the meeting.", position)


@router.post("/{id}/mail/{mail_id}")
def send_mail_again(services: CurrentServices, viewer: Viewer, id: Id, mail_id: MailId) -> Response:
    """Send a mail again."""
    services.scheduling.load_booking_to_change(viewer.context, id)
    try:
        position = services.notifications.request_resend(viewer.context, id, mail_id)
    except NothingToSend as refusal:
        return redirect_to(f"/meeting-log/{id}", refusal.sentence)
    services.announce_append()
    return redirect_to(f"/meeting-log/{id}", "The mail goes out again in a moment.", position)


def render_meeting(request: Request, services: Services, viewer: Caller, id: UUID) -> Response:
    """Render the page of a meeting. Raises NotFound."""
    row = load_meeting_row(services, viewer, id)
    zone = viewer.person.properties.time_zone
    replacement = find_replacement(services, viewer, id)
    story = event_history.list_stream_events(services.database, id, MAX_EVENTS, zone=zone)
    mails = outbox.list_booking_notifications(services.from_log(), id, viewer.context.now)
    now, is_permitted = viewer.context.now, has_change_permission(services, viewer, id)
    may_change = row["status"] != "cancelled" and row["starts_at"] > now and is_permitted
    return render_page(
        request,
        "meetings/meeting.html",
        meeting=row,
        conflicting=list_conflicting_hosts(services, id, row),
        story=add_replacement_event(fold_notifications(story.items) if story else [], services, replacement, zone),
        replacement=replacement,
        may_send=services.settings.mail_method != "none" and bool(row["guest"] or row["recipient"]),
        may_replace=replacement is None and is_replaceable(services, viewer, id),
        may_change=may_change,
        may_reassign=may_change and has_reassign_permission(viewer, row),
        mails=mails,
        may_mark=is_markable(row, now) and is_permitted,
        tellable=list_tellable(services, viewer, id, mails) if is_permitted else (),
        failures=FAILURES,
        sees_links=bool(viewer.context.roles & {"member", "auditor"}),
        sees_history=bool(viewer.context.roles & {"auditor", "admin"}),
    )


def list_tellable(services: Services, viewer: Caller, id: UUID, mails: list[outbox.OutboxRow]) -> set[UUID]:
    """Return the ids of the mails that can be sent again."""
    token = services.scheduling.load_aggregate(Token, id)
    useful_ids = {
        notification.derive_id(id)
        for notification in token.outbox.list_notifications()
        if not token.has_lapsed(viewer.context, notification)
    }
    return {mail["id"] for mail in mails if mail["state"] in ("sent", "failed")} & useful_ids


def is_markable(row: Any, now: datetime) -> bool:
    """Return whether a meeting can be marked as a no-show now; the command checks again."""
    return bool(row["status"] != "cancelled" and row["starts_at"] <= now < row["starts_at"] + NO_SHOW_PERIOD)


def list_conflicting_hosts(services: Services, id: UUID, row: Any) -> list[str]:
    """Return the names of the hosts whose own calendars have something else at the meeting's time."""
    conflicting_ids = services.scheduling.load_aggregate(Token, id).conflicting_hosts
    return [host["name"] for host in (row["host"], *row["co_hosts"]) if host["id"] in conflicting_ids]


def load_meeting_row(services: Services, viewer: Caller, id: UUID) -> Any:
    """Return a meeting's row, folded from the log. Raises NotFound if there is none or the viewer may not see it."""
    refuse_unless_visible(services, viewer, services.scheduling.load_aggregate(Token, id))
    row = meeting_log.find_meeting(services.from_log(), id)
    if row is None:
        raise NotFound
    return row


def has_change_permission(services: Services, viewer: Caller, id: UUID) -> bool:
    """Return whether the viewer may change a meeting; the command checks again."""
    token = services.scheduling.load_aggregate(Token, id)
    try:
        require_booking_changeable(viewer.context, token, services.links.load_aggregate(Link, token.link_id))
    except (Forbidden, NotFound):
        return False
    return True


def has_reassign_permission(viewer: Caller, row: Any) -> bool:
    """Return whether a viewer who may change a meeting may also reassign it; the command checks again."""
    return "manager" in viewer.context.roles or row["host"]["id"] == viewer.person.id


def describe_error(error: InvalidForm | Refusal) -> str:
    """Return an error's message, one sentence."""
    return next(iter(error.errors.values())) if isinstance(error, InvalidForm) else error.sentence
