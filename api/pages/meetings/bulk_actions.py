"""Bulk actions on meetings and links: their questions, and what each button does to what is selected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from api.http.dependencies import Caller
from api.http.form_body import FormText
from api.pages.rendering.bulk import run_bulk
from api.pages.rendering.forms import InvalidForm, validate_form
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from api.v1.request_bodies import NewHost, Reason
from projections import people

MAX_HOSTS = 200
HOST_MISSING = "Choose who takes them."
ReasonText = Annotated[str, Depends(FormText("reason"))]
MessageText = Annotated[str, Depends(FormText("message"))]
HostText = Annotated[str, Depends(FormText("host_id"))]


@dataclass(frozen=True)
class Place:
    """The page that a bulk action was started on: where it posts to, where it leads back to, and whose things it has.

    `person_id` is whose meetings are given away; without it, those of the host of each.
    """

    path: str
    back: str
    name: str
    person_id: UUID | None = None


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


def show_question(
    request: Request, services: Services, place: Place, action: str, ids: Sequence[UUID], actions: Sequence[str]
) -> Response:
    """Ask before several things are changed; lead back if nothing is selected, or there is no such action here."""
    if action not in actions or not ids:
        return redirect_to(place.back, "Select at least one first.")
    return render_question(request, services, place, QUESTIONS[action], ids)


def reassign_selected(
    request: Request,
    services: Services,
    viewer: Caller,
    place: Place,
    ids: Sequence[UUID],
    host_id: str,
    message: str,
) -> Response:
    """Give several meetings to somebody else; one that is refused does not stop the others."""
    try:
        if not host_id:
            raise InvalidForm({"host_id": HOST_MISSING})
        values = {"host_id": host_id, "instead_of": place.person_id, "message": message.strip() or None}
        body = validate_form(NewHost, values)
    except InvalidForm as error:
        typed = {"message": message, "host_id": host_id}
        return render_question(request, services, place, REASSIGN, ids, typed, error.errors)

    def reassign(booking_id: UUID) -> int | None:
        services.reassignment.load_booking_to_reassign(viewer.context, booking_id)
        return services.reassignment.reassign_meeting(
            viewer.context, booking_id, body.host_id, body.instead_of, body.message
        )

    outcome = run_bulk(services, ids, reassign)
    return redirect_to(place.back, outcome.describe("Gave away", "meetings"), outcome.position)


def cancel_selected(
    request: Request, services: Services, viewer: Caller, place: Place, ids: Sequence[UUID], reason: str
) -> Response:
    """Cancel several meetings, with one reason."""
    try:
        body = validate_form(Reason, {"reason": reason.strip() or None})
    except InvalidForm as error:
        return render_question(request, services, place, CANCEL, ids, {"reason": reason}, error.errors)

    def cancel(booking_id: UUID) -> int | None:
        services.scheduling.load_booking_to_change(viewer.context, booking_id)
        return services.scheduling.cancel_meeting(viewer.context, booking_id, body.reason)

    outcome = run_bulk(services, ids, cancel)
    return redirect_to(place.back, outcome.describe("Cancelled", "meetings"), outcome.position)


def disable_selected(services: Services, viewer: Caller, back: str, ids: Sequence[UUID]) -> Response:
    """Disable several links."""
    outcome = run_bulk(services, ids, lambda link_id: services.links.switch_link(viewer.context, link_id, on=False))
    return redirect_to(back, outcome.describe("Disabled", "links"), outcome.position)


def render_question(
    request: Request,
    services: Services,
    place: Place,
    question: Question,
    ids: Sequence[UUID],
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    """Render the question, or render it again with what was typed and its errors."""
    hosts: list[Any] = []
    if question is REASSIGN:
        page = people.list_people(services.live_source, None, "name", MAX_HOSTS, hosts_only=True)
        hosts = [person for person in page.items if person["id"] != place.person_id]
    return render_page(
        request,
        "meetings/bulk_question.html",
        422 if errors else 200,
        place=place,
        question=question,
        ids=ids,
        hosts=hosts,
        typed={"message": "", "reason": "", "host_id": "", **(typed or {})},
        errors=errors or {},
    )
