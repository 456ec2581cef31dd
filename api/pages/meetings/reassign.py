"""Reassigning a meeting to another host: choosing who is free, then writing to the guest before it is given away."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.error_codes import REFUSAL_STATUSES
from api.http.form_body import FormModel
from api.pages.meetings.clocks import list_clocks
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
    message: str = ""
    q: ShortText = ""

    def to_new_host(self) -> NewHost:
        """Return the request to give the meeting away. Raises InvalidForm."""
        values = {"host_id": self.host_id, "instead_of": self.instead_of or None}
        return validate_form(NewHost, values | {"message": self.message.strip() or None})

    def to_query(self, id: UUID) -> "ReassignQuery":
        """Return the query of the page of candidates for the same meeting."""
        try:
            instead_of = UUID(self.instead_of)
        except ValueError:
            instead_of = None
        back = ensure_local_path(self.back) if self.back else f"/meeting-log/{id}"
        return ReassignQuery(instead_of=instead_of, q=self.q.strip() or None, back=back, message=self.message)


class ReassignQuery(BaseModel):
    """Query of the page: which host is replaced, the search for people, the path to return to, the message so far."""

    instead_of: UUID | None = None
    q: str | None = None
    back: str
    message: str = ""


ReassignBody = Annotated[ReassignForm, Depends(FormModel(ReassignForm))]


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


@router.post("/{id}/reassign/people", dependencies=[WaitsForPosition])
def show_candidates_again(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: ReassignBody
) -> Response:
    """Show them again, with the message as it was typed, for another search or another host's place."""
    return render_candidates(request, services, viewer, id, form.to_query(id))


@router.get("/{id}/reassign/confirm")
def show_confirmation(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    host_id: str = "",
    instead_of: str = "",
    back: str = "",
) -> Response:
    """Show who meets the guest from now on, before the meeting is given away."""
    form = ReassignForm(host_id=host_id[:100], instead_of=instead_of[:100], back=back[:2000])
    return render_confirmation(request, services, viewer, id, form, {})


@router.post("/{id}/reassign/confirm")
def show_confirmation_again(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: ReassignBody
) -> Response:
    """Show it for somebody else, with the message as it was typed."""
    return render_confirmation(request, services, viewer, id, form, {})


@router.post("/{id}/reassign")
def reassign_meeting(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: ReassignBody
) -> Response:
    """Reassign the meeting, whose guest is mailed the message; or show why that is refused."""
    token = services.reassignment.load_booking_to_reassign(viewer.context, id)
    query = form.to_query(id)
    try:
        new_host = form.to_new_host()
        query.instead_of = new_host.instead_of
        position = services.reassignment.reassign_meeting(
            viewer.context, id, new_host.host_id, new_host.instead_of, new_host.message
        )
    except (InvalidForm, Refusal) as error:
        if isinstance(error, InvalidForm) and error.errors.keys() == {"message"}:
            return render_confirmation(request, services, viewer, id, form, error.errors, 422)
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


def render_confirmation(
    request: Request,
    services: Services,
    viewer: Caller,
    id: UUID,
    form: ReassignForm,
    errors: Mapping[str, str],
    status: int = 200,
) -> Response:
    """Render the step before the meeting is given away. Raises what `render_candidates` raises."""
    token = services.reassignment.load_booking_to_reassign(viewer.context, id)
    token.require_changeable_meeting(viewer.context.now)
    query = form.to_query(id)
    try:
        new_host = validate_form(NewHost, {"host_id": form.host_id, "instead_of": form.instead_of or None})
    except InvalidForm as error:
        return render_candidates(request, services, viewer, id, query, describe_error(error), 422)
    person = services.administration.load_aggregate(Person, new_host.host_id)
    meeting = load_meeting_row(services, id)
    leaving_id = new_host.instead_of if new_host.instead_of in token.host_ids else token.host_ids[0]
    return render_page(
        request,
        "meetings/reassign_confirm.html",
        status,
        meeting=meeting,
        person=person.properties,
        leaves=next(host for host in (meeting["host"], *meeting["co_hosts"]) if host["id"] == leaving_id),
        clocks=list_clocks(viewer, person, meeting),
        form=form,
        back=query.back,
        errors=errors,
    )


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
