"""Disabling, enabling and deleting a managed link with every host's link, after a page that says what is affected."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormText
from api.pages.links.disable_and_delete import Confirmation, redirect_back, render_confirmation
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.services import Services
from domain.link import Link
from domain.managed_link import ManagedLink
from projections import links
from projections.links import Impact

router = APIRouter(prefix="/management/managed", include_in_schema=False, route_class=PageRoute)

LIST_PATH = "/management/managed"
ReturnPath = Annotated[str, Depends(FormText("back", default=LIST_PATH, max_length=2000))]

DISABLE_CONFIRMATION = Confirmation(
    "Disable “{name}” for all its hosts?",
    "{count} unused single-use {links} of it can no longer be booked, until you enable it again.",
    "{count} booked {meetings} still to come {stay}, and can be moved or cancelled as before.",
    "Disable it for all hosts",
)
DELETE_CONFIRMATION = Confirmation(
    "Delete “{name}” with the links of all its hosts?",
    "{count} unused single-use {links} of it {stop} working, for good.",
    "{count} booked {meetings} still to come {stay}, and can be moved or cancelled as before.",
    "Delete it for all hosts",
    is_final=True,
)


@router.get("/{id}/disable")
def show_disable_confirmation(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, back: str = LIST_PATH
) -> Response:
    """Show what disabling a managed link would affect (manager)."""
    return show_confirmation(request, services, viewer, id, DISABLE_CONFIRMATION, back)


@router.get("/{id}/delete")
def show_delete_confirmation(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, back: str = LIST_PATH
) -> Response:
    """Show what deleting a managed link would affect (manager)."""
    return show_confirmation(request, services, viewer, id, DELETE_CONFIRMATION, back)


@router.post("/{id}/disable")
def disable_managed_link(services: CurrentServices, viewer: Viewer, id: Id, back: ReturnPath) -> Response:
    """Disable a managed link and every host's link (manager)."""
    position = services.links.switch_managed_link(viewer.context, id, on=False)
    return redirect_back(services, id, "Disabled “{}” for all its hosts.", back, position, ManagedLink)


@router.post("/{id}/enable")
def enable_managed_link(services: CurrentServices, viewer: Viewer, id: Id, back: ReturnPath) -> Response:
    """Enable a managed link and every host's link again (manager)."""
    position = services.links.switch_managed_link(viewer.context, id, on=True)
    sentence = describe_enabling(count_disabled_host_links(services, id))
    return redirect_back(services, id, sentence, back, position, ManagedLink)


@router.post("/{id}/delete")
def delete_managed_link(services: CurrentServices, viewer: Viewer, id: Id, back: ReturnPath) -> Response:
    """Delete a managed link and every host's link (manager)."""
    position = services.links.delete_managed_link(viewer.context, id)
    return redirect_back(
        services, id, "Deleted “{}” for all its hosts. Booked meetings stay.", back, position, ManagedLink
    )


def show_confirmation(
    request: Request, services: Services, viewer: Caller, id: UUID, confirmation: Confirmation, back: str
) -> Response:
    """Show what a change of all hosts' links would affect. Raises Forbidden, NotFound, LinkDeleted."""
    viewer.require_any_role("manager")
    managed_link = services.links.load_aggregate(ManagedLink, id)
    managed_link.refuse_if_deleted()
    ids = list(managed_link.properties.links.values())
    impacts = links.compute_impacts(services.from_log(), ids, viewer.context.now).values()
    total = Impact(
        active_single_use=sum(impact["active_single_use"] for impact in impacts),
        booked_upcoming=sum(impact["booked_upcoming"] for impact in impacts),
    )
    return render_confirmation(request, managed_link.properties.name, total, confirmation, back)


def count_disabled_host_links(services: Services, id: UUID) -> int:
    """Return how many hosts' links of a managed link are disabled."""
    link_ids = services.links.load_aggregate(ManagedLink, id).properties.links.values()
    host_links = services.links.load_aggregates(link_ids).values()
    return sum(isinstance(link, Link) and link.disabled and not link.deleted for link in host_links)


def describe_enabling(disabled_count: int) -> str:
    """Describe that a managed link was enabled; so many hosts' links, each disabled by itself, stayed so."""
    if disabled_count == 0:
        return "Enabled “{}” for all its hosts."
    if disabled_count == 1:
        return "Enabled “{}”. 1 link that was disabled by itself stays disabled."
    return f"Enabled “{{}}”. {disabled_count} links that were disabled by themselves stay disabled."
