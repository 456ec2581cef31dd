"""The managed links wizard: meeting type, properties and hosts, and the finished links, one for each host."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response

from api.http.dependencies import VISIBLE_ASCII, Id, Parts, digestible
from api.pages.links.create import new_key
from api.pages.links.form import NO_TYPE, ManagedLinkForm
from api.pages.links.form_choices import meeting_types_to_choose, people_to_choose, slug_check, with_suggestion
from api.pages.management.lists import READERS, with_links
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.forms import WrongForm, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.services import Oncelink
from domain.commands.idempotent_creation import Request as Creation
from domain.managed_link import ManagedLinkProperties
from domain.refusals import IdempotencyKeyReused, Refusal
from projections import meeting_types

router = APIRouter(prefix="/management/managed/new", include_in_schema=False, route_class=PageRoute)

STEPS = ("Meeting type", "Properties and hosts", "The links")


@router.get("", dependencies=[CaughtUp])
def choose_type(request: Request, parts: Parts, viewer: Viewer, form: Annotated[ManagedLinkForm, Query()]) -> Response:
    """The first step: what kind of meeting the links book (manager)."""
    viewer.require("manager")
    return asked_type(request, parts, form)


@router.get("/properties", dependencies=[CaughtUp])
def ask_properties(
    request: Request, parts: Parts, viewer: Viewer, form: Annotated[ManagedLinkForm, Query()]
) -> Response:
    """The second step: name, slug, hosts, expiry; with what was typed already."""
    viewer.require("manager")
    if form.meeting_type_id is None or meeting_types.one(parts.from_log(), form.meeting_type_id) is None:
        return asked_type(request, parts, form, NO_TYPE)
    return asked_properties(request, parts, form)


@router.post("/properties")
def make(request: Request, parts: Parts, viewer: Viewer, form: Annotated[ManagedLinkForm, Form()]) -> Response:
    """Makes the managed link and every host's link, once however often the button is pressed."""
    viewer.require("manager")
    if form.meeting_type_id is None:
        return asked_type(request, parts, form, NO_TYPE)
    key = form.key if VISIBLE_ASCII.fullmatch(form.key) else None
    try:
        wanted = form.new(viewer.person.properties.time_zone)
        body = digestible(wanted, route="managed-links")
        properties = ManagedLinkProperties(**dict(wanted))
        outcome = parts.publishing.create_managed_link(viewer.context, properties, key, body)
    except IdempotencyKeyReused:
        earlier = Creation(viewer.context, key, {}).id
        return asked_properties(request, parts, form.model_copy(update={"key": new_key()}), {}, 422, earlier)
    except (WrongForm, Refusal) as error:
        return asked_properties(request, parts, form, errors_of(error), 422)
    if not outcome.replayed:
        parts.appended()
    return go_on(f"/management/managed/new/{outcome.id}", position=outcome.position)


@router.get("/{id}")
def finished(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """The last step: every host's link, ready to be copied."""
    viewer.require(*READERS)
    return render(request, "management/new_finished.html", steps=STEPS, **with_links(parts, viewer, id))


def asked_type(request: Request, parts: Oncelink, form: ManagedLinkForm, error: str | None = None) -> Response:
    """The page of the first step."""
    where = {"title": "New managed link", "path": "/management/managed/new", "back": "/management/managed"}
    return render(
        request,
        "links/new_type.html",
        422 if error else 200,
        form=form,
        steps=STEPS,
        types=meeting_types_to_choose(parts, form.what, form.meeting_type_id),
        error=error,
        wizard={**where, "back_title": "Managed Links"},
    )


def asked_properties(
    request: Request,
    parts: Oncelink,
    form: ManagedLinkForm,
    errors: dict[str, str] | None = None,
    status: int = 200,
    earlier: UUID | None = None,
) -> Response:
    """The page of the second step, with everything that was typed; `earlier` is what its key made before."""
    return render(
        request,
        "management/new_properties.html",
        status,
        form=form.model_copy(update={"key": form.key or new_key()}),
        steps=STEPS,
        errors=with_suggestion(parts, errors or {}, form.slug),
        meeting_type=form.meeting_type_id and meeting_types.one(parts.from_log(), form.meeting_type_id),
        people=people_to_choose(parts, form.who, form.host_ids),
        slug_check=slug_check(parts, form.slug, form.name),
        earlier=earlier,
    )
