"""The meeting log: a row for every token that was booked, and the queries of this read model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from typing_extensions import TypedDict

from projections import links
from projections.column_kinds import Column, Composed, Computed, Detail, Details, Erased, Hidden, Reference
from projections.columns import Columns
from projections.queries.name_lookups import LINK, MEETING_TYPE, PERSON, TEAM, Named
from projections.queries.pagination import MAX_ROWS, Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause, iterate_pages
from projections.queries.word_search import match_details_or_link
from projections.questions import AnswerRow
from projections.read_model import (
    ReadModel,
    has_event,
    is_event,
    select_ids,
    select_last_payload,
    select_switch_state,
)
from projections.single_use_links import Recipient
from projections.team_choices import CHOSEN, LAST_CHOICE, ChoiceRow, to_choice

# of the guest, of the single-use link, and of the cancellation
DETAILS = Details("details_id", "(booked ->> 'details_id')::uuid", alias="m")
ISSUE_DETAILS = Details("issue_details_id", "(issued ->> 'details_id')::uuid", alias="m")
CANCEL_DETAILS = Details("cancel_details_id", "(cancelled ->> 'details_id')::uuid", alias="m")
ALL_DETAILS = (DETAILS, ISSUE_DETAILS, CANCEL_DETAILS)
STATUS = """CASE WHEN cancelled IS NOT NULL THEN 'cancelled' WHEN is_no_show THEN 'no_show'
    WHEN moved IS NOT NULL THEN 'rescheduled' ELSE 'scheduled' END"""

MeetingStatus = Literal["scheduled", "rescheduled", "cancelled", "no_show"]


class Guest(TypedDict):
    """Who booked a meeting."""

    name: str
    email: str
    time_zone: str


class MeetingRow(TypedDict):
    """A row of the meeting log. Each field is a column everywhere: in the table, lists, the API, CSV and the view.

    `erased`: personal details of it were erased; `guest` then is None.
    """

    booking_id: Annotated[UUID, Column("stream_id")]
    booked_at: Annotated[datetime, Column("(booked ->> 'occurred_at')::timestamptz")]
    status: Annotated[MeetingStatus, Column(STATUS)]
    link_type: Annotated[
        Literal["standard", "managed", "single_use"],
        Column("CASE WHEN issued IS NOT NULL THEN 'single_use' ELSE booked ->> 'link_kind' END"),
    ]
    link: Annotated[Named, Reference(LINK, "(booked ->> 'link_id')::uuid")]
    single_use_id: Annotated[UUID | None, Computed("CASE WHEN m.link_type = 'single_use' THEN m.booking_id END")]
    recipient: Annotated[Recipient | None, Detail(ISSUE_DETAILS, "recipient")]
    label: Annotated[str | None, Detail(ISSUE_DETAILS, "label")]
    metadata: Annotated[dict[str, str], Detail(ISSUE_DETAILS, "metadata")]
    meeting_type: Annotated[Named, Reference(MEETING_TYPE, "(booked ->> 'meeting_type_id')::uuid")]
    host: Annotated[Named, Reference(PERSON, ids="m.host_ids[1]")]
    co_hosts: Annotated[list[Named], Reference(PERSON, ids="m.host_ids[2:]")]
    team: Annotated[Named | None, Reference(TEAM, "(chosen ->> 'team_id')::uuid")]
    guest: Annotated[Guest | None, Detail(DETAILS, "guest")]
    answers: Annotated[list[AnswerRow], Detail(DETAILS, "answers")]
    starts_at: Annotated[datetime, Column("(coalesce(moved, booked) ->> 'starts_at')::timestamptz")]
    ends_at: Annotated[datetime, Column("(coalesce(moved, booked) ->> 'ends_at')::timestamptz")]
    reschedule_count: Annotated[int, Column("reschedule_count")]
    previous_starts_at: Annotated[datetime | None, Column("(moved ->> 'previous_starts_at')::timestamptz")]
    cancelled_at: Annotated[datetime | None, Column("(cancelled ->> 'occurred_at')::timestamptz")]
    cancelled_by: Annotated[Literal["guest", "host"] | None, Column("cancelled ->> 'cancelled_by'")]
    cancel_reason: Annotated[str | None, Detail(CANCEL_DETAILS, "reason")]
    no_show_at: Annotated[
        datetime | None, Column("CASE WHEN is_no_show THEN (no_show ->> 'occurred_at')::timestamptz END")
    ]
    issued_by: Annotated[Named | None, Reference(PERSON, "(issued ->> 'issued_by')::uuid", column="issued_by")]
    issued_at: Annotated[datetime | None, Column("(issued ->> 'occurred_at')::timestamptz")]
    replaces: Annotated[UUID | None, Column("(issued ->> 'replaces')::uuid")]
    source: Annotated[str, Column("booked ->> 'source'")]
    erased: Annotated[bool, Erased(ALL_DETAILS)]


class BookingRow(MeetingRow):
    """A booked meeting with what only its own page and API resource have."""

    notes: Annotated[str | None, Detail(DETAILS, "notes", before="starts_at")]
    locale: Annotated[str | None, Column("booked ->> 'locale'", before="version")]
    chosen: Annotated[ChoiceRow | None, Composed(lambda record: to_choice(record["chosen"]))]
    version: Annotated[int, Column("version")]


COLUMNS = Columns(
    BookingRow,
    alias="m",
    key="booking_id",
    hidden=(
        Hidden("host_ids", "uuid[] NOT NULL", select_ids("with_hosts", "host_ids"), before="starts_at"),
        *(details.build_hidden(before="version") for details in ALL_DETAILS),
        Hidden("chosen", "jsonb", "chosen", before="version", selected=(CHOSEN,)),
    ),
    copied_first=True,
)
VIEW = COLUMNS.build_view(MeetingRow, "meeting_log")

MEETING_LOG = ReadModel(
    name="meeting_log",
    version=6,
    key="booking_id",
    table=COLUMNS.table,
    indexes=(
        "(booked_at, booking_id, starts_at)",  # the last column: an index-only scan can filter by the other time
        "(starts_at, booking_id, booked_at)",
        "(status, booked_at, booking_id)",
        "(link_type, booked_at, booking_id)",
        "(link_id, booked_at, booking_id)",
        "(link_id, starts_at, booking_id)",
        "(meeting_type_id, booked_at, booking_id)",
        "(team_id, booked_at, booking_id) WHERE team_id IS NOT NULL",
        "USING gin (host_ids)",
        "(details_id)",
        "(issue_details_id) WHERE issue_details_id IS NOT NULL",
    ),
    rows=f"""
        SELECT {COLUMNS.fold}
        FROM (
            SELECT stream_id, max(version) AS version, {select_last_payload("SingleUseIssued")} AS issued,
                   {select_last_payload("MeetingBooked")} AS booked, {select_last_payload("Rescheduled")} AS moved,
                   {select_last_payload("MeetingBooked", "MeetingReassigned")} AS with_hosts,
                   {select_last_payload("MeetingCancelled")} AS cancelled, {LAST_CHOICE} AS chosen,
                   {select_last_payload("NoShowMarked")} AS no_show,
                   {select_switch_state("NoShowMarked", "NoShowUnmarked", False)} AS is_no_show,
                   (count(*) FILTER (WHERE {is_event("Rescheduled")}))::int AS reschedule_count
            FROM {{log}} AS log
            GROUP BY stream_id
            HAVING {has_event("MeetingBooked")}
        ) AS token
    """,
    events=(
        *("SingleUseIssued", "DirectIssued", "MeetingBooked", "Rescheduled", "MeetingReassigned", "MeetingCancelled"),
        *("NoShowMarked", "NoShowUnmarked"),
    ),
)


@dataclass(frozen=True, slots=True)
class MeetingFilters:
    """Filters of the meeting log; `…_from` is included, `…_to` is not.

    `host_id` is a host or co-host; `visible_to` keeps the meetings that the person hosts or co-hosts, and those of
    links that the person owns; `not_cancelled` leaves out cancelled ones. `q` is a word prefix over guest name and
    e-mail address, recipient and link name.
    """

    link_type: str | None = None
    hide_single_use: bool = False
    status: str | None = None
    host_id: UUID | None = None
    link_id: UUID | None = None
    meeting_type_id: UUID | None = None
    team_id: UUID | None = None
    q: str | None = None
    booked_from: datetime | None = None
    booked_to: datetime | None = None
    starts_from: datetime | None = None
    starts_to: datetime | None = None
    visible_to: UUID | None = None
    not_cancelled: bool = False


# A booking is never later than its start. So a lower bound of the booking time also bounds the start, and an upper
# bound of the start also bounds the booking time: an index in the other order then begins at the first row.
FILTERS = {
    "link_type": "m.link_type = %(link_type)s",
    "hide_single_use": "m.link_type IN ('standard', 'managed')",
    "status": "m.status = %(status)s",
    "host_id": "m.host_ids @> ARRAY[%(host_id)s::uuid]",
    "link_id": "m.link_id = %(link_id)s",
    "meeting_type_id": "m.meeting_type_id = %(meeting_type_id)s",
    "team_id": "m.team_id = %(team_id)s",
    "booked_from": "m.booked_at >= %(booked_from)s AND m.starts_at >= %(booked_from)s",
    "booked_to": "m.booked_at < %(booked_to)s",
    "starts_from": "m.starts_at >= %(starts_from)s",
    "not_cancelled": "m.status <> 'cancelled'",
    "starts_to": "m.starts_at < %(starts_to)s AND m.booked_at < %(starts_to)s",
    "visible_to": "(m.host_ids @> ARRAY[%(visible_to)s::uuid] OR m.link_id = ANY(%(owned_links)s))",
}

LISTING = Listing(
    columns=COLUMNS.select,
    relation="meeting_log AS m",
    key="m.booking_id",
    sorts={"booked_at": Sort("m.booked_at", "timestamptz"), "starts_at": Sort("m.starts_at", "timestamptz")},
    to_row=COLUMNS.read_row,
)


def find_meeting(source: QuerySource, id: UUID) -> BookingRow | None:
    """A booked meeting; None when there is none."""
    return LISTING.find_by_id(source, id)


def find_meetings(source: QuerySource, ids: Sequence[UUID], visible_to: UUID | None = None) -> list[BookingRow]:
    """The booked meetings of these ids, in their order, if `visible_to` may see them. Others are left out."""
    return LISTING.find_by_ids(source, ids, build_where_clause(source, MeetingFilters(visible_to=visible_to)))


def list_meetings(
    source: QuerySource,
    filters: MeetingFilters,
    sort: str = "-booked_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[BookingRow]:
    """One page of booked meetings, newest booking first. Raises Invalid for an unknown sort or a foreign cursor."""
    return LISTING.fetch_page(source, build_where_clause(source, filters), sort, limit, cursor)


def build_where_clause(source: QuerySource, filters: MeetingFilters) -> WhereClause:
    """The WHERE clause of the filters."""
    owned_link_ids = links.list_owned_link_ids(source, filters.visible_to) if filters.visible_to else []
    where_clause = WhereClause.from_filters(FILTERS, asdict(filters) | {"owned_links": owned_link_ids})
    if not filters.q:
        return where_clause
    return where_clause.add_conditions(
        *match_details_or_link(source, filters.q, ("m.details_id", "m.issue_details_id"), link="m.link_id")
    )


def iterate_meetings(source: QuerySource, filters: MeetingFilters, sort: str = "-booked_at") -> Iterator[BookingRow]:
    """All booked meetings that match the filters, read page after page, for a download. Raises Invalid."""
    where_clause = build_where_clause(source, filters)
    return iterate_pages(lambda cursor: LISTING.fetch_page(source, where_clause, sort, MAX_ROWS, cursor))
