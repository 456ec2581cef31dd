"""Core links: /v1/links."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.clock import now
from api.http.dependencies import Caller, FollowsMinPosition, Id, IdempotencyKey, IfMatch, Parts, Signed, digestible
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import answers
from api.http.responses import changed, created, link_row, page_of, shape, tag
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.request_bodies import LinkChanges, NewLink
from api.v1.response_models import Impact, Link, PageOf
from domain import link
from domain.permissions import require_link_seen
from projections import links
from projections.links import LinkFilters

router = APIRouter(prefix="/v1/links", tags=["Links"], route_class=StrictRoute)

Sort = Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]
EDIT = answers(401, 403, 404, 409, 410, 412, 413, 422, 503)


@router.post("", status_code=201, response_model=Link, responses=answers(401, 403, 409, 413, 422, 503))
def create_link(parts: Parts, caller: Signed, key: IdempotencyKey, body: NewLink, response: Response) -> Link:
    """Publishes a standard link of one's own."""
    outcome = parts.publishing.create_link(caller.context, dict(body), key, digestible(body, route="links"))
    created(response, parts, outcome)
    row = links.one(parts.from_log(outcome.position), outcome.id, outcome.at)
    return answer(parts, row, response)


@router.get("", response_model=PageOf[Link], dependencies=[FollowsMinPosition], responses=answers(401, 403, 422, 503))
def list_links(
    parts: Parts,
    caller: Signed,
    view: Annotated[Literal["mine", "library", "all"], Query(description="`all` for managers and auditors.")] = "mine",
    kind: Literal["standard", "managed"] | None = None,
    status: Literal["active", "disabled", "expired", "deleted"] | None = None,
    q: Search = None,
    sort: Sort = "-created_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Links, newest first; deleted ones only when their status is asked for."""
    caller.require(*(("manager", "auditor") if view == "all" else ("member", "auditor")))
    filters = LinkFilters(view=view, viewer=caller.person.id, kind=kind, status=status, q=q)
    page = links.page(parts.live, now(), filters, sort, limit, cursor)
    return page_of(page) | {"items": [link_row(parts, row) for row in page.items]}


@router.get("/{id}", response_model=Link, responses=answers(401, 403, 404, 503))
def get_link(parts: Parts, caller: Signed, id: Id, response: Response) -> Link:
    """A link, always current."""
    seen(parts, caller, id)
    return current(parts, id, response)


@router.get("/{id}/impact", response_model=Impact, responses=answers(401, 403, 404, 503))
def get_impact(parts: Parts, caller: Signed, id: Id) -> Impact:
    """What an edit of this link would touch."""
    seen(parts, caller, id)
    return shape(Impact, links.impact(parts.from_log(), id, now()))


@router.patch("/{id}", response_model=Link, responses=EDIT)
def change_link(parts: Parts, caller: Signed, id: Id, version: IfMatch, body: LinkChanges, response: Response) -> Link:
    """Changes a link; unused single-use links of it follow at once."""
    changed(response, parts, parts.publishing.update_link(caller.context, id, body.given(), version))
    return current(parts, id, response)


@router.delete("/{id}", status_code=204, responses=answers(401, 403, 404, 412, 413, 422, 503))
def delete_link(parts: Parts, caller: Signed, id: Id, version: IfMatch, response: Response) -> None:
    """Deletes a link; booked meetings stay, unused single-use links of it stop working."""
    changed(response, parts, parts.publishing.delete_link(caller.context, id, version))


@router.post("/{id}/disable", response_model=Link, responses=answers(401, 403, 404, 410, 413, 422, 503))
def disable_link(parts: Parts, caller: Signed, id: Id, response: Response) -> Link:
    """Switches a link off, and with it its unused single-use links."""
    changed(response, parts, parts.publishing.switch_link(caller.context, id, on=False))
    return current(parts, id, response)


@router.post("/{id}/enable", response_model=Link, responses=answers(401, 403, 404, 410, 413, 422, 503))
def enable_link(parts: Parts, caller: Signed, id: Id, response: Response) -> Link:
    """Switches a link on again."""
    changed(response, parts, parts.publishing.switch_link(caller.context, id, on=True))
    return current(parts, id, response)


def seen(parts: Oncelink, caller: Caller, id: UUID) -> None:
    """Lets only who may see a link go on. Raises Forbidden, NotFound."""
    require_link_seen(caller.context, parts.publishing.get(link.Link, id))


def current(parts: Oncelink, id: UUID, response: Response) -> Link:
    """A link from the log."""
    return answer(parts, links.one(parts.from_log(), id, now()), response)


def answer(parts: Oncelink, row: Any, response: Response) -> Link:
    """A link with its URL and version. Raises NotFound."""
    found = shape(Link, link_row(parts, row))
    tag(response, found.version)
    return found
