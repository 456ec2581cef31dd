"""The links wizard: meeting type, properties, and the finished link with its copy buttons; each step is an address."""

import secrets
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response

from api.http.dependencies import VISIBLE_ASCII, Caller, Id, Parts, digestible
from api.pages.links.form import NO_TYPE, LinkForm
from api.pages.links.form_choices import meeting_types_to_choose, people_to_choose, slug_check, with_suggestion
from api.pages.links.table_rows import for_table
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.forms import WrongForm, errors_of
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.services import Oncelink
from domain.commands.idempotent_creation import Request as Creation
from domain.link import Link
from domain.permissions import require_link_seen
from domain.refusals import IdempotencyKeyReused, Refusal
from projections import links, meeting_types

router = APIRouter(prefix="/links/new", include_in_schema=False, route_class=PageRoute)

STEPS = ("Meeting type", "Properties", "Your link")


@router.get("", dependencies=[CaughtUp])
def choose_type(request: Request, parts: Parts, viewer: Viewer, form: Annotated[LinkForm, Query()]) -> Response:
    """The first step: what kind of meeting the link books."""
    viewer.require("member")
    return asked_type(request, parts, form)


@router.get("/properties", dependencies=[CaughtUp])
def ask_properties(request: Request, parts: Parts, viewer: Viewer, form: Annotated[LinkForm, Query()]) -> Response:
    """The second step: name, slug, co-hosts, expiry, library; with what was typed already."""
    viewer.require("member")
    if form.meeting_type_id is None or meeting_types.one(parts.from_log(), form.meeting_type_id) is None:
        return asked_type(request, parts, form, NO_TYPE)
    return asked_properties(request, parts, viewer, form)


@router.post("/properties")
def publish(request: Request, parts: Parts, viewer: Viewer, form: Annotated[LinkForm, Form()]) -> Response:
    """Publishes the link, once however often the button is pressed."""
    viewer.require("member")
    if form.meeting_type_id is None:
        return asked_type(request, parts, form, NO_TYPE)
    key = form.key if VISIBLE_ASCII.fullmatch(form.key) else None
    try:
        wanted = form.new(viewer.person.properties.time_zone)
        body = digestible(wanted, route="links")
        outcome = parts.publishing.create_link(viewer.context, dict(wanted), key, body)
    except IdempotencyKeyReused:
        earlier = Creation(viewer.context, key, {}).id
        fresh = form.model_copy(update={"key": new_key()})
        return asked_properties(request, parts, viewer, fresh, {}, 422, earlier)
    except (WrongForm, Refusal) as error:
        return asked_properties(request, parts, viewer, form, errors_of(error), 422)
    if not outcome.replayed:
        parts.appended()
    return go_on(f"/links/new/{outcome.id}", position=outcome.position)


@router.get("/{id}")
def finished(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """The last step: the link, ready to be copied."""
    require_link_seen(viewer.context, parts.publishing.get(Link, id))
    link = for_table(parts, viewer, links.one(parts.from_log(), id, viewer.context.now))
    meeting_type = meeting_types.one(parts.from_log(), link["meeting_type"]["id"])
    return render(request, "links/new_finished.html", link=link, meeting_type=meeting_type, steps=STEPS)


def asked_type(request: Request, parts: Oncelink, form: LinkForm, error: str | None = None) -> Response:
    """The page of the first step."""
    return render(
        request,
        "links/new_type.html",
        422 if error else 200,
        form=form,
        steps=STEPS,
        types=meeting_types_to_choose(parts, form.what, form.meeting_type_id),
        error=error,
        wizard={"title": "New link", "path": "/links/new", "back": "/links", "back_title": "My Links"},
    )


def asked_properties(
    request: Request,
    parts: Oncelink,
    viewer: Caller,
    form: LinkForm,
    errors: dict[str, str] | None = None,
    status: int = 200,
    earlier: UUID | None = None,
) -> Response:
    """The page of the second step, with everything that was typed; `earlier` is a link that its key made before."""
    given: dict[str, Any] = {
        "form": form.model_copy(update={"key": form.key or new_key()}),
        "steps": STEPS,
        "errors": with_suggestion(parts, errors or {}, form.slug),
        "meeting_type": form.meeting_type_id and meeting_types.one(parts.from_log(), form.meeting_type_id),
        "people": people_to_choose(parts, form.who, form.co_host_ids, [viewer.person.id]),
        "slug_check": slug_check(parts, form.slug, form.name),
        "earlier": earlier,
    }
    return render(request, "links/new_properties.html", status, **given)


def new_key() -> str:
    """A key by which a form that is sent twice is recognised."""
    return secrets.token_urlsafe(18)
