"""Single-use links, as a read model, and what is asked of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from psycopg.rows import DictRow

from projections import links
from projections.queries import name_lookups
from projections.queries.name_lookups import Named, as_instant, as_named
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, Source, Where
from projections.queries.word_search import among_details
from projections.read_model import ReadModel, has, last

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
            SELECT stream_id, max(version) AS version, {last("SingleUseIssued")} AS issued,
                   {has("MeetingBooked")} AS booked, {has("SingleUseRevoked")} AS revoked
            FROM {{log}} AS log
            GROUP BY stream_id
            HAVING {has("SingleUseIssued")}
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
    """A single-use link, as the API answers, without its code; `erased` says that its details are no more."""

    id: UUID
    status: Literal["active", "booked", "expired", "revoked", "disabled", "deleted"]
    link: Named
    meeting_type: Named
    issued_by: Named
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
    """What a list of single-use links is narrowed to.

    `visible_to` leaves those that the person issued, and those of links that the person owns.
    `q` is a word prefix over recipient, label and link name.
    """

    link_id: UUID | None = None
    status: str | None = None
    issued_by: UUID | None = None
    q: str | None = None
    visible_to: UUID | None = None


OF_STATE = "s.state = %(status)s"
OF_CORE_STATUS = f"""s.state = 'open'
    AND s.link_id = ANY(ARRAY(SELECT l.link_id FROM links AS l WHERE {links.STATUS} = %(status)s))"""

FILTERS = {
    "link_id": "s.link_id = %(link_id)s",
    "state": OF_STATE,
    "core_status": OF_CORE_STATUS,
    "issued_by": "s.issued_by = %(issued_by)s",
    "visible_to": "(s.issued_by = %(visible_to)s OR s.link_id = ANY(%(owned_links)s))",
}

# what a single-use link has from its core link, as it is now
CORE = f"""(SELECT jsonb_build_object('id', l.link_id, 'name', l.name, 'expires_at', l.expires_at,
    'status', {links.STATUS}, 'meeting_type', {name_lookups.meeting_type("l.meeting_type_id")})
    FROM links AS l WHERE l.link_id = s.link_id)"""


def shaped(record: DictRow) -> SingleUseRow:
    """A record in the shape of the API."""
    details: dict[str, Any] = record["details"] or {}
    core, state = record["core"], record["state"]
    return SingleUseRow(
        id=record["single_use_id"],
        status=core["status"] if state == "open" else state,
        link=as_named(core),
        meeting_type=as_named(core["meeting_type"]),
        issued_by=as_named(record["issued_by"]),
        issued_at=record["issued_at"],
        recipient=details.get("recipient"),
        label=details.get("label"),
        metadata=details.get("metadata") or {},
        expires_at=as_instant(core["expires_at"]),
        booking_id=record["single_use_id"] if state == "booked" else None,
        source=record["source"],
        erased=record["details_id"] is not None and record["details"] is None,
        version=record["version"],
    )


LISTING = Listing(
    columns=f"""s.single_use_id, s.state, {CORE} AS core,
        {name_lookups.person("s.issued_by")} AS issued_by, s.issued_at,
        s.source, s.details_id, {name_lookups.details("s.details_id")} AS details, s.version""",
    relation="single_use_links AS s",
    key="s.single_use_id",
    sorts={"issued_at": Sort("s.issued_at", "timestamptz")},
    shape=shaped,
)


def one(source: Source, id: UUID, now: datetime) -> SingleUseRow | None:
    """A single-use link as it is at an instant, or None."""
    return LISTING.one(source, "s.single_use_id = %(id)s", {"id": id, "now": now})


def many(source: Source, ids: Sequence[UUID], now: datetime) -> list[SingleUseRow]:
    """The single-use links of these ids, in their order; unknown ones are left out."""
    rows = LISTING.where(source, "s.single_use_id = ANY(%(ids)s)", {"ids": list(ids), "now": now})
    found = {row["id"]: row for row in rows}
    return [found[id] for id in ids if id in found]


def page(
    source: Source,
    now: datetime,
    filters: SingleUseFilters,
    sort: str = "-issued_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[SingleUseRow]:
    """Single-use links as they are at an instant, newest first. Raises Invalid for a wrong sort or cursor."""
    of_state = filters.status in ("booked", "revoked")
    status = {"state": filters.status if of_state else None, "core_status": None if of_state else filters.status}
    owned = links.owned_by(source, filters.visible_to) if filters.visible_to else []
    where = Where.given(FILTERS, asdict(filters) | status | {"now": now, "owned_links": owned})
    if filters.q:
        where = where.also(*among_details(source, filters.q, ("s.details_id",), link="s.link_id"))
    return LISTING.page(source, where, sort, limit, cursor)
