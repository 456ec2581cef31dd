"""Marking a meeting whose guest did not come, and taking that back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.http.form_body import FormText
from api.pages.meetings.detail import load_meeting_row
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from domain.event import Context
from domain.token import Token

router = APIRouter(prefix="/meeting-log", include_in_schema=False, route_class=PageRoute)

TellGuest = Annotated[str, Depends(FormText("tell_guest"))]
WITH_LINK = "That you missed them, with a link to choose another time."
WITHOUT_LINK = "That you missed them; they can answer the mail to find another time."


@router.get("/{id}/no-show")
def show_no_show_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Ask whether the guest did not come, and whether to mail them."""
    token = services.scheduling.load_booking_to_change(viewer.context, id)
    token.require_markable_meeting(viewer.context.now)
    return render_page(
        request,
        "meetings/no_show.html",
        meeting=load_meeting_row(services, viewer, id),
        mail=describe_mail(services, token, viewer.context),
    )


@router.post("/{id}/no-show")
def mark_no_show(services: CurrentServices, viewer: Viewer, id: Id, tell_guest: TellGuest) -> Response:
    """Mark the meeting as a no-show."""
    services.scheduling.load_booking_to_change(viewer.context, id)
    position = services.no_shows.mark_no_show(viewer.context, id, tell_guest=bool(tell_guest))
    services.announce_append()
    return redirect_to(f"/meeting-log/{id}", "Marked as a no-show.", position)


@router.post("/{id}/no-show/undo")
def undo_no_show(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Take the no-show back."""
    services.scheduling.load_booking_to_change(viewer.context, id)
    position = services.no_shows.undo_no_show(viewer.context, id)
    services.announce_append()
    return redirect_to(f"/meeting-log/{id}", "They came after all.", position)


def describe_mail(services: Services, token: Token, context: Context) -> str:
    """Return what a mail to the guest would say."""
    has_link = services.meeting_details.find_rebooking_url(token, context.now)
    return WITH_LINK if has_link or services.no_shows.prepare_replacement(token, context) else WITHOUT_LINK
