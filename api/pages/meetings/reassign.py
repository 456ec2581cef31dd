"""Giving a meeting to another host: who is free at its time, and choosing one of them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel

from api.http.dependencies import Caller, Id, Parts
from api.http.problem_details import STATUS
from api.pages.meetings.detail import sentence_of
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.forms import WrongForm, checked
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, Words
from api.pages.rendering.templates import go_on, render
from api.pages.rendering.urls import local
from api.services import Oncelink
from api.v1.bookings import refuse_unless_seen
from api.v1.request_bodies import NewHost
from domain.availability.hours import Interval
from domain.person import Person
from domain.refusals import NotFound, Refusal
from domain.token import Token
from projections import meeting_log
from projections.queries import free_people

router = APIRouter(prefix="/meeting-log", include_in_schema=False, route_class=PageRoute)

Place = Annotated[UUID | None, Blank]
Text = Annotated[str, Form(max_length=2000)]


class Asked(BaseModel):
    """How the page is looked at: whose place is given, who is looked for, and where to go on afterwards."""

    instead_of: UUID | None = None
    q: str | None = None
    back: str


@router.get("/{id}/reassign", dependencies=[CaughtUp])
def choose(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    id: Id,
    instead_of: Place = None,
    q: Words = None,
    back: str | None = None,
) -> Response:
    """Who could host the meeting: those who are free first."""
    asked = Asked(instead_of=instead_of, q=q, back=local(back) if back else f"/meeting-log/{id}")
    return offered(request, parts, viewer, id, asked)


@router.post("/{id}/reassign")
def reassign(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    id: Id,
    host_id: Text = "",
    instead_of: Text = "",
    back: Text = "",
) -> Response:
    """Gives the meeting to somebody, or says kindly why that cannot be."""
    token = parts.reassigning.booking_to_reassign(viewer.context, id)
    asked = Asked(back=local(back) if back else f"/meeting-log/{id}")
    try:
        wanted = checked(NewHost, {"host_id": host_id, "instead_of": instead_of or None})
        asked.instead_of = wanted.instead_of
        position = parts.reassigning.reassign(viewer.context, id, wanted.host_id, wanted.instead_of)
    except (WrongForm, Refusal) as error:
        status = STATUS[type(error)] if isinstance(error, Refusal) else 422
        return offered(request, parts, viewer, id, asked, sentence_of(error), status)
    if position is not None:
        parts.appended()
    name = parts.staffing.get(Person, wanted.host_id).properties.name
    going = asked.back if still_seen(parts, viewer, token.id) or asked.back != f"/meeting-log/{id}" else "/meeting-log"
    return go_on(going, f"{name} hosts the meeting now.", position)


def offered(
    request: Request,
    parts: Oncelink,
    viewer: Caller,
    id: UUID,
    asked: Asked,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    """The page of a meeting that wants another host. Raises NotFound, Forbidden and what no host could change."""
    token = parts.reassigning.booking_to_reassign(viewer.context, id)
    meeting = token.changeable_meeting(viewer.context.now)
    leaves = asked.instead_of if asked.instead_of in token.host_ids else token.host_ids[0]
    never = [leaves] if leaves == token.host_ids[0] else list(token.host_ids)
    found, more = free_people.candidates(
        parts.live,
        Interval(meeting.starts_at, meeting.ends_at),
        Interval(meeting.held_from, meeting.held_until),
        id,
        list(token.host_ids),
        never,
        asked.q,
    )
    row = row_of(parts, id)
    return render(
        request,
        "meetings/reassign.html",
        status,
        meeting=row,
        leaves=next(one for one in (row["host"], *row["co_hosts"]) if one["id"] == leaves),
        is_host=leaves == token.host_ids[0],
        people=found,
        more=more,
        asked=asked,
        problem=problem,
    )


def row_of(parts: Oncelink, id: UUID) -> Any:
    """A meeting from the log. Raises NotFound."""
    row = meeting_log.one(parts.from_log(), id)
    if row is None:
        raise NotFound
    return row


def still_seen(parts: Oncelink, viewer: Caller, id: UUID) -> bool:
    """Whether the viewer sees the meeting after giving it away."""
    try:
        refuse_unless_seen(parts, viewer, parts.scheduling.get(Token, id))
    except NotFound:
        return False
    return True
