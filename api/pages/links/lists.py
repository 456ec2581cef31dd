"""My Links and the Links Library."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Parts
from api.pages.links.table_rows import link_rows
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, Row, Words
from api.pages.rendering.templates import go_on, render
from projections.links import LinkFilters

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Status = Annotated[Literal["active", "disabled", "expired", "deleted"] | None, Blank]
Kind = Annotated[Literal["standard", "managed"] | None, Blank]
Sort = Annotated[Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"] | None, Blank]
NEWEST = "-created_at"


@router.get("/")
def first(viewer: Viewer) -> Response:
    """My Links for those who have some; analysts begin at the meeting log."""
    return go_on("/links" if viewer.context.roles & {"member", "auditor"} else "/meeting-log")


@router.get("/links", dependencies=[CaughtUp])
def mine(
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
    """The viewer's own links."""
    viewer.require("member", "auditor")
    filters = LinkFilters(view="mine", viewer=viewer.person.id, kind=kind, status=status, q=q)
    page = link_rows(parts, viewer, filters, sort or NEWEST, cursor)
    failing = [one for one in parts.calendars.store.of_person(viewer.person.id) if one.problem]
    return render(request, "links/mine.html", **listed(page, filters, sort, row), failing=failing)


@router.get("/links/library", dependencies=[CaughtUp])
def library(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    q: Words = None,
    status: Status = None,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: Row = 1,
) -> Response:
    """Links that everybody may copy."""
    viewer.require("member", "auditor")
    filters = LinkFilters(view="library", status=status, q=q)
    page = link_rows(parts, viewer, filters, sort or NEWEST, cursor)
    return render(request, "links/library.html", **listed(page, filters, sort, row))


def listed(page: Any, filters: LinkFilters, sort: str | None, row: int) -> dict[str, Any]:
    """What the templates of lists are given."""
    narrowed = bool(filters.q or filters.status or filters.kind)
    return {"page": page, "filters": filters, "sort": sort or NEWEST, "row": row, "narrowed": narrowed}
