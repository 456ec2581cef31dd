"""A single-use link's page: its state, its URL for whoever issued it, its events; and revoking it."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormText
from api.http.responses import add_single_use_url
from api.http.validation_messages import parse_id
from api.pages.links.detail import is_revocable
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.story import fold_notifications
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import ensure_local_path
from api.services import Services
from api.v1.booking_notifications import load_notifications
from api.v1.request_bodies import Message, Reason
from api.v1.single_use_links import refuse_unless_visible
from domain.link import Link
from domain.link_request import derive_link_request_id
from domain.permissions import require_token_revocable
from domain.refusals import AlreadyBooked, NotFound
from domain.token import Token
from projections import meeting_log, single_use_links
from projections.outbox import OutboxRow
from replay.history import event_history

router = APIRouter(prefix="/links/{id}/single-use", include_in_schema=False, route_class=PageRoute)

MAX_EVENTS = 50
ReasonText = Annotated[str, Depends(FormText("reason"))]
MessageText = Annotated[str, Depends(FormText("message"))]
ReturnPath = Annotated[str, Depends(FormText("back", default="/", max_length=2000))]


def parse_token_id(token: Annotated[str, Path()]) -> UUID:
    """Parse the `{token}` of a path. Raises NotFound."""
    return parse_id(token)


TokenId = Annotated[UUID, Depends(parse_token_id)]


@router.get("/{token}")
def show_single_use_link(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, token: TokenId, back: str | None = None
) -> Response:
    """Show a single-use link, always current."""
    return render_single_use_link(
        request, services, viewer, id, token, ensure_local_path(back) if back else f"/links/{id}"
    )


def render_single_use_link(
    request: Request,
    services: Services,
    viewer: Caller,
    id: UUID,
    token: UUID,
    back: str,
    message: str = "",
    errors: Mapping[str, str] | None = None,
) -> Response:
    """Render the page; with errors, the message to the recipient as it was typed. Raises Forbidden, NotFound."""
    row = load_single_use_row(services, viewer, id, token)
    zone = viewer.person.properties.time_zone
    page = event_history.list_stream_events(services.database, token, MAX_EVENTS, zone=zone)
    events = fold_notifications(page.items) if page else []
    requests = event_history.list_stream_events(services.database, derive_link_request_id(token), MAX_EVENTS, zone=zone)
    if requests:
        events = sorted([*events, *fold_notifications(requests.items)], key=itemgetter("position"))
    return render_page(
        request,
        "links/single_use.html",
        422 if errors else 200,
        one=row,
        meeting=load_meeting(services, viewer, row),
        events=events,
        mails=list_mails(services, token),
        back=back,
        message=message,
        errors=errors or {},
    )


@router.post("/{token}/send")
def send_single_use_link(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    token: TokenId,
    message: MessageText,
    back: ReturnPath,
) -> Response:
    """Mail a single-use link to its recipient, for the first time or again, with a message."""
    load_single_use_row(services, viewer, id, token)
    try:
        body = validate_form(Message, {"message": message.strip() or None})
    except InvalidForm as error:
        path = ensure_local_path(back)
        return render_single_use_link(request, services, viewer, id, token, path, message, error.errors)
    position = services.single_use_links.send_link(viewer.context, token, body.message)
    if position is not None:
        services.announce_append()
    sentence = "It is on its way to its recipient." if position else "A mail to its recipient waits already."
    path = f"/links/{id}/single-use/{token}?{urlencode({'back': ensure_local_path(back)})}"
    return redirect_to(path, sentence, position)


@router.get("/{token}/revoke")
def show_revoke_form(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, token: TokenId, back: str | None = None
) -> Response:
    """Ask for confirmation before a single-use link is revoked."""
    row = load_single_use_row(services, viewer, id, token)
    require_token_revocable(
        viewer.context, services.scheduling.load_aggregate(Token, token), services.links.load_aggregate(Link, id)
    )
    if row["status"] == "booked":
        raise AlreadyBooked
    return render_revoke_form(request, row, ensure_local_path(back) if back else f"/links/{id}")


@router.post("/{token}/revoke")
def revoke_single_use_link(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    token: TokenId,
    reason: ReasonText,
    back: ReturnPath,
) -> Response:
    """Revoke a single-use link, with a reason."""
    row = load_single_use_row(services, viewer, id, token)
    try:
        body = validate_form(Reason, {"reason": reason.strip() or None})
    except InvalidForm as error:
        return render_revoke_form(request, row, ensure_local_path(back), reason, error.errors, 422)
    position = services.single_use_links.revoke_link(viewer.context, token, body.reason)
    if position is not None:
        services.announce_append()
    recipient_name = (row["recipient"] or {}).get("name") or (row["recipient"] or {}).get("email")
    return redirect_to(
        ensure_local_path(back),
        f"Revoked the single-use link{f' for {recipient_name}' if recipient_name else ''}.",
        position,
    )


def load_single_use_row(services: Services, viewer: Caller, link_id: UUID, token_id: UUID) -> dict[str, Any]:
    """Return the row of a single-use link of this link. Raises Forbidden, NotFound."""
    viewer.require_any_role("member", "auditor")
    token = services.scheduling.load_aggregate(Token, token_id)
    refuse_unless_visible(services, viewer, token)
    if token.link_id != link_id:
        raise NotFound
    row = add_single_use_url(
        services, viewer, single_use_links.find_single_use_link(services.from_log(), token_id, viewer.context.now)
    )
    return {**row, "may_revoke": is_revocable(viewer, row)}


def list_mails(services: Services, token_id: UUID) -> list[OutboxRow]:
    """Return the mails to the recipient, latest first, each with what became of it."""
    return [row for row in load_notifications(services, token_id) if row["to"] == "recipient"]


def load_meeting(services: Services, viewer: Caller, row: dict[str, Any]) -> Any:
    """Return the row of the meeting that it booked, or None if there is none that the viewer may see."""
    ids = [row["booking_id"]] if row["booking_id"] else []
    return next(
        iter(meeting_log.find_meetings(services.live_source, ids, viewer.limit_visibility("manager", "auditor"))), None
    )


def render_revoke_form(
    request: Request,
    row: dict[str, Any],
    back: str,
    reason: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Render the confirmation page."""
    return render_page(request, "links/revoke.html", status, one=row, back=back, reason=reason, errors=errors or {})
