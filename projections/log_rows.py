"""What the meeting log answers: meetings, or by the same filters single-use links that booked nothing so far."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from projections import links, meeting_log
from projections.meeting_log import MeetingFilters, MeetingRow
from projections.queries.pagination import MAX_ROWS, Page
from projections.queries.query import QuerySource, WhereClause, iterate_pages
from projections.queries.word_search import match_details_or_link
from projections.single_use_links import LISTING, FullSingleUseRow

NOT_BOOKED = "not_booked"
COPIED_FIELDS = (
    *("link", "recipient", "label", "meeting_type", "issued_by", "issued_at"),
    *("expires_at", "replaces", "source", "erased"),
)
NEVER = "false"  # what was not booked has no such time, and came by no other kind of link
LINKS_OF_HOST = """SELECT l.link_id FROM links AS l
    WHERE l.owner_id = %(host_id)s OR l.co_host_ids @> ARRAY[%(host_id)s::uuid]"""
LINKS_OF_TEAM = "SELECT l.link_id FROM links AS l WHERE l.team_id = %(team_id)s"
LINKS_OF_TYPE = "SELECT l.link_id FROM links AS l WHERE l.meeting_type_id = %(meeting_type_id)s"
FILTERS = {
    "link_type": "%(link_type)s = 'single_use'",
    "hide_single_use": NEVER,
    "host_id": f"s.link_id = ANY(ARRAY({LINKS_OF_HOST}))",
    "link_id": "s.link_id = %(link_id)s",
    "meeting_type_id": f"s.link_id = ANY(ARRAY({LINKS_OF_TYPE}))",
    "team_id": f"s.link_id = ANY(ARRAY({LINKS_OF_TEAM}))",
    **dict.fromkeys(("booked_from", "booked_to", "starts_from", "starts_to"), NEVER),
    "visible_to": "(s.issued_by = %(visible_to)s OR s.link_id = ANY(%(owned_links)s))",
}


def list_unbooked_links(
    source: QuerySource,
    now: datetime,
    filters: MeetingFilters,
    sort: str = "-booked_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[FullSingleUseRow]:
    """One page of single-use links that booked nothing, revoked ones too, in the order in which they were issued.

    Filters by times of bookings or meetings leave nothing. Raises Invalid for a foreign cursor.
    """
    order = "-issued_at" if sort.startswith("-") else "issued_at"
    return LISTING.fetch_page(source, build_where_clause(source, now, filters), order, limit, cursor)


def iterate_unbooked_links(
    source: QuerySource, now: datetime, filters: MeetingFilters, sort: str = "-booked_at"
) -> Iterator[FullSingleUseRow]:
    """All of them, read page after page, for a download."""
    return iterate_pages(lambda cursor: list_unbooked_links(source, now, filters, sort, MAX_ROWS, cursor))


def build_where_clause(source: QuerySource, now: datetime, filters: MeetingFilters) -> WhereClause:
    """The WHERE clause of the filters of the meeting log."""
    owned_link_ids = links.list_owned_link_ids(source, filters.visible_to) if filters.visible_to else []
    params = {**asdict(filters), "now": now, "owned_links": owned_link_ids}
    where = WhereClause.from_filters(FILTERS, params).add_conditions(["s.state <> 'booked'"], {})
    if not filters.q:
        return where
    return where.add_conditions(*match_details_or_link(source, filters.q, ("s.details_id",), link="s.link_id"))


def list_rows(
    source: QuerySource, now: datetime, filters: MeetingFilters, sort: str, limit: int = 50, cursor: str | None = None
) -> Page[Any]:
    """One page of rows by the filters of the meeting log. Raises Invalid for a foreign cursor."""
    if filters.status != NOT_BOOKED:
        return meeting_log.list_meetings(source, filters, sort, limit, cursor)
    page = list_unbooked_links(source, now, filters, sort, limit, cursor)
    return Page([to_log_row(row) for row in page.items], page.next_cursor, page.previous_cursor)


def iterate_rows(source: QuerySource, now: datetime, filters: MeetingFilters, sort: str) -> Iterator[Any]:
    """All rows, each with the fields of a meeting, for a download."""
    if filters.status != NOT_BOOKED:
        return meeting_log.iterate_meetings(source, filters, sort)
    rows = iterate_unbooked_links(source, now, filters, sort)
    return (dict.fromkeys(MeetingRow.__annotations__) | to_log_row(row) for row in rows)


def to_log_row(row: FullSingleUseRow) -> dict[str, Any]:
    """A single-use link that booked nothing as a row of the meeting log."""
    copied: dict[str, Any] = {name: value for name, value in row.items() if name in COPIED_FIELDS}
    names = {"single_use_id": row["id"], "status": NOT_BOOKED, "link_status": row["status"], "link_type": "single_use"}
    return names | copied
