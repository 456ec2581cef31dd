"""Bulk actions of a handover: reassigning or cancelling several meetings, disabling several links, after a question."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices, Id
from api.http.form_body import Form
from api.pages.meetings import bulk_actions
from api.pages.meetings.bulk_actions import HostText, MessageText, Place, ReasonText
from api.pages.rendering.bulk import parse_selected_ids
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.services import Services
from domain.person import Person

router = APIRouter(prefix="/management/people/{id}", include_in_schema=False, route_class=PageRoute)

ACTIONS = ("reassign", "cancel", "disable")


@router.post("/{action}/confirm")
def show_question(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, action: str, form: Form
) -> Response:
    """Ask before several things are changed (manager)."""
    viewer.require_any_role("manager")
    place, ids = build_place(services, id), parse_selected_ids(form)
    return bulk_actions.show_question(request, services, place, action, ids, ACTIONS)


@router.post("/reassign")
def reassign_meetings(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    form: Form,
    host_id: HostText,
    message: MessageText,
) -> Response:
    """Give several meetings of a person to somebody else (manager)."""
    viewer.require_any_role("manager")
    place, ids = build_place(services, id), parse_selected_ids(form)
    return bulk_actions.reassign_selected(request, services, viewer, place, ids, host_id, message)


@router.post("/cancel")
def cancel_meetings(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Form, reason: ReasonText
) -> Response:
    """Cancel several meetings, with one reason (manager)."""
    viewer.require_any_role("manager")
    place, ids = build_place(services, id), parse_selected_ids(form)
    return bulk_actions.cancel_selected(request, services, viewer, place, ids, reason)


@router.post("/disable")
def disable_links(services: CurrentServices, viewer: Viewer, id: Id, form: Form) -> Response:
    """Disable several links (manager)."""
    viewer.require_any_role("manager")
    return bulk_actions.disable_selected(services, viewer, f"/management/people/{id}", parse_selected_ids(form))


def build_place(services: Services, id: UUID) -> Place:
    """Build the place of a person's handover. Raises NotFound."""
    path = f"/management/people/{id}"
    return Place(path, path, services.administration.load_aggregate(Person, id).properties.name, id)
