"""Disabling, enabling and deleting a link, after a confirmation page that says what is affected."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormText
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import ensure_local_path
from api.services import Services
from domain.link import Link
from domain.managed_link import ManagedLink
from domain.permissions import require_link_editable, require_link_switchable
from domain.refusals import NotFound
from domain.text_direction import isolate_text
from projections import links
from projections.links import Impact

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ReturnPath = Annotated[str, Depends(FormText("back", default="/links", max_length=2000))]


@dataclass(frozen=True)
class Confirmation:
    """The texts of a confirmation page; `single_use` and `meetings` are templates that take a count."""

    title: str
    single_use: str
    meetings: str
    button: str
    is_final: bool = False


DISABLE_CONFIRMATION = Confirmation(
    "Disable “{name}”?",
    "{count} unused single-use {links} of it can no longer be booked, until you enable it again.",
    "{count} booked {meetings} still to come {stay}, and can be moved or cancelled as before.",
    "Disable the link",
)
DELETE_CONFIRMATION = Confirmation(
    "Delete “{name}”?",
    "{count} unused single-use {links} of it {stop} working, for good.",
    "{count} booked {meetings} still to come {stay}, and can be moved or cancelled as before.",
    "Delete the link",
    is_final=True,
)


@router.get("/links/{id}/disable")
def show_disable_confirmation(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, back: str = "/links"
) -> Response:
    """Show what disabling a link would affect."""
    link = services.links.load_aggregate(Link, id)
    require_link_switchable(viewer.context, link)
    impact = load_impact(services, viewer, link)
    return render_confirmation(request, link.properties.name, impact, DISABLE_CONFIRMATION, back)


@router.get("/links/{id}/delete")
def show_delete_confirmation(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, back: str = "/links"
) -> Response:
    """Show what deleting a link would affect."""
    link = services.links.load_aggregate(Link, id)
    require_link_editable(viewer.context, link)
    impact = load_impact(services, viewer, link)
    return render_confirmation(request, link.properties.name, impact, DELETE_CONFIRMATION, back)


@router.post("/links/{id}/disable")
def disable_link(services: CurrentServices, viewer: Viewer, id: Id, back: ReturnPath) -> Response:
    """Disable a link."""
    position = services.links.switch_link(viewer.context, id, on=False)
    return redirect_back(services, id, "Disabled “{}”. Nobody can book it until you enable it again.", back, position)


@router.post("/links/{id}/enable")
def enable_link(services: CurrentServices, viewer: Viewer, id: Id, back: ReturnPath) -> Response:
    """Enable a link again."""
    position = services.links.switch_link(viewer.context, id, on=True)
    return redirect_back(services, id, "Enabled “{}”.", back, position)


@router.post("/links/{id}/delete")
def delete_link(services: CurrentServices, viewer: Viewer, id: Id, back: ReturnPath) -> Response:
    """Delete a link."""
    position = services.links.delete_link(viewer.context, id)
    return redirect_back(services, id, "Deleted “{}”. Its booked meetings stay.", back, position)


def load_impact(services: Services, viewer: Caller, link: Link) -> Impact:
    """Return what depends on a link now. Raises NotFound, LinkDeleted."""
    link.refuse_if_deleted()
    impact = links.compute_impact(services.from_log(), link.id, viewer.context.now)
    if impact is None:
        raise NotFound
    return impact


def render_confirmation(request: Request, name: str, impact: Impact, confirmation: Confirmation, back: str) -> Response:
    """Render a confirmation page."""
    effects = (
        [format_sentence(confirmation.single_use, impact["active_single_use"])] if impact["active_single_use"] else []
    )
    effects += [format_sentence(confirmation.meetings, impact["booked_upcoming"])] if impact["booked_upcoming"] else []
    return render_page(
        request,
        "links/question.html",
        title=confirmation.title.format(name=isolate_text(name)),
        touched=effects,
        button=confirmation.button,
        grave=confirmation.is_final,
        back=ensure_local_path(back),
    )


def format_sentence(sentence: str, count: int) -> str:
    """Fill a count into a sentence and put its words into the singular or plural."""
    is_single = count == 1
    singulars = {"links": "link", "meetings": "meeting", "stay": "stays", "stop": "stops"}
    return sentence.format(
        count=count, **{plural: singular if is_single else plural for plural, singular in singulars.items()}
    )


def redirect_back(
    services: Services,
    id: UUID,
    sentence: str,
    back: str,
    position: int | None,
    kind: type[Link] | type[ManagedLink] = Link,
) -> Response:
    """Redirect to where the action was started, with a message about the link or managed link of an id."""
    if position is not None:
        services.announce_append()
    name = services.links.load_aggregate(kind, id).properties.name
    return redirect_to(ensure_local_path(back), sentence.format(isolate_text(name)), position)
