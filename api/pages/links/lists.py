"""My Links and the Links Library."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices
from api.pages.links.table_rows import list_links
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, RowNumber, SearchQuery
from api.pages.rendering.templates import redirect_to, render_page
from api.v1.list_queries import LinkKind, LinkSort, LinkStatus
from projections.links import LinkFilters

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Status = Annotated[LinkStatus | None, Blank]
Kind = Annotated[LinkKind | None, Blank]
Sort = Annotated[LinkSort | None, Blank]
NEWEST_FIRST = "-created_at"


@router.get("/")
def redirect_to_start(viewer: Viewer) -> Response:
    """Redirect to My Links, or to the meeting log for those who have no links (analysts)."""
    return redirect_to("/links" if viewer.context.roles & {"member", "auditor"} else "/meeting-log")


@router.get("/links", dependencies=[WaitsForPosition])
def list_own_links(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    q: SearchQuery = None,
    status: Status = None,
    kind: Kind = None,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: RowNumber = 1,
) -> Response:
    """Show the viewer's own links."""
    viewer.require_any_role("member", "auditor")
    filters = LinkFilters(view="mine", viewer=viewer.person.id, kind=kind, status=status, q=q)
    page = list_links(services, viewer, filters, sort or NEWEST_FIRST, cursor)
    failing_calendars = [
        calendar for calendar in services.calendar_sync.store.list_calendars(viewer.person.id) if calendar.problem
    ]
    return render_page(
        request, "links/mine.html", **build_list_context(page, filters, sort, row), failing=failing_calendars
    )


@router.get("/links/library", dependencies=[WaitsForPosition])
def list_library_links(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    q: SearchQuery = None,
    status: Status = None,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: RowNumber = 1,
) -> Response:
    """Show the links that every member may copy."""
    viewer.require_any_role("member", "auditor")
    filters = LinkFilters(view="library", status=status, q=q)
    page = list_links(services, viewer, filters, sort or NEWEST_FIRST, cursor)
    return render_page(request, "links/library.html", **build_list_context(page, filters, sort, row))


def build_list_context(page: Any, filters: LinkFilters, sort: str | None, row: int) -> dict[str, Any]:
    """Build what the templates of lists are given."""
    is_filtered = bool(filters.q or filters.status or filters.kind)
    return {"page": page, "filters": filters, "sort": sort or NEWEST_FIRST, "row": row, "narrowed": is_filtered}
