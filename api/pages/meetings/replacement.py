"""Giving a new single-use link for a meeting that fell through, and what its page says of that link."""

from operator import itemgetter
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.form_body import FormText
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to
from api.services import Services
from domain.link import Link
from domain.permissions import require_booking_changeable
from domain.refusals import Forbidden, Invalid, LinkDeleted, NotFound, NotReplaceable
from domain.replacement import derive_replacement_id
from domain.token import Token
from projections import single_use_links
from projections.single_use_links import FullSingleUseRow
from replay.history import event_history

SendChoice = Annotated[str, Depends(FormText("send"))]

router = APIRouter(prefix="/meeting-log", include_in_schema=False, route_class=PageRoute)


@router.post("/{id}/replacement")
def replace_link(services: CurrentServices, viewer: Viewer, id: Id, send: SendChoice) -> Response:
    """Give a new single-use link for a meeting, once, mail it if wanted, and show it to whoever gives it."""
    try:
        result = services.replacement.replace_link(viewer.context, id, send=bool(send))
    except (NotReplaceable, LinkDeleted, Invalid) as refusal:
        sentence = refusal.message if isinstance(refusal, Invalid) else refusal.sentence
        return redirect_to(f"/meeting-log/{id}", sentence)
    services.announce_append()
    link_id = services.scheduling.load_aggregate(Token, result.id).link_id
    path = f"/links/{link_id}/single-use/{result.id}?back=/meeting-log/{id}"
    sentence = "It goes to the guest by mail." if send else "Copy it, and send it to the guest."
    return redirect_to(path, f"Made a new single-use link. {sentence}", result.position)


def find_replacement(services: Services, viewer: Caller, id: UUID) -> FullSingleUseRow | None:
    """Return the link that replaces a meeting, None if there is none."""
    return single_use_links.find_single_use_link(services.from_log(), derive_replacement_id(id), viewer.context.now)


def is_replaceable(services: Services, viewer: Caller, id: UUID) -> bool:
    """Return whether the viewer can give a new link for a meeting that has none; the command checks again."""
    token = services.scheduling.load_aggregate(Token, id)
    link = services.links.load_aggregate(Link, token.link_id)
    policy = services.organisation.load_organisation().properties.replacement
    if not token.has_fallen_through or policy == "off" or link.deleted:
        return False
    try:
        require_booking_changeable(viewer.context, token, link)
    except (Forbidden, NotFound):
        return False
    return True


def add_replacement_event(
    story: list[Any], services: Services, replacement: FullSingleUseRow | None, zone: str
) -> list[Any]:
    """Return the story of a meeting with the event that its replacement was issued, where that happened."""
    if replacement is None:
        return story
    page = event_history.list_stream_events(services.database, replacement["id"], 1, zone=zone)
    new_events = [{**event, "deliveries": []} for event in page.items] if page else []
    return sorted([*story, *new_events], key=itemgetter("position"))
