"""Managed links: /v1/managed-links."""

from typing import Annotated, Any
from uuid import UUID

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
from api.services import Services
from api.v1.list_queries import ManagedLinkQuery
from api.v1.request_bodies import ManagedLinkChanges, NewManagedLink
from api.v1.response_models import Link, ManagedLink, PageOf
from domain import managed_link
from domain.managed_link import ManagedLinkProperties
from projections import links, managed_links
from projections.links import LinkFilters
from projections.managed_links import ManagedLinkFilters, ManagedLinkRow

router = APIRouter(prefix="/v1/managed-links", tags=["Managed links"], route_class=StrictRoute)
READERS = ("manager", "auditor")
SWITCH_PROBLEMS = describe_problems(401, 403, 404, "link_deleted", 413, 422, 503)


@router.post(
    "", status_code=201, response_model=ManagedLink, responses=describe_problems(401, 403, "slug_taken", 413, 422, 503)
)
def create_managed_link(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewManagedLink, response: Response
) -> ManagedLinkRow:
    """Makes a managed link, and a core link of it for each host (manager).

    Each host gets a core link of kind `managed` with the slug `{slug}-{part for the host}`, which they can copy and
    not edit.
    """
    request = describe_request(body, route="managed-links")
    properties = ManagedLinkProperties(**dict(body))
    outcome = services.links.create_managed_link(caller.context, properties, key, request)
    announce_creation(response, services, outcome)
    return to_versioned_response(
        managed_links.find_managed_link(services.from_log(outcome.position), outcome.id, outcome.at), response
    )


@router.get(
    "",
    response_model=PageOf[ManagedLink],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 403, 422, 503),
)
def list_managed_links(
    services: CurrentServices, caller: CurrentCaller, query: Annotated[ManagedLinkQuery, Query()]
) -> dict[str, Any]:
    """Managed links, newest first (manager, auditor).

    Deleted ones only when their status is asked for. `q` finds by word prefixes in the name and slug.
    """
    caller.require_any_role(*READERS)
    return to_page_response(
        managed_links.list_managed_links(
            services.live_source,
            services.clock(),
            ManagedLinkFilters(query.status, query.q, query.team_id),
            limit=query.limit,
            cursor=query.cursor,
        )
    )


@router.get("/{id}", response_model=ManagedLink, responses=describe_problems(401, 403, 404, 503))
def get_managed_link(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> ManagedLinkRow:
    """A managed link, always current (manager, auditor).

    `hosts` are those who have a link of it. `ETag` has its version.
    """
    caller.require_any_role(*READERS)
    return load_managed_link(services, id, response)


@router.patch(
    "/{id}",
    response_model=ManagedLink,
    responses=describe_problems(401, 403, 404, "slug_taken", "link_deleted", 412, 413, 422, 503),
)
def change_managed_link(
    services: CurrentServices,
    caller: CurrentCaller,
    id: Id,
    version: IfMatch,
    body: ManagedLinkChanges,
    response: Response,
) -> ManagedLinkRow:
    """Changes a managed link and, in the same append, every host's link (manager).

    A field that is absent stays as it is; `null` clears `expires_at` and `team_id`. A host who is taken off
    has their link deleted; one who is added gets a link.
    """
    announce_change(
        response, services, services.links.update_managed_link(caller.context, id, body.get_sent_fields(), version)
    )
    return load_managed_link(services, id, response)


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 403, 404, 412, 413, 422, 503))
def delete_managed_link(
    services: CurrentServices, caller: CurrentCaller, id: Id, version: IfMatch, response: Response
) -> None:
    """Deletes a managed link and, in the same append, every host's link (manager).

    Booked meetings stay; unused single-use links of these links stop working.
    """
    announce_change(response, services, services.links.delete_managed_link(caller.context, id, version))


@router.post("/{id}/disable", response_model=ManagedLink, responses=SWITCH_PROBLEMS)
def disable_managed_link(
    services: CurrentServices, caller: CurrentCaller, id: Id, response: Response
) -> ManagedLinkRow:
    """Switches a managed link and every host's link off (manager).

    Their unused single-use links are off too. Guests get 410 `link_disabled` until it is enabled.
    Doing it again changes nothing.
    """
    announce_change(response, services, services.links.switch_managed_link(caller.context, id, on=False))
    return load_managed_link(services, id, response)


@router.post("/{id}/enable", response_model=ManagedLink, responses=SWITCH_PROBLEMS)
def enable_managed_link(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> ManagedLinkRow:
    """Switches a managed link and every host's link on again (manager).

    A host's link that was switched off alone before stays off. The unused single-use links of the others work again,
    unless they were revoked or have expired. Doing it again changes nothing.
    """
    announce_change(response, services, services.links.switch_managed_link(caller.context, id, on=True))
    return load_managed_link(services, id, response)


@router.get(
    "/{id}/links",
    response_model=PageOf[Link],
    dependencies=[FollowsMinPosition],
    responses=describe_problems(401, 403, 404, 422, 503),
)
def list_links_of_managed_link(
    services: CurrentServices, caller: CurrentCaller, id: Id, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """The core links of a managed link, one for each host (manager, auditor).

    Deleted ones of former hosts are not listed.
    """
    caller.require_any_role(*READERS)
    services.links.load_aggregate(managed_link.ManagedLink, id)
    page = links.list_links(
        services.live_source, services.clock(), LinkFilters(managed_link_id=id), "created_at", limit, cursor
    )
    return to_page_response(page) | {"items": [add_link_url(services, row) for row in page.items]}


def load_managed_link(services: Services, id: UUID, response: Response) -> ManagedLinkRow:
    """Load a managed link from the log and set its ETag. Raises NotFound."""
    return to_versioned_response(managed_links.find_managed_link(services.from_log(), id, services.clock()), response)
