"""My Links and the Links Library."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.http.dependencies import Caller, CurrentServices
from api.pages.links.table_rows import list_links
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, ListParameters
from api.pages.rendering.templates import render_page
from api.pages.start.onboarding import list_open_steps
from api.services import Services
from api.v1.list_queries import LinkKind, LinkSort, LinkStatus
from projections.links import LinkFilters

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Status = Annotated[LinkStatus | None, Blank]
Kind = Annotated[LinkKind | None, Blank]
Sort = Annotated[LinkSort | None, Blank]
NEWEST_FIRST = "-created_at"


class LibraryParameters(ListParameters):
    """The query of the Links Library."""

    status: Status = None
    sort: Sort = None


class LinkListParameters(LibraryParameters):
    """The query of a list of links of both kinds."""

    kind: Kind = None


LibraryQuery = Annotated[LibraryParameters, Query()]
LinkListQuery = Annotated[LinkListParameters, Query()]


@router.get("/links", dependencies=[WaitsForPosition])
def list_own_links(request: Request, services: CurrentServices, viewer: Viewer, query: LinkListQuery) -> Response:
    """Show the viewer's own links."""
    viewer.require_any_role("member", "auditor")
    failing_calendars = [
        calendar for calendar in services.calendar_sync.store.list_calendars(viewer.person.id) if calendar.problem
    ]
    filters = LinkFilters(view="mine", viewer=viewer.person.id, kind=query.kind, status=query.status, q=query.q)
    context = build_list_context(services, viewer, filters, query)
    steps = list_open_steps(services, viewer)
    return render_page(request, "links/mine.html", **context, failing=failing_calendars, onboarding=steps)


@router.get("/links/library", dependencies=[WaitsForPosition])
def list_library_links(request: Request, services: CurrentServices, viewer: Viewer, query: LibraryQuery) -> Response:
    """Show the links that every member may copy."""
    viewer.require_any_role("member", "auditor")
    filters = LinkFilters(view="library", status=query.status, q=query.q)
    return render_page(request, "links/library.html", **build_list_context(services, viewer, filters, query))


def build_list_context(
    services: Services, viewer: Caller, filters: LinkFilters, query: LibraryParameters
) -> dict[str, Any]:
    """Build what the templates of lists of links are given. Raises Invalid."""
    sort = query.sort or NEWEST_FIRST
    return {
        "page": list_links(services, viewer, filters, sort, query.cursor),
        "filters": filters,
        "sort": sort,
        "row": query.row,
        "narrowed": bool(filters.q or filters.status or filters.kind),
    }
