"""The managed links wizard: meeting type, properties and hosts, and the finished links, one for each host."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id, describe_request
from api.http.form_body import FormModel
from api.pages.links.form import ManagedLinkForm
from api.pages.links.form_choices import Choices, find_people_choices
from api.pages.links.wizard import Wizard
from api.pages.management.lists import READER_ROLES, build_managed_link_context
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render_page
from api.services import Services
from domain.log import CommandResult
from domain.managed_link import ManagedLinkProperties

router = APIRouter(prefix="/management/managed/new", include_in_schema=False, route_class=PageRoute)

FormQuery = Annotated[ManagedLinkForm, Query()]
FormBody = Annotated[ManagedLinkForm, Depends(FormModel(ManagedLinkForm))]


def find_host_choices(services: Services, viewer: Caller, form: ManagedLinkForm) -> Choices:
    """Return whom the form offers as hosts."""
    return find_people_choices(services, form.who, form.host_ids)


def create_managed_link(services: Services, viewer: Caller, form: ManagedLinkForm, key: str | None) -> CommandResult:
    """Create the managed link that a form describes. Raises InvalidForm and the refusals of the command."""
    new_managed_link = form.to_new_managed_link(viewer.person.properties.time_zone)
    properties = ManagedLinkProperties(**dict(new_managed_link))
    body = describe_request(new_managed_link, route="managed-links")
    return services.links.create_managed_link(viewer.context, properties, key, body)


WIZARD = Wizard(
    title="New managed link",
    path="/management/managed/new",
    back="/management/managed",
    back_title="Managed Links",
    steps=("Meeting type", "Properties and hosts", "The links"),
    template="management/new_properties.html",
    find_people=find_host_choices,
    create=create_managed_link,
)


@router.get("", dependencies=[WaitsForPosition])
def show_type_step(request: Request, services: CurrentServices, viewer: Viewer, form: FormQuery) -> Response:
    """Show the first step: the meeting type (manager)."""
    viewer.require_any_role("manager")
    return WIZARD.render_type_step(request, services, form)


@router.get("/properties", dependencies=[WaitsForPosition])
def show_properties_step(request: Request, services: CurrentServices, viewer: Viewer, form: FormQuery) -> Response:
    """Show the second step: name, slug, hosts, expiry; filled with what was typed before (manager)."""
    viewer.require_any_role("manager")
    return WIZARD.show_properties_step(request, services, viewer, form)


@router.post("/properties")
def publish_managed_link(request: Request, services: CurrentServices, viewer: Viewer, form: FormBody) -> Response:
    """Create the managed link and every host's link, only once however often the form is sent (manager)."""
    viewer.require_any_role("manager")
    return WIZARD.submit(request, services, viewer, form)


@router.get("/{id}")
def show_finished_links(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the last step: every host's link, ready to be copied (manager, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    context = build_managed_link_context(services, viewer, id)
    return render_page(request, "management/new_finished.html", wizard=WIZARD, **context)
