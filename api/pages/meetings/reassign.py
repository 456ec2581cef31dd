"""Reassigning a meeting to another host: who is free at its time, and choosing one of them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.error_codes import REFUSAL_STATUSES
from api.http.form_body import FormModel
from api.pages.meetings.detail import describe_error
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, SearchQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import ensure_local_path
from api.services import Services
from api.v1.bookings import refuse_unless_visible
from api.v1.request_bodies import NewHost
from domain.availability.hours import Interval
from domain.person import Person
from domain.refusals import NotFound, Refusal
from domain.text_direction import isolate_text
from domain.token import Token
from projections import meeting_log
from projections.queries import free_people

router = APIRouter(prefix="/meeting-log", include_in_schema=False, route_class=PageRoute)

OptionalId = Annotated[UUID | None, Blank]
ShortText = Annotated[str, Field(max_length=2000)]


class ReassignForm(BaseModel):
    """The form of the page: the new host, which host is replaced, and the path to return to."""

    host_id: ShortText = ""
    instead_of: ShortText = ""
    back: ShortText = ""


class ReassignQuery(BaseModel):
    """Query of the page: which host is replaced, the search for people, and the path to return to."""

    instead_of: UUID | None = None
    q: str | None = None
    back: str


@router.get("/{id}/reassign", dependencies=[WaitsForPosition])
def show_candidates(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    instead_of: OptionalId = None,
    q: SearchQuery = None,
    back: str | None = None,
) -> Response:
    """Show who could host the meeting, free people first."""
    query = ReassignQuery(instead_of=instead_of, q=q, back=ensure_local_path(back) if back else f"/meeting-log/{id}")
    return render_candidates(request, services, viewer, id, query)


@router.post("/{id}/reassign")
def reassign_meeting(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    form: Annotated[ReassignForm, Depends(FormModel(ReassignForm))],
) -> Response:
    """Reassign the meeting, or show why that is refused."""
    token = services.reassignment.load_booking_to_reassign(viewer.context, id)
    query = ReassignQuery(back=ensure_local_path(form.back) if form.back else f"/meeting-log/{id}")
    try:
        new_host = validate_form(NewHost, {"host_id": form.host_id, "instead_of": form.instead_of or None})
        query.instead_of = new_host.instead_of
        position = services.reassignment.reassign_meeting(viewer.context, id, new_host.host_id, new_host.instead_of)
    except (InvalidForm, Refusal) as error:
        status = REFUSAL_STATUSES[type(error)] if isinstance(error, Refusal) else 422
        return render_candidates(request, services, viewer, id, query, describe_error(error), status)
    if position is not None:
        services.announce_append()
    name = services.administration.load_aggregate(Person, new_host.host_id).properties.name
    return_path = (
        query.back
        if is_still_visible(services, viewer, token.id) or query.back != f"/meeting-log/{id}"
        else "/meeting-log"
    )
    return redirect_to(return_path, f"{isolate_text(name)} hosts the meeting now.", position)


def render_candidates(
    request: Request,
    services: Services,
    viewer: Caller,
    id: UUID,
    query: ReassignQuery,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    """Render the page to choose a host. Raises NotFound, Forbidden, BookingCancelled, MeetingStarted."""
    token = services.reassignment.load_booking_to_reassign(viewer.context, id)
    meeting = token.require_changeable_meeting(viewer.context.now)
    replaced_id = query.instead_of if query.instead_of in token.host_ids else token.host_ids[0]
    excluded_ids = [replaced_id] if replaced_id == token.host_ids[0] else list(token.host_ids)
    candidates, more = free_people.find_candidates(
        services.live_source,
        Interval(meeting.starts_at, meeting.ends_at),
        Interval(meeting.held_from, meeting.held_until),
        id,
        list(token.host_ids),
        excluded_ids,
        query.q,
    )
    row = load_meeting_row(services, id)
    return render_page(
        request,
        "meetings/reassign.html",
        status,
        meeting=row,
        leaves=next(host for host in (row["host"], *row["co_hosts"]) if host["id"] == replaced_id),
        is_host=replaced_id == token.host_ids[0],
        people=candidates,
        more=more,
        query=query,
        problem=problem,
    )


def load_meeting_row(services: Services, id: UUID) -> Any:
    """Return a meeting's row, folded from the log. Raises NotFound."""
    row = meeting_log.find_meeting(services.from_log(), id)
    if row is None:
        raise NotFound
    return row


def is_still_visible(services: Services, viewer: Caller, id: UUID) -> bool:
    """Return whether the viewer still sees the meeting after reassigning it."""
    try:
        refuse_unless_visible(services, viewer, services.scheduling.load_aggregate(Token, id))
    except NotFound:
        return False
    return True
