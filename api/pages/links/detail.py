"""A link's page: its properties, its single-use links with their states, and its story from the log."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Caller, Id, Parts
from api.http.responses import single_use_row
from api.pages.links.table_rows import PAGE, for_table
from api.pages.rendering.dependencies import CaughtUp, Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, Row, Words
from api.pages.rendering.templates import render
from api.services import Oncelink
from domain.link import Link
from domain.permissions import require_link_seen
from projections import links, meeting_log, single_use_links
from projections.queries.pagination import Page
from projections.single_use_links import SingleUseFilters
from replay.history import event_history
from replay.history.event_history import HistoryFilters

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

NEWEST = "-issued_at"
TOLD = 8  # events of the story on the link's page, newest first
Status = Annotated[Literal["active", "booked", "expired", "revoked", "disabled", "deleted"] | None, Blank]
Issuer = Annotated[Literal["me"] | None, Blank]
Sort = Annotated[Literal["issued_at", "-issued_at"] | None, Blank]


@router.get("/{id}", dependencies=[CaughtUp])
def link_page(
    request: Request,
    parts: Parts,
    viewer: Viewer,
    id: Id,
    q: Words = None,
    status: Status = None,
    issued_by: Issuer = None,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: Row = 1,
    story: PageCursor = None,
) -> Response:
    """One link, as it is now. Raises NotFound for one that the viewer may not see."""
    require_link_seen(viewer.context, parts.publishing.get(Link, id))
    link = for_table(parts, viewer, links.one(parts.from_log(), id, viewer.context.now))
    mine = viewer.person.id if issued_by else None
    filters = SingleUseFilters(id, status, mine, q, viewer.sees_all("manager", "auditor"))
    return render(
        request,
        "links/page.html",
        link=link,
        filters=filters,
        page=single_use_page(parts, viewer, filters, sort or NEWEST, cursor),
        narrowed=bool(q or status or issued_by),
        sort=sort or NEWEST,
        row=row,
        story=event_history.page(parts.database, HistoryFilters(stream_id=id), "-position", TOLD, story),
        told_from=story,
    )


def single_use_page(
    parts: Oncelink, viewer: Caller, filters: SingleUseFilters, sort: str, cursor: str | None
) -> Page[dict[str, Any]]:
    """Single-use links for the table, each with its meeting where the viewer may see that. Raises Invalid."""
    found = single_use_links.page(parts.live, viewer.context.now, filters, sort, PAGE, cursor)
    booked = [one["booking_id"] for one in found.items if one["booking_id"]]
    seen_by = viewer.sees_all("manager", "auditor")
    meetings = {one["booking_id"]: one for one in meeting_log.many(parts.live, booked, seen_by)}
    rows = [{**single_use_row(parts, viewer, one), "meeting": meetings.get(one["id"])} for one in found.items]
    items = [{**one, "may_revoke": may_revoke(viewer, one)} for one in rows]
    return Page(items, found.next_cursor, found.previous_cursor)


def may_revoke(viewer: Caller, row: Any) -> bool:
    """Whether to offer it: whoever sees an unused one in the list as a member may; the command decides."""
    return "member" in viewer.context.roles and row["status"] in ("active", "expired", "disabled", "deleted")
