"""Core links: /v1/links."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.http.dependencies import (
    Caller,
    CurrentCaller,
    CurrentServices,
    FollowsMinPosition,
    Id,
    IdempotencyKey,
    IfMatch,
    describe_request,
)
from api.http.problem_details import describe_problems
from api.http.responses import (
    add_link_url,
    announce_change,
    announce_creation,
    require_row,
    to_page_response,
    to_versioned_response,
)
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.list_queries import LinkQuery
from api.v1.request_bodies import LinkChanges, NewLink
from api.v1.response_models import Link, PageOf
from domain import link
from domain.permissions import require_link_visible
from projections import links
from projections.links import Impact, LinkRow

router = APIRouter(prefix="/v1/links", tags=["Links"], route_class=StrictRoute)

EDIT_PROBLEMS = describe_problems(401, 403, 404, "slug_taken", "link_deleted", 412, 413, 422, 503)
SWITCH_PROBLEMS = describe_problems(401, 403, 404, "link_deleted", 413, 422, 503)


@router.post(
    "", status_code=201, response_model=Link, responses=describe_problems(401, 403, "slug_taken", 413, 422, 503)
)
def create_link(
    services: CurrentServices, caller: CurrentCaller, key: IdempotencyKey, body: NewLink, response: Response
) -> dict[str, Any]:
    """Publishes a standard link of one's own.

    The person who asks becomes owner and host; co-hosts must be free too when a meeting is booked. Without `slug`
    one is made from the name. `expires_at` may be in the past: the link is expired then. With `team_id`, one free
    member of that team joins the hosts of each meeting.
    """
    outcome = services.links.create_link(caller.context, dict(body), key, describe_request(body, route="links"))
    announce_creation(response, services, outcome)
    row = links.find_link(services.from_log(outcome.position), outcome.id, outcome.at)
    return to_link_response(services, row, response)


@router.get(
    "", response_model=PageOf[Link], dependencies=[FollowsMinPosition], responses=describe_problems(401, 403, 422, 503)
)
def list_links(
    services: CurrentServices, caller: CurrentCaller, query: Annotated[LinkQuery, Query()]
) -> dict[str, Any]:
    """Links, newest first; deleted ones only when their status is asked for.

    `view` chooses one's own links, those in the library, or all (managers and auditors). `q` finds by word prefixes
    in name and slug; `team_id` keeps the links with that team. The list follows the log within milliseconds;
    `Oncelink-Min-Position` waits for a write.
    """
    caller.require_any_role(*(("manager", "auditor") if query.view == "all" else ("member", "auditor")))
    filters = query.to_filters(caller.person.id)
    page = links.list_links(services.live_source, services.clock(), filters, query.sort, query.limit, query.cursor)
    return to_page_response(page) | {"items": [add_link_url(services, row) for row in page.items]}


@router.get("/{id}", response_model=Link, responses=describe_problems(401, 403, 404, 503))
def get_link(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> dict[str, Any]:
    """A link, always current.

    For its owner and co-hosts, managers and auditors; for every member if the link is in the library. `single_use`
    counts its single-use links. `ETag` has its version.
    """
    require_visible_link(services, caller, id)
    return load_link(services, id, response)


@router.get("/{id}/impact", response_model=Impact, responses=describe_problems(401, 403, 404, 503))
def get_impact(services: CurrentServices, caller: CurrentCaller, id: Id) -> Impact:
    """What an edit of this link would touch.

    Counts the single-use links that would follow an edit at once, and the meetings that are booked and not over,
    which stay as they are.
    """
    require_visible_link(services, caller, id)
    return require_row(links.compute_impact(services.from_log(), id, services.clock()))


@router.patch("/{id}", response_model=Link, responses=EDIT_PROBLEMS)
def change_link(
    services: CurrentServices, caller: CurrentCaller, id: Id, version: IfMatch, body: LinkChanges, response: Response
) -> dict[str, Any]:
    """Changes a link; unused single-use links of it follow at once.

    For its owner and managers; a host's link of a managed link is changed through that. A field that is absent
    stays as it is; `null` clears `expires_at` and `team_id`. A former slug is free again.
    """
    announce_change(response, services, services.links.update_link(caller.context, id, body.get_sent_fields(), version))
    return load_link(services, id, response)


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 403, 404, 412, 413, 422, 503))
def delete_link(services: CurrentServices, caller: CurrentCaller, id: Id, version: IfMatch, response: Response) -> None:
    """Deletes a link; booked meetings stay, unused single-use links of it stop working.

    For its owner and managers. Its slug stays taken. Deleting it again changes nothing.
    """
    announce_change(response, services, services.links.delete_link(caller.context, id, version))


@router.post("/{id}/disable", response_model=Link, responses=SWITCH_PROBLEMS)
def disable_link(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> dict[str, Any]:
    """Switches a link off, and with it its unused single-use links.

    For its owner and managers. Guests get 410 `link_disabled` until it is enabled. Doing it again changes nothing.
    """
    announce_change(response, services, services.links.switch_link(caller.context, id, on=False))
    return load_link(services, id, response)


@router.post("/{id}/enable", response_model=Link, responses=SWITCH_PROBLEMS)
def enable_link(services: CurrentServices, caller: CurrentCaller, id: Id, response: Response) -> dict[str, Any]:
    """Switches a link on again.

    For its owner and managers. Its unused single-use links work again, unless they were revoked or have expired. Doing
    it again changes nothing.
    """
    announce_change(response, services, services.links.switch_link(caller.context, id, on=True))
    return load_link(services, id, response)


def require_visible_link(services: Services, caller: Caller, id: UUID) -> None:
    """Require that the caller may see a link. Raises Forbidden, NotFound."""
    require_link_visible(caller.context, services.links.load_aggregate(link.Link, id))


def load_link(services: Services, id: UUID, response: Response) -> dict[str, Any]:
    """Load a link from the log and set its ETag. Raises NotFound."""
    return to_link_response(services, links.find_link(services.from_log(), id, services.clock()), response)


def to_link_response(services: Services, row: LinkRow | None, response: Response) -> dict[str, Any]:
    """Build the response of a link, and set its ETag. Raises NotFound."""
    return to_versioned_response(add_link_url(services, row), response)
