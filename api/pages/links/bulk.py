"""Bulk actions of lists of links and of a link's page: disabling links, reassigning or cancelling meetings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import Form, FormText
from api.pages.meetings import bulk_actions
from api.pages.meetings.bulk_actions import HostText, MessageText, Place, ReasonText
from api.pages.rendering.bulk import parse_selected_ids
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.urls import ensure_local_path
from api.services import Services
from domain.link import Link
from domain.permissions import require_link_visible

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

ReturnPath = Annotated[str, Depends(FormText("back", default="/links", max_length=2000))]


@router.post("/selected/disable/confirm")
def show_disable_question(
    request: Request, services: CurrentServices, viewer: Viewer, form: Form, back: ReturnPath
) -> Response:
    """Ask before several links are disabled."""
    viewer.require_any_role("member")
    place = Place("/links/selected", ensure_local_path(back), "")
    return bulk_actions.show_question(request, services, place, "disable", parse_selected_ids(form), ("disable",))


@router.post("/selected/disable")
def disable_links(services: CurrentServices, viewer: Viewer, form: Form, back: ReturnPath) -> Response:
    """Disable several links; those that the viewer may not switch stay as they are."""
    viewer.require_any_role("member")
    return bulk_actions.disable_selected(services, viewer, ensure_local_path(back), parse_selected_ids(form))


@router.post("/{id}/meetings/{action}/confirm")
def show_meetings_question(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, action: str, form: Form
) -> Response:
    """Ask before several meetings of a link are reassigned or cancelled."""
    place, ids = build_place(services, viewer, id), parse_selected_ids(form)
    return bulk_actions.show_question(request, services, place, action, ids, ("reassign", "cancel"))


@router.post("/{id}/meetings/reassign")
def reassign_meetings(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    form: Form,
    host_id: HostText,
    message: MessageText,
) -> Response:
    """Give several meetings of a link to somebody else in the place of their host."""
    place, ids = build_place(services, viewer, id), parse_selected_ids(form)
    return bulk_actions.reassign_selected(request, services, viewer, place, ids, host_id, message)


@router.post("/{id}/meetings/cancel")
def cancel_meetings(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Form, reason: ReasonText
) -> Response:
    """Cancel several meetings of a link, with one reason."""
    place, ids = build_place(services, viewer, id), parse_selected_ids(form)
    return bulk_actions.cancel_selected(request, services, viewer, place, ids, reason)


def build_place(services: Services, viewer: Caller, id: UUID) -> Place:
    """Build the place of a link's page for a member who may see it. Raises Forbidden, NotFound."""
    viewer.require_any_role("member")
    link = services.links.load_aggregate(Link, id)
    require_link_visible(viewer.context, link)
    return Place(f"/links/{id}/meetings", f"/links/{id}", link.properties.name)
