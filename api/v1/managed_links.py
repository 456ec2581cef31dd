"""Managed links: /v1/managed-links."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.dependencies import (
    CurrentCaller,
    CurrentServices,
    FollowsMinPosition,
    Id,
    IdempotencyKey,
    IfMatch,
    describe_request,
)
from api.http.pagination import Cursor, Limit
from api.http.problem_details import describe_problems
from api.http.responses import (
    add_link_url,
    announce_change,
    announce_creation,
    to_page_response,
    to_versioned_response,
)
from api.http.strict_json import StrictRoute
from api.v1.list_queries import SearchQuery
from api.v1.request_bodies import ManagedLinkChanges, NewManagedLink
from api.v1.response_models import Link, ManagedLink, PageOf
from domain import managed_link
from domain.managed_link import ManagedLinkProperties
from projections import links, managed_links
from projections.links import LinkFilters
from projections.managed_links import ManagedLinkRow

router = APIRouter(prefix="/v1/managed-links", tags=["Managed links"], route_class=StrictRoute)
READERS = ("manager", "auditor")


@router.post(
    "", status_code=201, response_model=ManagedLink, responses=describe_problems(401, 403, "slug_taken", 413, 422, 503)
)
def create_managed_link(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewManagedLink, response: Response
) -> ManagedLinkRow:
    """Makes a managed link, and a core link of it for each host (manager)."""
    request = describe_request(body, route="managed-links")
    properties = ManagedLinkProperties(**dict(body))
    outcome = services.links.create_managed_link(caller.context, properties, key, request)
    announce_creation(response, services, outcome)
    return to_versioned_response(
        managed_links.find_managed_link(services.from_log(outcome.position), outcome.id), response
    )


@router.get(
    "",
    response_model=PageOf[ManagedLink],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 403, 422, 503),
)
def list_managed_links(
    services: CurrentServices, caller: CurrentCaller, query: Annotated[SearchQuery, Query()]
) -> dict[str, Any]:
    """Managed links, newest first (manager, auditor)."""
    caller.require_any_role(*READERS)
    return to_page_response(
        managed_links.list_managed_links(services.live_source, query.q, limit=query.limit, cursor=query.cursor)
    )


@router.get("/{id}", response_model=ManagedLink, responses=describe_problems(401, 403, 404, 503))
def get_managed_link(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> ManagedLinkRow:
    """A managed link, always current (manager, auditor)."""
    caller.require_any_role(*READERS)
    return to_versioned_response(managed_links.find_managed_link(services.from_log(), id), response)


@router.patch(
    "/{id}", response_model=ManagedLink, responses=describe_problems(401, 403, 404, "slug_taken", 412, 413, 422, 503)
)
def change_managed_link(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    version: IfMatch,
    body: ManagedLinkChanges,
    response: Response,
) -> ManagedLinkRow:
    """Changes a managed link and, in the same append, every host's link (manager)."""
    announce_change(
        response, services, services.links.update_managed_link(caller.context, id, body.get_sent_fields(), version)
    )
    return to_versioned_response(managed_links.find_managed_link(services.from_log(), id), response)


@router.get(
    "/{id}/links",
    response_model=PageOf[Link],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 403, 404, 422, 503),
)
def list_links_of_managed_link(
    services: CurrentServices, caller: CurrentCaller, id: Id, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """The core links of a managed link, one for each host (manager, auditor)."""
    caller.require_any_role(*READERS)
    services.links.load_aggregate(managed_link.ManagedLink, id)
    page = links.list_links(
        services.live_source, services.clock(), LinkFilters(managed_link_id=id), "created_at", limit, cursor
    )
    return to_page_response(page) | {"items": [add_link_url(services, row) for row in page.items]}
