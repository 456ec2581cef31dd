"""Managed links: /v1/managed-links."""

from typing import Any

from fastapi import APIRouter, Response

from api.clock import now
from api.http.dependencies import FollowsMinPosition, Id, IdempotencyKey, IfMatch, Parts, Signed, digestible
from api.http.pagination import Cursor, Limit, Search
from api.http.problem_details import answers
from api.http.responses import changed, created, link_row, page_of, shape, tag
from api.http.strict_json import StrictRoute
from api.v1.request_bodies import ManagedLinkChanges, NewManagedLink
from api.v1.response_models import Link, ManagedLink, PageOf
from domain import managed_link
from domain.managed_link import ManagedLinkProperties
from projections import links, managed_links
from projections.links import LinkFilters

router = APIRouter(prefix="/v1/managed-links", tags=["Managed links"], route_class=StrictRoute)
READERS = ("manager", "auditor")


@router.post("", status_code=201, response_model=ManagedLink, responses=answers(401, 403, 409, 413, 422, 503))
def create_managed_link(
    parts: Parts, caller: Signed, key: IdempotencyKey, body: NewManagedLink, response: Response
) -> ManagedLink:
    """Makes a managed link, and a core link of it for each host (manager)."""
    request = digestible(body, route="managed-links")
    wanted = ManagedLinkProperties(**dict(body))
    outcome = parts.publishing.create_managed_link(caller.context, wanted, key, request)
    created(response, parts, outcome)
    return answer(managed_links.one(parts.from_log(outcome.position), outcome.id), response)


@router.get(
    "",
    response_model=PageOf[ManagedLink],
    dependencies=[FollowsMinPosition],
    responses=answers(401, 403, 422, 503),
)
def list_managed_links(
    parts: Parts, caller: Signed, q: Search = None, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """Managed links, newest first (manager, auditor)."""
    caller.require(*READERS)
    return page_of(managed_links.page(parts.live, q, limit=limit, cursor=cursor))


@router.get("/{id}", response_model=ManagedLink, responses=answers(401, 403, 404, 503))
def get_managed_link(parts: Parts, caller: Signed, id: Id, response: Response) -> ManagedLink:
    """A managed link, always current (manager, auditor)."""
    caller.require(*READERS)
    return answer(managed_links.one(parts.from_log(), id), response)


@router.patch("/{id}", response_model=ManagedLink, responses=answers(401, 403, 404, 409, 412, 413, 422, 503))
def change_managed_link(
    parts: Parts, caller: Signed, id: Id, version: IfMatch, body: ManagedLinkChanges, response: Response
) -> ManagedLink:
    """Changes a managed link and, in the same append, every host's link (manager)."""
    changed(response, parts, parts.publishing.update_managed_link(caller.context, id, body.given(), version))
    return answer(managed_links.one(parts.from_log(), id), response)


@router.get(
    "/{id}/links",
    response_model=PageOf[Link],
    dependencies=[FollowsMinPosition],
    responses=answers(401, 403, 404, 422, 503),
)
def list_links_of_managed_link(
    parts: Parts, caller: Signed, id: Id, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """The core links of a managed link, one for each host (manager, auditor)."""
    caller.require(*READERS)
    parts.publishing.get(managed_link.ManagedLink, id)
    page = links.page(parts.live, now(), LinkFilters(managed_link_id=id), "created_at", limit, cursor)
    return page_of(page) | {"items": [link_row(parts, row) for row in page.items]}


def answer(row: Any, response: Response) -> ManagedLink:
    """A managed link with its version. Raises NotFound."""
    found = shape(ManagedLink, row)
    tag(response, found.version)
    return found
