"""The managed links wizard: meeting type, properties and hosts, and the finished links, one for each host."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import VISIBLE_ASCII, CurrentServices, Id, describe_request
from api.http.form_body import FormModel
from api.pages.links.create import generate_form_key
from api.pages.links.form import MEETING_TYPE_MISSING, ManagedLinkForm
from api.pages.links.form_choices import add_suggestion, check_slug, find_meeting_type_choices, find_people_choices
from api.pages.management.lists import READER_ROLES, build_managed_link_context
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.forms import InvalidForm, collect_field_errors
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from domain.commands.idempotent_creation import IdempotentCreation as Creation
from domain.managed_link import ManagedLinkProperties
from domain.refusals import IdempotencyKeyReused, Refusal
from projections import meeting_types

router = APIRouter(prefix="/management/managed/new", include_in_schema=False, route_class=PageRoute)

STEPS = ("Meeting type", "Properties and hosts", "The links")


@router.get("", dependencies=[WaitsForPosition])
def show_type_step(
    request: Request, services: CurrentServices, viewer: Viewer, form: Annotated[ManagedLinkForm, Query()]
) -> Response:
    """Show the first step: the meeting type (manager)."""
    viewer.require_any_role("manager")
    return render_type_step(request, services, form)


@router.get("/properties", dependencies=[WaitsForPosition])
def show_properties_step(
    request: Request, services: CurrentServices, viewer: Viewer, form: Annotated[ManagedLinkForm, Query()]
) -> Response:
    """Show the second step: name, slug, hosts, expiry; filled with what was typed before (manager)."""
    viewer.require_any_role("manager")
    if (
        form.meeting_type_id is None
        or meeting_types.find_meeting_type(services.from_log(), form.meeting_type_id) is None
    ):
        return render_type_step(request, services, form, MEETING_TYPE_MISSING)
    return render_properties_step(request, services, form)


@router.post("/properties")
def create_managed_link(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    form: Annotated[ManagedLinkForm, Depends(FormModel(ManagedLinkForm))],
) -> Response:
    """Create the managed link and every host's link, only once however often the form is sent (manager)."""
    viewer.require_any_role("manager")
    if form.meeting_type_id is None:
        return render_type_step(request, services, form, MEETING_TYPE_MISSING)
    key = form.key if VISIBLE_ASCII.fullmatch(form.key) else None
    try:
        new_managed_link = form.to_new_managed_link(viewer.person.properties.time_zone)
        body = describe_request(new_managed_link, route="managed-links")
        properties = ManagedLinkProperties(**dict(new_managed_link))
        result = services.links.create_managed_link(viewer.context, properties, key, body)
    except IdempotencyKeyReused:
        earlier_id = Creation(viewer.context, key, {}).id
        return render_properties_step(
            request, services, form.model_copy(update={"key": generate_form_key()}), {}, 422, earlier_id
        )
    except (InvalidForm, Refusal) as error:
        return render_properties_step(request, services, form, collect_field_errors(error), 422)
    if not result.replayed:
        services.announce_append()
    return redirect_to(f"/management/managed/new/{result.id}", position=result.position)


@router.get("/{id}")
def show_finished_links(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the last step: every host's link, ready to be copied (manager, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    return render_page(
        request, "management/new_finished.html", steps=STEPS, **build_managed_link_context(services, viewer, id)
    )


def render_type_step(request: Request, services: Services, form: ManagedLinkForm, error: str | None = None) -> Response:
    """Render the first step."""
    wizard = {"title": "New managed link", "path": "/management/managed/new", "back": "/management/managed"}
    return render_page(
        request,
        "links/new_type.html",
        422 if error else 200,
        form=form,
        steps=STEPS,
        types=find_meeting_type_choices(services, form.what, form.meeting_type_id),
        error=error,
        wizard={**wizard, "back_title": "Managed Links"},
    )


def render_properties_step(
    request: Request,
    services: Services,
    form: ManagedLinkForm,
    errors: dict[str, str] | None = None,
    status: int = 200,
    earlier_id: UUID | None = None,
) -> Response:
    """Render the second step, filled in; `earlier_id` is what was created with the form's key before."""
    return render_page(
        request,
        "management/new_properties.html",
        status,
        form=form.model_copy(update={"key": form.key or generate_form_key()}),
        steps=STEPS,
        errors=add_suggestion(services, errors or {}, form.slug),
        meeting_type=form.meeting_type_id
        and meeting_types.find_meeting_type(services.from_log(), form.meeting_type_id),
        people=find_people_choices(services, form.who, form.host_ids),
        slug_check=check_slug(services, form.slug, form.name),
        earlier=earlier_id,
    )
