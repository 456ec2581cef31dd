"""The links wizard: meeting type, properties, and the finished link with its copy buttons. Each step has a URL."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id, describe_request
from api.http.form_body import FormModel
from api.pages.links.form import LinkForm
from api.pages.links.form_choices import Choices, find_people_choices
from api.pages.links.free_time import explain_missing_time
from api.pages.links.table_rows import build_table_row
from api.pages.links.wizard import Wizard
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import render_page
from api.services import Services
from domain.link import Link
from domain.log import CommandResult
from domain.permissions import require_link_visible
from projections import links, meeting_types

router = APIRouter(prefix="/links/new", include_in_schema=False, route_class=PageRoute)

FormQuery = Annotated[LinkForm, Query()]
FormBody = Annotated[LinkForm, Depends(FormModel(LinkForm))]


def find_co_host_choices(services: Services, viewer: Caller, form: LinkForm) -> Choices:
    """Return whom the form offers as co-hosts."""
    return find_people_choices(services, form.who, form.co_host_ids, [viewer.person.id])


def create_link(services: Services, viewer: Caller, form: LinkForm, key: str | None) -> CommandResult:
    """Create the link that a form describes. Raises InvalidForm and the refusals of the command."""
    new_link = form.to_new_link(viewer.person.properties.time_zone)
    return services.links.create_link(viewer.context, dict(new_link), key, describe_request(new_link, route="links"))


WIZARD = Wizard(
    title="New link",
    path="/links/new",
    back="/links",
    back_title="My Links",
    steps=("Meeting type", "Properties", "Your link"),
    template="links/new_properties.html",
    find_people=find_co_host_choices,
    create=create_link,
)


@router.get("", dependencies=[WaitsForPosition])
def show_type_step(request: Request, services: CurrentServices, viewer: Viewer, form: FormQuery) -> Response:
    """Show the first step: the meeting type."""
    viewer.require_any_role("member")
    return WIZARD.render_type_step(request, services, form)


@router.get("/properties", dependencies=[WaitsForPosition])
def show_properties_step(request: Request, services: CurrentServices, viewer: Viewer, form: FormQuery) -> Response:
    """Show the second step: name, slug, co-hosts, expiry, library; filled with what was typed before."""
    viewer.require_any_role("member")
    return WIZARD.show_properties_step(request, services, viewer, form)


@router.post("/properties")
def publish_link(request: Request, services: CurrentServices, viewer: Viewer, form: FormBody) -> Response:
    """Create the link, only once however often the form is sent."""
    viewer.require_any_role("member")
    return WIZARD.submit(request, services, viewer, form)


@router.get("/{id}")
def show_finished_link(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the last step: the link, ready to be copied."""
    require_link_visible(viewer.context, services.links.load_aggregate(Link, id))
    link = build_table_row(services, viewer, links.find_link(services.from_log(), id, viewer.context.now))
    meeting_type = meeting_types.find_meeting_type(services.from_log(), link["meeting_type"]["id"])
    no_time = explain_missing_time(services, id, viewer.context.now)
    context: dict[str, Any] = {"link": link, "meeting_type": meeting_type, "no_time": no_time}
    return render_page(request, "links/new_finished.html", wizard=WIZARD, **context)
