"""The meeting log: a row for every token that was booked, and the queries of this read model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, TypedDict, cast
from uuid import UUID

from psycopg.rows import DictRow

from projections import links
from projections.queries import name_lookups
from projections.queries.name_lookups import NamedReference, to_named, to_named_or_none
from projections.queries.pagination import MAX_ROWS, Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause, iterate_pages
from projections.queries.word_search import match_details_or_link
from projections.read_model import ReadModel, has_event, is_event, select_ids, select_last_payload
from projections.single_use_links import Recipient

MEETING_LOG = ReadModel(
    name="meeting_log",
    version=2,
    key="booking_id",
    table="""
        booking_id uuid PRIMARY KEY,
        booked_at timestamptz NOT NULL,
        status text NOT NULL,
        link_type text NOT NULL,
        link_id uuid NOT NULL,
        meeting_type_id uuid NOT NULL,
        host_ids uuid[] NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        reschedule_count int NOT NULL,
        previous_starts_at timestamptz,
        cancelled_at timestamptz,
        cancelled_by text,
        issued_by uuid,
        issued_at timestamptz,
        source text NOT NULL,
        details_id uuid,
        issue_details_id uuid,
        cancel_details_id uuid,
        version int NOT NULL
    """,
    indexes=(
        "(booked_at, booking_id, starts_at)",  # the last column: an index-only scan can filter by the other time
        "(starts_at, booking_id, booked_at)",
        "(status, booked_at, booking_id)",
        "(link_type, booked_at, booking_id)",
        "(link_id, booked_at, booking_id)",
        "(link_id, starts_at, booking_id)",
        "(meeting_type_id, booked_at, booking_id)",
        "USING gin (host_ids)",
        "(details_id)",
        "(issue_details_id) WHERE issue_details_id IS NOT NULL",
    ),
    rows=f"""
        SELECT stream_id AS booking_id, (booked ->> 'occurred_at')::timestamptz AS booked_at,
               CASE WHEN cancelled IS NOT NULL THEN 'cancelled' WHEN moved IS NOT NULL THEN 'rescheduled'
                    ELSE 'scheduled' END AS status,
               CASE WHEN issued IS NOT NULL THEN 'single_use' ELSE booked ->> 'link_kind' END AS link_type,
               (booked ->> 'link_id')::uuid AS link_id, (booked ->> 'meeting_type_id')::uuid AS meeting_type_id,
               {select_ids("with_hosts", "host_ids")} AS host_ids,
               (coalesce(moved, booked) ->> 'starts_at')::timestamptz AS starts_at,
               (coalesce(moved, booked) ->> 'ends_at')::timestamptz AS ends_at,
               reschedule_count, (moved ->> 'previous_starts_at')::timestamptz AS previous_starts_at,
               (cancelled ->> 'occurred_at')::timestamptz AS cancelled_at, cancelled ->> 'cancelled_by' AS cancelled_by,
               (issued ->> 'issued_by')::uuid AS issued_by, (issued ->> 'occurred_at')::timestamptz AS issued_at,
               booked ->> 'source' AS source, (booked ->> 'details_id')::uuid AS details_id,
               (issued ->> 'details_id')::uuid AS issue_details_id,
               (cancelled ->> 'details_id')::uuid AS cancel_details_id, version
        FROM (
            SELECT stream_id, max(version) AS version, {select_last_payload("SingleUseIssued")} AS issued,
                   {select_last_payload("MeetingBooked")} AS booked, {select_last_payload("Rescheduled")} AS moved,
                   {select_last_payload("MeetingBooked", "MeetingReassigned")} AS with_hosts,
                   {select_last_payload("MeetingCancelled")} AS cancelled,
                   (count(*) FILTER (WHERE {is_event("Rescheduled")}))::int AS reschedule_count
            FROM {{log}} AS log
            GROUP BY stream_id
            HAVING {has_event("MeetingBooked")}
        ) AS token
    """,
    events=("SingleUseIssued", "DirectIssued", "MeetingBooked", "Rescheduled", "MeetingReassigned", "MeetingCancelled"),
)


class Guest(TypedDict):
    """Who booked a meeting."""

    name: str
    email: str
    time_zone: str


class MeetingRow(TypedDict):
    """A booked meeting, as the API answers. `erased`: personal details of it were erased."""

    booking_id: UUID
    booked_at: datetime
    status: Literal["scheduled", "rescheduled", "cancelled"]
    link_type: Literal["standard", "managed", "single_use"]
    link: NamedReference
    single_use_id: UUID | None
    recipient: Recipient | None
    label: str | None
    meeting_type: NamedReference
    host: NamedReference
    co_hosts: list[NamedReference]
    guest: Guest | None
    notes: str | None
    starts_at: datetime
    ends_at: datetime
    reschedule_count: int
    previous_starts_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: Literal["guest", "host"] | None
    cancel_reason: str | None
    issued_by: NamedReference | None
    issued_at: datetime | None
    source: str
    erased: bool
    version: int


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
    "booked_from": "m.booked_at >= %(booked_from)s AND m.starts_at >= %(booked_from)s",
    "booked_to": "m.booked_at < %(booked_to)s",
    "starts_from": "m.starts_at >= %(starts_from)s",
    "not_cancelled": "m.status <> 'cancelled'",
    "starts_to": "m.starts_at < %(starts_to)s AND m.booked_at < %(starts_to)s",
    "visible_to": "(m.host_ids @> ARRAY[%(visible_to)s::uuid] OR m.link_id = ANY(%(owned_links)s))",
}

COPIED_COLUMNS = (
    *("booking_id", "booked_at", "status", "link_type", "starts_at", "ends_at", "reschedule_count"),
    *("previous_starts_at", "cancelled_at", "cancelled_by", "issued_at", "source", "version"),
)
DETAILS_COLUMNS = (
    ("details_id", "details"),
    ("issue_details_id", "issue_details"),
    ("cancel_details_id", "cancel_details"),
)


def to_meeting_row(record: DictRow) -> MeetingRow:
    """A record as a row of the API."""
    booking_details, issue_details, cancel_details = (record[details] or {} for _, details in DETAILS_COLUMNS)
    host, *co_hosts = record["hosts"]
    row = {
        "link": to_named(record["link"]),
        "single_use_id": record["booking_id"] if record["link_type"] == "single_use" else None,
        "recipient": issue_details.get("recipient"),
        "label": issue_details.get("label"),
        "meeting_type": to_named(record["meeting_type"]),
        "host": to_named(host),
        "co_hosts": [to_named(person) for person in co_hosts],
        "guest": booking_details.get("guest"),
        "notes": booking_details.get("notes"),
        "cancel_reason": cancel_details.get("reason"),
        "issued_by": to_named_or_none(record["issued_by"]),
        "erased": any(record[id] is not None and record[details] is None for id, details in DETAILS_COLUMNS),
    }
    return cast(MeetingRow, {name: record[name] for name in COPIED_COLUMNS} | row)


LISTING = Listing(
    columns=f"""m.booking_id, m.booked_at, m.status, m.link_type, {name_lookups.look_up_link("m.link_id")} AS link,
        {name_lookups.look_up_meeting_type("m.meeting_type_id")} AS meeting_type,
        {name_lookups.look_up_people("m.host_ids")} AS hosts,
        m.starts_at, m.ends_at, m.reschedule_count, m.previous_starts_at, m.cancelled_at, m.cancelled_by,
        {name_lookups.look_up_person("m.issued_by")} AS issued_by, m.issued_at, m.source, m.version,
        m.details_id, {name_lookups.look_up_details("m.details_id")} AS details,
        m.issue_details_id, {name_lookups.look_up_details("m.issue_details_id")} AS issue_details,
        m.cancel_details_id, {name_lookups.look_up_details("m.cancel_details_id")} AS cancel_details""",
    relation="meeting_log AS m",
    key="m.booking_id",
    sorts={"booked_at": Sort("m.booked_at", "timestamptz"), "starts_at": Sort("m.starts_at", "timestamptz")},
    to_row=to_meeting_row,
)


def find_meeting(source: QuerySource, id: UUID) -> MeetingRow | None:
    """A booked meeting; None when there is none."""
    return LISTING.find_row(source, "m.booking_id = %(id)s", {"id": id})


def find_meetings(source: QuerySource, ids: Sequence[UUID], visible_to: UUID | None = None) -> list[MeetingRow]:
    """The booked meetings of these ids, in their order, if `visible_to` may see them. Others are left out."""
    where_clause = build_where_clause(source, MeetingFilters(visible_to=visible_to))
    where_clause = where_clause.add_conditions(["m.booking_id = ANY(%(ids)s)"], {"ids": list(ids)})
    rows = LISTING.find_rows(source, " AND ".join(where_clause.conditions), where_clause.params) if ids else []
    rows_by_id = {row["booking_id"]: row for row in rows}
    return [rows_by_id[id] for id in ids if id in rows_by_id]


def list_meetings(
    source: QuerySource,
    filters: MeetingFilters,
    sort: str = "-booked_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[MeetingRow]:
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


def iterate_meetings(source: QuerySource, filters: MeetingFilters, sort: str = "-booked_at") -> Iterator[MeetingRow]:
    """All booked meetings that match the filters, read page after page, for a download. Raises Invalid."""
    where_clause = build_where_clause(source, filters)
    return iterate_pages(lambda cursor: LISTING.fetch_page(source, where_clause, sort, MAX_ROWS, cursor))
