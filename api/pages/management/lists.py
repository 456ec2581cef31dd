"""Link Management: All Links, Managed Links, and the View Links page of one managed link."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.pages.links.lists import NEWEST_FIRST, LinkListQuery, build_list_context
from api.pages.links.table_rows import PAGE_SIZE, build_table_row
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, ListParameters
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.list_queries import LinkStatus
from domain.managed_link import ManagedLink
from projections import links, managed_links
from projections.links import LinkFilters
from projections.managed_links import ManagedLinkFilters

router = APIRouter(prefix="/management", include_in_schema=False, route_class=PageRoute)

READER_ROLES = ("manager", "auditor")
Status = Annotated[LinkStatus | None, Blank]
ManagedSort = Annotated[Literal["created_at", "-created_at", "name", "-name"] | None, Blank]


class ManagedListParameters(ListParameters):
    """The query of the list of managed links."""

    sort: ManagedSort = None
    status: Status = None


ManagedListQuery = Annotated[ManagedListParameters, Query()]


@router.get("/links", dependencies=[WaitsForPosition])
def list_all_links(request: Request, services: CurrentServices, viewer: Viewer, query: LinkListQuery) -> Response:
    """Show everybody's links (manager, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    filters = LinkFilters(view="all", kind=query.kind, status=query.status, q=query.q)
    return render_page(request, "management/links.html", **build_list_context(services, viewer, filters, query))


@router.get("/managed", dependencies=[WaitsForPosition])
def list_managed_links(
    request: Request, services: CurrentServices, viewer: Viewer, query: ManagedListQuery
) -> Response:
    """Show managed links (manager, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    sort = query.sort or NEWEST_FIRST
    filters = ManagedLinkFilters(query.status, query.q)
    page = managed_links.list_managed_links(
        services.live_source, viewer.context.now, filters, sort, PAGE_SIZE, query.cursor
    )
    return render_page(request, "management/managed.html", page=page, filters=filters, sort=sort, row=query.row)


@router.get("/managed/{id}")
def view_links(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the core link of each host of a managed link, always current (manager, auditor)."""
    viewer.require_any_role(*READER_ROLES)
    return render_page(request, "management/view_links.html", **build_managed_link_context(services, viewer, id))


def build_managed_link_context(services: Services, viewer: Caller, id: UUID) -> dict[str, Any]:
    """Return a managed link and its hosts' links, in the order of the hosts. Raises NotFound."""
    properties = services.links.load_aggregate(ManagedLink, id).properties
    ids = [properties.links[host] for host in properties.host_ids if host in properties.links]
    rows = links.find_links(services.from_log(), ids, viewer.context.now)
    managed_link = managed_links.find_managed_link(services.from_log(), id, viewer.context.now)
    return {
        "managed": managed_link,
        "links": [build_table_row(services, viewer, row) for row in rows],
    }
