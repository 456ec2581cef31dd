"""Bulk actions of a handover: reassigning or cancelling several meetings, disabling several links, after a question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import Form, FormText
from api.pages.rendering.bulk import parse_selected_ids, run_bulk
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.request_bodies import NewHost, Reason
from domain.person import Person
from projections import people

router = APIRouter(prefix="/management/people/{id}", include_in_schema=False, route_class=PageRoute)

MAX_HOSTS = 200
HOST_MISSING = "Choose who takes them."
ReasonText = Annotated[str, Depends(FormText("reason"))]
MessageText = Annotated[str, Depends(FormText("message"))]
HostText = Annotated[str, Depends(FormText("host_id"))]


@dataclass(frozen=True)
class Question:
    """The texts of a question before a bulk action; `field` can be written with it, `notice` is told meanwhile."""

    action: str
    verb: str
    noun: str
    text: str
    notice: str
    field: str | None = None
    label: str = ""
    hint: str = ""
    is_grave: bool = False


REASSIGN = Question(
    "reassign",
    "Give away",
    "meetings",
    "Their times stay. Guests and hosts are mailed at once. What the new host is too busy for stays as it is.",
    "Giving away {n}.",
    "message",
    "Message to the guests",
    "Optional. It is in the mail about the change.",
)
CANCEL = Question(
    "cancel",
    "Cancel",
    "meetings",
    "Cancelled is final. Guests and hosts are mailed at once; used single-use links stay used.",
    "Cancelling {n}.",
    "reason",
    "Reason",
    "Optional. It is in the mail to the guests.",
    is_grave=True,
)
DISABLE = Question(
    "disable",
    "Disable",
    "links",
    "Nobody can book them, or unused single-use links of them, until they are enabled again. What is booked stays.",
    "Disabling {n}.",
)
QUESTIONS = {question.action: question for question in (REASSIGN, CANCEL, DISABLE)}


@router.post("/{action}/confirm")
def show_question(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, action: str, form: Form
) -> Response:
    """Ask before several things are changed (manager)."""
    viewer.require_any_role("manager")
    question = QUESTIONS.get(action)
    ids = parse_selected_ids(form)
    if question is None or not ids:
        return redirect_to(f"/management/people/{id}", "Select at least one first.")
    return render_question(request, services, viewer, id, question, ids)


@router.post("/reassign")
def reassign_meetings(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    form: Form,
    host_id: HostText,
    message: MessageText,
) -> Response:
    """Give several meetings of a person to somebody else (manager)."""
    viewer.require_any_role("manager")
    ids = parse_selected_ids(form)
    try:
        if not host_id:
            raise InvalidForm({"host_id": HOST_MISSING})
        body = validate_form(NewHost, {"host_id": host_id, "instead_of": id, "message": message.strip() or None})
    except InvalidForm as error:
        typed = {"message": message, "host_id": host_id}
        return render_question(request, services, viewer, id, REASSIGN, ids, typed, error.errors)

    def reassign(booking_id: UUID) -> int | None:
        services.reassignment.load_booking_to_reassign(viewer.context, booking_id)
        return services.reassignment.reassign_meeting(
            viewer.context, booking_id, body.host_id, body.instead_of, body.message
        )

    outcome = run_bulk(services, ids, reassign)
    return redirect_to(f"/management/people/{id}", outcome.describe("Gave away", "meetings"), outcome.position)


@router.post("/cancel")
def cancel_meetings(
    request: Request, services: CurrentServices, viewer: Viewer, id: Id, form: Form, reason: ReasonText
) -> Response:
    """Cancel several meetings, with one reason (manager)."""
    viewer.require_any_role("manager")
    ids = parse_selected_ids(form)
    try:
        body = validate_form(Reason, {"reason": reason.strip() or None})
    except InvalidForm as error:
        return render_question(request, services, viewer, id, CANCEL, ids, {"reason": reason}, error.errors)

    def cancel(booking_id: UUID) -> int | None:
        services.scheduling.load_booking_to_change(viewer.context, booking_id)
        return services.scheduling.cancel_meeting(viewer.context, booking_id, body.reason)

    outcome = run_bulk(services, ids, cancel)
    return redirect_to(f"/management/people/{id}", outcome.describe("Cancelled", "meetings"), outcome.position)


@router.post("/disable")
def disable_links(services: CurrentServices, viewer: Viewer, id: Id, form: Form) -> Response:
    """Disable several links (manager)."""
    viewer.require_any_role("manager")
    ids = parse_selected_ids(form)
    outcome = run_bulk(services, ids, lambda link_id: services.links.switch_link(viewer.context, link_id, on=False))
    return redirect_to(f"/management/people/{id}", outcome.describe("Disabled", "links"), outcome.position)


def render_question(
    request: Request,
    services: Services,
    viewer: Caller,
    id: UUID,
    question: Question,
    ids: Sequence[UUID],
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    """Render the question, or render it again with what was typed and its errors. Raises NotFound."""
    hosts: list[Any] = []
    if question is REASSIGN:
        page = people.list_people(services.live_source, None, "name", MAX_HOSTS, hosts_only=True)
        hosts = [person for person in page.items if person["id"] != id]
    return render_page(
        request,
        "meetings/handover_question.html",
        422 if errors else 200,
        person=services.administration.load_aggregate(Person, id),
        question=question,
        ids=ids,
        hosts=hosts,
        typed={"message": "", "reason": "", "host_id": "", **(typed or {})},
        errors=errors or {},
    )
