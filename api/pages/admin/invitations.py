"""The invitation of a person: what became of it, and mailing it again."""

from typing import Any

from fastapi import APIRouter, Response

from api.http.dependencies import CurrentServices, Id
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to
from api.services import Services
from domain.invitation import derive_invitation_id
from domain.person import Person
from domain.text_direction import isolate_text
from projections import outbox
from replay.history.phrases import FAILURES

router = APIRouter(prefix="/admin/people", include_in_schema=False, route_class=PageRoute)

NO_SERVER = (
    "There is no mail server, so no invitation goes out. Until there is one, people sign in with the link that"
    " “oncelink sign-in EMAIL” prints on the server."
)


@router.post("/{id}/invite")
def invite_person(services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Mail a person an invitation, or the same one again (admin)."""
    viewer.require_any_role("admin")
    position = services.administration.invite_person(viewer.context, id)
    if position is not None:
        services.announce_append()
    name = isolate_text(services.administration.load_aggregate(Person, id).properties.name)
    sentence = f"The invitation of {name} goes out in a moment."
    return redirect_to(f"/admin/people/{id}", sentence if has_mail_server(services) else NO_SERVER, position)


def has_mail_server(services: Services) -> bool:
    """Return whether mail goes anywhere: to a mail server, or to the console of a demo."""
    return services.settings.mail_method != "none"


def describe_added(services: Services, name: str, invite: bool) -> str:
    """Describe that somebody was added, and what becomes of their invitation."""
    added = f"Added {isolate_text(name)}."
    if not invite:
        return added
    return f"{added} Their invitation is on its way." if has_mail_server(services) else f"{added} {NO_SERVER}"


def load_invitation(services: Services, person: Person) -> dict[str, Any]:
    """Return what became of a person's invitation: its row of the outbox if there is one, and why it failed."""
    rows = outbox.list_booking_notifications(services.from_log(), derive_invitation_id(person.id), services.clock())
    mail = next(iter(rows), None)
    failure = mail["failure"] if mail and mail["state"] != "sent" else None
    return {
        "mail": mail,
        "failure": failure and FAILURES.get(failure, failure),
        "note": None if has_mail_server(services) else NO_SERVER,
    }
