"""Single-use links: their read model, and its queries."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from psycopg.rows import DictRow

from projections import links
from projections.queries import name_lookups
from projections.queries.name_lookups import NamedReference, to_instant, to_named
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_details_or_link
from projections.read_model import ReadModel, has_event, select_last_payload

SINGLE_USE_LINKS = ReadModel(
    name="single_use_links",
    version=2,
    key="single_use_id",
    table="""
        single_use_id uuid PRIMARY KEY,
        link_id uuid NOT NULL,
        issued_by uuid NOT NULL,
        issued_at timestamptz NOT NULL,
        source text NOT NULL,
        state text NOT NULL,
        details_id uuid,
        version int NOT NULL
    """,
    indexes=(
        "(issued_at, single_use_id)",
        "(link_id, issued_at, single_use_id)",
        "(link_id, state)",
        "(issued_by, issued_at, single_use_id)",
        "(state, issued_at, single_use_id)",
        "(details_id)",
    ),
    rows=f"""
        SELECT stream_id AS single_use_id, (issued ->> 'link_id')::uuid AS link_id,
               (issued ->> 'issued_by')::uuid AS issued_by, (issued ->> 'occurred_at')::timestamptz AS issued_at,
               issued ->> 'source' AS source,
               CASE WHEN booked THEN 'booked' WHEN revoked THEN 'revoked' ELSE 'open' END AS state,
               (issued ->> 'details_id')::uuid AS details_id, version
        FROM (
            SELECT stream_id, max(version) AS version, {select_last_payload("SingleUseIssued")} AS issued,
                   {has_event("MeetingBooked")} AS booked, {has_event("SingleUseRevoked")} AS revoked
            FROM {{log}} AS log
            GROUP BY stream_id
            HAVING {has_event("SingleUseIssued")}
        ) AS token
    """,
    events=(
        *("SingleUseIssued", "SingleUseRevoked"),
        *("MeetingBooked", "Rescheduled", "MeetingReassigned", "MeetingCancelled"),
    ),
)


class Recipient(TypedDict):
    """Who a single-use link was made for."""

    name: str | None
    email: str | None


class SingleUseRow(TypedDict):
    """A single-use link, as the API answers, without its code. `erased`: its personal details were erased."""

    id: UUID
    status: Literal["active", "booked", "expired", "revoked", "disabled", "deleted"]
    link: NamedReference
    meeting_type: NamedReference
    issued_by: NamedReference
    issued_at: datetime
    recipient: Recipient | None
    label: str | None
    metadata: dict[str, str]
    expires_at: datetime | None
    booking_id: UUID | None
    source: str
    erased: bool
    version: int


@dataclass(frozen=True, slots=True)
class SingleUseFilters:
    """Filters of a list of single-use links.

    `visible_to` keeps those that the person issued, and those of links that the person owns. `q` is a word prefix over
    recipient, label and link name.
    """

    link_id: UUID | None = None
    status: str | None = None
    issued_by: UUID | None = None
    q: str | None = None
    visible_to: UUID | None = None


HAS_STATE = "s.state = %(status)s"
HAS_CORE_STATUS = f"""s.state = 'open'
    AND s.link_id = ANY(ARRAY(SELECT l.link_id FROM links AS l WHERE {links.STATUS} = %(status)s))"""

FILTERS = {
    "link_id": "s.link_id = %(link_id)s",
    "state": HAS_STATE,
    "core_status": HAS_CORE_STATUS,
    "issued_by": "s.issued_by = %(issued_by)s",
    "visible_to": "(s.issued_by = %(visible_to)s OR s.link_id = ANY(%(owned_links)s))",
}

# what a single-use link inherits from its core link, live
CORE_LINK = f"""(SELECT jsonb_build_object('id', l.link_id, 'name', l.name, 'expires_at', l.expires_at,
    'status', {links.STATUS}, 'meeting_type', {name_lookups.look_up_meeting_type("l.meeting_type_id")})
    FROM links AS l WHERE l.link_id = s.link_id)"""


def to_single_use_row(record: DictRow) -> SingleUseRow:
    """A record as a row of the API."""
    details: dict[str, Any] = record["details"] or {}
    core, state = record["core"], record["state"]
    return SingleUseRow(
        id=record["single_use_id"],
        status=core["status"] if state == "open" else state,
        link=to_named(core),
        meeting_type=to_named(core["meeting_type"]),
        issued_by=to_named(record["issued_by"]),
        issued_at=record["issued_at"],
        recipient=details.get("recipient"),
        label=details.get("label"),
        metadata=details.get("metadata") or {},
        expires_at=to_instant(core["expires_at"]),
        booking_id=record["single_use_id"] if state == "booked" else None,
        source=record["source"],
        erased=record["details_id"] is not None and record["details"] is None,
        version=record["version"],
    )


LISTING = Listing(
    columns=f"""s.single_use_id, s.state, {CORE_LINK} AS core,
        {name_lookups.look_up_person("s.issued_by")} AS issued_by, s.issued_at,
        s.source, s.details_id, {name_lookups.look_up_details("s.details_id")} AS details, s.version""",
    relation="single_use_links AS s",
    key="s.single_use_id",
    sorts={"issued_at": Sort("s.issued_at", "timestamptz")},
    to_row=to_single_use_row,
)


def find_single_use_link(source: QuerySource, id: UUID, now: datetime) -> SingleUseRow | None:
    """A single-use link as it is at an instant; None when there is none."""
    return LISTING.find_row(source, "s.single_use_id = %(id)s", {"id": id, "now": now})


def find_single_use_links(source: QuerySource, ids: Sequence[UUID], now: datetime) -> list[SingleUseRow]:
    """The single-use links of these ids, in their order. Unknown ids are left out."""
    rows = LISTING.find_rows(source, "s.single_use_id = ANY(%(ids)s)", {"ids": list(ids), "now": now})
    rows_by_id = {row["id"]: row for row in rows}
    return [rows_by_id[id] for id in ids if id in rows_by_id]


def list_single_use_links(
    source: QuerySource,
    now: datetime,
    filters: SingleUseFilters,
    sort: str = "-issued_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[SingleUseRow]:
    """One page of single-use links as they are at an instant, newest first.

    Raises Invalid for a wrong sort or cursor.
    """
    is_own_state = filters.status in ("booked", "revoked")
    status = {
        "state": filters.status if is_own_state else None,
        "core_status": None if is_own_state else filters.status,
    }
    owned_link_ids = links.list_owned_link_ids(source, filters.visible_to) if filters.visible_to else []
    where = WhereClause.from_filters(FILTERS, asdict(filters) | status | {"now": now, "owned_links": owned_link_ids})
    if filters.q:
        where = where.add_conditions(*match_details_or_link(source, filters.q, ("s.details_id",), link="s.link_id"))
    return LISTING.fetch_page(source, where, sort, limit, cursor)
