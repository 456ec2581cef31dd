"""The links wizard: meeting type, properties, and the finished link with its copy buttons. Each step has a URL."""

import secrets
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.http.dependencies import VISIBLE_ASCII, Caller, CurrentServices, Id, describe_request
from api.http.form_body import FormModel
from api.pages.links.form import MEETING_TYPE_MISSING, LinkForm
from api.pages.links.form_choices import add_suggestion, check_slug, find_meeting_type_choices, find_people_choices
from api.pages.links.table_rows import build_table_row
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.forms import InvalidForm, collect_field_errors
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from domain.commands.idempotent_creation import IdempotentCreation as Creation
from domain.link import Link
from domain.permissions import require_link_visible
from domain.refusals import IdempotencyKeyReused, Refusal
from projections import links, meeting_types

router = APIRouter(prefix="/links/new", include_in_schema=False, route_class=PageRoute)

STEPS = ("Meeting type", "Properties", "Your link")


@router.get("", dependencies=[WaitsForPosition])
def show_type_step(
    request: Request, services: CurrentServices, viewer: Viewer, form: Annotated[LinkForm, Query()]
) -> Response:
    """Show the first step: the meeting type."""
    viewer.require_any_role("member")
    return render_type_step(request, services, form)


@router.get("/properties", dependencies=[WaitsForPosition])
def show_properties_step(
    request: Request, services: CurrentServices, viewer: Viewer, form: Annotated[LinkForm, Query()]
) -> Response:
    """Show the second step: name, slug, co-hosts, expiry, library; filled with what was typed before."""
    viewer.require_any_role("member")
    if (
        form.meeting_type_id is None
        or meeting_types.find_meeting_type(services.from_log(), form.meeting_type_id) is None
    ):
        return render_type_step(request, services, form, MEETING_TYPE_MISSING)
    return render_properties_step(request, services, viewer, form)


@router.post("/properties")
def publish_link(
    request: Request, services: CurrentServices, viewer: Viewer, form: Annotated[LinkForm, Depends(FormModel(LinkForm))]
) -> Response:
    """Create the link, only once however often the form is sent."""
    viewer.require_any_role("member")
    if form.meeting_type_id is None:
        return render_type_step(request, services, form, MEETING_TYPE_MISSING)
    key = form.key if VISIBLE_ASCII.fullmatch(form.key) else None
    try:
        new_link = form.to_new_link(viewer.person.properties.time_zone)
        body = describe_request(new_link, route="links")
        result = services.links.create_link(viewer.context, dict(new_link), key, body)
    except IdempotencyKeyReused:
        earlier_id = Creation(viewer.context, key, {}).id
        fresh_form = form.model_copy(update={"key": generate_form_key()})
        return render_properties_step(request, services, viewer, fresh_form, {}, 422, earlier_id)
    except (InvalidForm, Refusal) as error:
        return render_properties_step(request, services, viewer, form, collect_field_errors(error), 422)
    if not result.replayed:
        services.announce_append()
    return redirect_to(f"/links/new/{result.id}", position=result.position)


@router.get("/{id}")
def show_finished_link(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the last step: the link, ready to be copied."""
    require_link_visible(viewer.context, services.links.load_aggregate(Link, id))
    link = build_table_row(services, viewer, links.find_link(services.from_log(), id, viewer.context.now))
    meeting_type = meeting_types.find_meeting_type(services.from_log(), link["meeting_type"]["id"])
    return render_page(request, "links/new_finished.html", link=link, meeting_type=meeting_type, steps=STEPS)


def render_type_step(request: Request, services: Services, form: LinkForm, error: str | None = None) -> Response:
    """Render the first step."""
    return render_page(
        request,
        "links/new_type.html",
        422 if error else 200,
        form=form,
        steps=STEPS,
        types=find_meeting_type_choices(services, form.what, form.meeting_type_id),
        error=error,
        wizard={"title": "New link", "path": "/links/new", "back": "/links", "back_title": "My Links"},
    )


def render_properties_step(
    request: Request,
    services: Services,
    viewer: Caller,
    form: LinkForm,
    errors: dict[str, str] | None = None,
    status: int = 200,
    earlier_id: UUID | None = None,
) -> Response:
    """Render the second step, filled in; `earlier_id` is a link that was created with the form's key before."""
    context: dict[str, Any] = {
        "form": form.model_copy(update={"key": form.key or generate_form_key()}),
        "steps": STEPS,
        "errors": add_suggestion(services, errors or {}, form.slug),
        "meeting_type": form.meeting_type_id
        and meeting_types.find_meeting_type(services.from_log(), form.meeting_type_id),
        "people": find_people_choices(services, form.who, form.co_host_ids, [viewer.person.id]),
        "slug_check": check_slug(services, form.slug, form.name),
        "earlier": earlier_id,
    }
    return render_page(request, "links/new_properties.html", status, **context)


def generate_form_key() -> str:
    """Return a random idempotency key for a form."""
    return secrets.token_urlsafe(18)
