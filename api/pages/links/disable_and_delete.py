"""Disabling, enabling and deleting a link: a question that says what it touches, and the button that does it."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.pages.rendering.urls import local
from api.services import Oncelink
from domain.link import Link
from domain.permissions import require_link_edited, require_link_switched
from domain.refusals import NotFound
from projections import links

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Back = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class Question:
    """What is asked before something is done to a link."""

    title: str
    single_use: str
    meetings: str
    button: str


DISABLE = Question(
    "Disable “{name}”?",
    "{count} unused single-use {links} of it can no longer be booked, until you enable it again.",
    "{count} booked {meetings} still to come {stay}, and can be moved or cancelled as before.",
    "Disable the link",
)
DELETE = Question(
    "Delete “{name}”?",
    "{count} unused single-use {links} of it {stop} working, for good.",
    "{count} booked {meetings} still to come {stay}, and can be moved or cancelled as before.",
    "Delete the link",
)


@router.get("/links/{id}/disable")
def ask_disable(request: Request, parts: Parts, viewer: Viewer, id: Id, back: str = "/links") -> Response:
    """What disabling a link would touch."""
    link = parts.publishing.get(Link, id)
    require_link_switched(viewer.context, link)
    return asked(request, parts, viewer, link, DISABLE, back)


@router.get("/links/{id}/delete")
def ask_delete(request: Request, parts: Parts, viewer: Viewer, id: Id, back: str = "/links") -> Response:
    """What deleting a link would touch."""
    link = parts.publishing.get(Link, id)
    require_link_edited(viewer.context, link)
    return asked(request, parts, viewer, link, DELETE, back)


@router.post("/links/{id}/disable")
def disable(parts: Parts, viewer: Viewer, id: Id, back: Back = "/links") -> Response:
    """Switches a link off."""
    position = parts.publishing.switch_link(viewer.context, id, on=False)
    return done(parts, id, "Disabled “{}”. Nobody can book it until you enable it again.", back, position)


@router.post("/links/{id}/enable")
def enable(parts: Parts, viewer: Viewer, id: Id, back: Back = "/links") -> Response:
    """Switches a link on again."""
    position = parts.publishing.switch_link(viewer.context, id, on=True)
    return done(parts, id, "Enabled “{}”.", back, position)


@router.post("/links/{id}/delete")
def delete(parts: Parts, viewer: Viewer, id: Id, back: Back = "/links") -> Response:
    """Deletes a link."""
    position = parts.publishing.delete_link(viewer.context, id)
    return done(parts, id, "Deleted “{}”. Its booked meetings stay.", back, position)


def asked(request: Request, parts: Oncelink, viewer: Caller, link: Link, question: Question, back: str) -> Response:
    """The page of a question. Raises NotFound, domain.refusals.LinkDeleted."""
    link.refuse_if_deleted()
    impact = links.impact(parts.from_log(), link.id, viewer.context.now)
    if impact is None:
        raise NotFound
    touched = [counted(question.single_use, impact["active_single_use"])] if impact["active_single_use"] else []
    touched += [counted(question.meetings, impact["booked_upcoming"])] if impact["booked_upcoming"] else []
    return render(
        request,
        "links/question.html",
        title=question.title.format(name=link.properties.name),
        touched=touched,
        button=question.button,
        grave=question is DELETE,
        back=local(back),
    )


def counted(sentence: str, count: int) -> str:
    """A sentence about one thing or several."""
    one = count == 1
    words = {"links": "link", "meetings": "meeting", "stay": "stays", "stop": "stops"}
    return sentence.format(count=count, **{many: single if one else many for many, single in words.items()})


def done(parts: Oncelink, id: UUID, sentence: str, back: str, position: int | None) -> Response:
    """Back to where it was asked for, with what was done."""
    if position is not None:
        parts.appended()
    return go_on(local(back), sentence.format(parts.publishing.get(Link, id).properties.name), position)
