"""Link Management: All Links, Managed Links, and the View Links window of one managed link."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.pages.links.lists import NEWEST, Kind, Sort, Status, listed
from api.pages.links.table_rows import PAGE, for_table, link_rows
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, Row, Words
from api.pages.rendering.templates import render
from api.services import Oncelink
from domain.managed_link import ManagedLink
from projections import links, managed_links
from projections.links import LinkFilters

router = APIRouter(prefix="/management", include_in_schema=False, route_class=PageRoute)

READERS = ("manager", "auditor")
ManagedSort = Annotated[Literal["created_at", "-created_at", "name", "-name"] | None, Blank]


@router.get("/links", dependencies=[CaughtUp])
def all_links(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    q: Words = None,
    status: Status = None,
    kind: Kind = None,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: Row = 1,
) -> Response:
    """Everybody's links (manager, auditor)."""
    viewer.require(*READERS)
    filters = LinkFilters(view="all", kind=kind, status=status, q=q)
    page = link_rows(parts, viewer, filters, sort or NEWEST, cursor)
    return render(request, "management/links.html", **listed(page, filters, sort, row))


@router.get("/managed", dependencies=[CaughtUp])
def managed(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    q: Words = None,
    sort: ManagedSort = None,
    cursor: PageCursor = None,
    row: Row = 1,
) -> Response:
    """Managed links (manager, auditor)."""
    viewer.require(*READERS)
    page = managed_links.page(parts.live, q, sort or NEWEST, PAGE, cursor)
    given: dict[str, Any] = {"page": page, "q": q, "sort": sort or NEWEST, "row": row, "narrowed": bool(q)}
    return render(request, "management/managed.html", **given)


@router.get("/managed/{id}")
def view_links(request: Request, parts: Parts, viewer: Viewer, id: Id) -> Response:
    """The View Links window: one core link for each host (manager, auditor). Always current."""
    viewer.require(*READERS)
    return render(request, "management/view_links.html", **with_links(parts, viewer, id))


def with_links(parts: Oncelink, viewer: Caller, id: UUID) -> dict[str, Any]:
    """A managed link and its hosts' links, in the order of the hosts. Raises NotFound."""
    known = parts.publishing.get(ManagedLink, id).properties
    ids = [known.links[host] for host in known.host_ids if host in known.links]
    rows = links.many(parts.from_log(), ids, viewer.context.now)
    found = managed_links.one(parts.from_log(), id)
    return {"managed": found, "links": [for_table(parts, viewer, one) for one in rows]}
