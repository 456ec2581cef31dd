"""A link's page: its properties, its single-use links with their states, and its events."""

from collections.abc import Container, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.dependencies import Caller, CurrentServices, Id
from api.http.responses import add_single_use_url
from api.pages.links.free_time import explain_missing_time
from api.pages.links.table_rows import PAGE_SIZE, build_table_row
from api.pages.rendering.dependencies import Viewer, WaitsForPosition
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.query_parameters import Blank, PageCursor, RowNumber, SearchQuery
from api.pages.rendering.templates import render_page
from api.services import Services
from api.v1.list_queries import SingleUseSort, SingleUseStatus
from domain.link import Link
from domain.permissions import require_link_visible
from domain.replacement import derive_replacement_id
from projections import links, meeting_log, single_use_links
from projections.meeting_log import MeetingFilters
from projections.queries.pagination import Page
from projections.single_use_links import SingleUseFilters
from replay.history import event_history
from replay.history.event_history import HistoryFilters

router = APIRouter(prefix="/links", include_in_schema=False, route_class=PageRoute)

NEWEST_FIRST = "-issued_at"
FALLEN_THROUGH = ("cancelled", "no_show")  # states of meetings that did not take place
MAX_MEETINGS = 20
MAX_STORY_EVENTS = 8  # events on the link's page, newest first
Status = Annotated[SingleUseStatus | None, Blank]
Issuer = Annotated[Literal["me"] | None, Blank]
Sort = Annotated[SingleUseSort | None, Blank]


@router.get("/{id}", dependencies=[WaitsForPosition])
def show_link(
    request: Request,
    services: CurrentServices,
    viewer: Viewer,
    id: Id,
    q: SearchQuery = None,
    status: Status = None,
    issued_by: Issuer = None,
    sort: Sort = None,
    cursor: PageCursor = None,
    row: RowNumber = 1,
    story: PageCursor = None,
) -> Response:
    """Show a link, always current. Raises NotFound for one that the viewer may not see."""
    require_link_visible(viewer.context, services.links.load_aggregate(Link, id))
    link = build_table_row(services, viewer, links.find_link(services.from_log(), id, viewer.context.now))
    issuer_id = viewer.person.id if issued_by else None
    filters = SingleUseFilters(id, status, issuer_id, q, viewer.limit_visibility("manager", "auditor"))
    return render_page(
        request,
        "links/page.html",
        link=link,
        no_time=explain_missing_time(services, id, viewer.context.now),
        filters=filters,
        meetings=list_upcoming_meetings(services, viewer, id),
        may_change="member" in viewer.context.roles,
        page=list_single_use_links(services, viewer, filters, sort or NEWEST_FIRST, cursor),
        narrowed=bool(q or status or issued_by),
        sort=sort or NEWEST_FIRST,
        row=row,
        story=event_history.list_events(
            services.database,
            HistoryFilters(stream_id=id),
            "-position",
            MAX_STORY_EVENTS,
            story,
            viewer.person.properties.time_zone,
        ),
        told_from=story,
    )


def list_upcoming_meetings(services: Services, viewer: Caller, link_id: UUID) -> Page[Any]:
    """Return the next meetings of a link that the viewer may see, and so change if they are a member."""
    visible_to = viewer.limit_visibility("manager", "auditor")
    filters = MeetingFilters(link_id=link_id, starts_from=viewer.context.now, visible_to=visible_to, not_cancelled=True)
    return meeting_log.list_meetings(services.live_source, filters, "starts_at", MAX_MEETINGS)


def list_single_use_links(
    services: Services, viewer: Caller, filters: SingleUseFilters, sort: str, cursor: str | None
) -> Page[dict[str, Any]]:
    """Return rows of single-use links, each with its meeting if the viewer may see it. Raises Invalid."""
    page = single_use_links.list_single_use_links(
        services.live_source, viewer.context.now, filters, sort, PAGE_SIZE, cursor
    )
    booking_ids = [row["booking_id"] for row in page.items if row["booking_id"]]
    visible_to = viewer.limit_visibility("manager", "auditor")
    meetings = {
        meeting["booking_id"]: meeting
        for meeting in meeting_log.find_meetings(services.live_source, booking_ids, visible_to)
    }
    rows = [{**add_single_use_url(services, viewer, row), "meeting": meetings.get(row["id"])} for row in page.items]
    replaced_ids = list_replaced_ids(services, meetings)
    replaceable_ids = find_replaceable_ids(services, viewer, meetings, replaced_ids)
    items = [
        {
            **row,
            "may_revoke": is_revocable(viewer, row),
            "replaced": row["id"] in replaced_ids,
            "may_replace": row["id"] in replaceable_ids,
        }
        for row in rows
    ]
    return Page(items, page.next_cursor, page.previous_cursor)


def is_revocable(viewer: Caller, row: Any) -> bool:
    """Return whether to offer revoking: the viewer is a member and the link is unused. The command decides."""
    return "member" in viewer.context.roles and row["status"] in ("active", "expired", "disabled", "deleted")


def list_replaced_ids(services: Services, meetings: Mapping[UUID, Any]) -> set[UUID]:
    """Return the ids of those meetings that have a replacement, as lists have it."""
    ids = {derive_replacement_id(id): id for id in meetings}
    rows = single_use_links.find_single_use_links(services.live_source, list(ids), services.clock())
    return {ids[row["id"]] for row in rows}


def find_replaceable_ids(
    services: Services, viewer: Caller, meetings: Mapping[UUID, Any], replaced_ids: Container[UUID]
) -> set[UUID]:
    """Return the ids of those meetings that the viewer sees for which to offer a new link. The command decides."""
    policy = services.organisation.load_organisation().properties.replacement
    if "member" not in viewer.context.roles or policy == "off":
        return set()
    return {id for id, row in meetings.items() if row["status"] in FALLEN_THROUGH and id not in replaced_ids}
