"""One single-use link of a link: what it is, its address for who issued it, its story; and withdrawing it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Path, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.http.responses import single_use_row
from api.http.validation_messages import known_id
from api.pages.links.detail import may_revoke
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.forms import WrongForm, checked
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.pages.rendering.urls import local
from api.services import Oncelink
from api.v1.request_bodies import Reason
from api.v1.single_use_links import refuse_unless_seen
from domain.link import Link
from domain.permissions import require_token_revoked
from domain.refusals import AlreadyBooked, NotFound
from domain.token import Token
from projections import meeting_log, single_use_links
from replay.history import event_history

router = APIRouter(prefix="/links/{id}/single-use", include_in_schema=False, route_class=PageRoute)

MOST_EVENTS = 50
Back = Annotated[str, Form(max_length=2000)]


def token_in_path(token: Annotated[str, Path()]) -> UUID:
    """The `{token}` of a path. Raises NotFound."""
    return known_id(token)


TokenId = Annotated[UUID, Depends(token_in_path)]


@router.get("/{token}")
def details(
    request: Request, parts: Parts, viewer: Viewer, id: Id, token: TokenId, back: str | None = None
) -> Response:
    """A single-use link, always current."""
    row = seen(parts, viewer, id, token)
    events = event_history.stream(parts.database, token, MOST_EVENTS)
    path = local(back) if back else f"/links/{id}"
    return render(
        request, "links/single_use.html", one=row, meeting=meeting_of(parts, viewer, row), events=events, back=path
    )


@router.get("/{token}/revoke")
def ask_revoke(
    request: Request, parts: Parts, viewer: Viewer, id: Id, token: TokenId, back: str | None = None
) -> Response:
    """Asks before a single-use link is withdrawn."""
    row = seen(parts, viewer, id, token)
    require_token_revoked(viewer.context, parts.scheduling.get(Token, token), parts.publishing.get(Link, id))
    if row["status"] == "booked":
        raise AlreadyBooked
    return asked(request, row, local(back) if back else f"/links/{id}")


@router.post("/{token}/revoke")
def revoke(
    request: Request, parts: Parts, viewer: Viewer, id: Id, token: TokenId, reason: str = Form(""), back: Back = "/"
) -> Response:
    """Withdraws a single-use link, and says why."""
    row = seen(parts, viewer, id, token)
    try:
        given = checked(Reason, {"reason": reason.strip() or None})
    except WrongForm as error:
        return asked(request, row, local(back), reason, error.errors, 422)
    position = parts.issuing.revoke(viewer.context, token, given.reason)
    if position is not None:
        parts.appended()
    who = (row["recipient"] or {}).get("name") or (row["recipient"] or {}).get("email")
    return go_on(local(back), f"Revoked the single-use link{f' for {who}' if who else ''}.", position)


def seen(parts: Oncelink, viewer: Caller, link_id: UUID, token_id: UUID) -> dict[str, Any]:
    """A single-use link of this link. Raises Forbidden, NotFound."""
    viewer.require("member", "auditor")
    token = parts.scheduling.get(Token, token_id)
    refuse_unless_seen(parts, viewer, token)
    if token.link_id != link_id:
        raise NotFound
    row = single_use_row(parts, viewer, single_use_links.one(parts.from_log(), token_id, viewer.context.now))
    return {**row, "may_revoke": may_revoke(viewer, row)}


def meeting_of(parts: Oncelink, viewer: Caller, row: dict[str, Any]) -> Any:
    """The meeting that it booked, if there is one that the viewer may see."""
    ids = [row["booking_id"]] if row["booking_id"] else []
    return next(iter(meeting_log.many(parts.live, ids, viewer.sees_all("manager", "auditor"))), None)


def asked(
    request: Request,
    row: dict[str, Any],
    back: str,
    reason: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The page of the question."""
    return render(request, "links/revoke.html", status, one=row, back=back, reason=reason, errors=errors or {})
