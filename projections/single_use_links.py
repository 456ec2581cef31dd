"""Single-use links: their read model, and its queries."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from psycopg.rows import DictRow
from typing_extensions import TypedDict

from domain.replacement import derive_replacement_id
from projections import links
from projections.column_kinds import Column, Composed, Computed, Detail, Details, Erased, Hidden, Reference
from projections.columns import Columns
from projections.queries.name_lookups import MEETING_TYPE, PERSON, Named, to_instant, to_named
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_details_or_link
from projections.read_model import ReadModel, has_event, select_last_payload

# what a single-use link inherits from its core link, live
CORE_LINK = f"""(SELECT jsonb_build_object('id', l.link_id, 'name', l.name, 'expires_at', {links.SINGLE_USE_EXPIRY},
    'status', {links.SINGLE_USE_STATUS}, 'meeting_type', {MEETING_TYPE.look_up("l.meeting_type_id")})
    FROM links AS l WHERE l.link_id = s.link_id)"""
JOIN_CORE_LINK = """LEFT JOIN links AS l ON l.link_id = s.link_id
    LEFT JOIN meeting_types AS t ON t.meeting_type_id = l.meeting_type_id"""
DETAILS = Details("details_id", "(issued ->> 'details_id')::uuid", alias="s")


def read_status(record: DictRow) -> str:
    """The status: its own once it is booked, revoked or expired, else that of its core link."""
    return str(record["core"]["status"])


class Recipient(TypedDict):
    """Who a single-use link was made for."""

    name: str | None
    email: str | None


class SingleUseRow(TypedDict):
    """A single-use link, as the API answers, without its code. `erased`: its personal details were erased."""

    id: Annotated[UUID, Column("stream_id", "single_use_id")]
    status: Annotated[
        Literal["active", "booked", "expired", "revoked", "disabled", "deleted"],
        Composed(read_status, {"status": links.SINGLE_USE_STATUS}),
    ]
    link: Annotated[
        Named, Composed(lambda record: to_named(record["core"]), {"link_id": "s.link_id", "link_name": "l.name"})
    ]
    meeting_type: Annotated[
        Named,
        Composed(
            lambda record: to_named(record["core"]["meeting_type"]),
            {"meeting_type_id": "l.meeting_type_id", "meeting_type_name": "t.name"},
        ),
    ]
    issued_by: Annotated[Named, Reference(PERSON, "(issued ->> 'issued_by')::uuid", column="issued_by")]
    issued_at: Annotated[datetime, Column("(issued ->> 'occurred_at')::timestamptz")]
    recipient: Annotated[Recipient | None, Detail(DETAILS, "recipient")]
    label: Annotated[str | None, Detail(DETAILS, "label")]
    metadata: Annotated[dict[str, str], Detail(DETAILS, "metadata")]
    expires_at: Annotated[
        datetime | None,
        Composed(lambda record: to_instant(record["core"]["expires_at"]), {"expires_at": links.SINGLE_USE_EXPIRY}),
    ]
    only_recipient: Annotated[bool, Column("coalesce((issued ->> 'only_recipient')::boolean, false)")]
    locale: Annotated[str | None, Column("issued ->> 'locale'")]
    booking_id: Annotated[UUID | None, Computed("CASE WHEN s.state = 'booked' THEN s.single_use_id END")]
    replaces: Annotated[UUID | None, Column("(issued ->> 'replaces')::uuid")]
    source: Annotated[str, Column("issued ->> 'source'")]
    erased: Annotated[bool, Erased((DETAILS,))]


class FullSingleUseRow(SingleUseRow):
    """A single-use link with what the API does not show of it."""

    version: Annotated[int, Column("version")]


COLUMNS = Columns(
    FullSingleUseRow,
    alias="s",
    key="single_use_id",
    hidden=(
        Hidden("link_id", "uuid NOT NULL", "(issued ->> 'link_id')::uuid", before="issued_by"),
        Hidden(
            "state",
            "text NOT NULL",
            "CASE WHEN booked THEN 'booked' WHEN revoked THEN 'revoked' ELSE 'open' END",
            before="version",
            selected=("s.state",),
        ),
        Hidden("own_expires_at", "timestamptz", "(issued ->> 'expires_at')::timestamptz", before="version"),
        DETAILS.build_hidden(before="version"),
        Hidden("core", selected=(f"{CORE_LINK} AS core",), join=JOIN_CORE_LINK),
    ),
)
VIEW = COLUMNS.build_view(SingleUseRow, "single_use_links")

SINGLE_USE_LINKS = ReadModel(
    name="single_use_links",
    version=4,
    key="single_use_id",
    table=COLUMNS.table,
    indexes=(
        "(issued_at, single_use_id)",
        "(link_id, issued_at, single_use_id)",
        "(link_id, state)",
        "(issued_by, issued_at, single_use_id)",
        "(state, issued_at, single_use_id)",
        "(details_id)",
    ),
    rows=f"""
        SELECT {COLUMNS.fold}
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


@dataclass(frozen=True, slots=True)
class SingleUseFilters:
    """Filters of a list of single-use links.

    `visible_to` keeps those that the person issued, and those of links that the person owns. `q` is a word prefix over
    recipient, label and link name. `expires_before` keeps those that lapse before an instant, if nobody uses them.
    """

    link_id: UUID | None = None
    status: str | None = None
    issued_by: UUID | None = None
    q: str | None = None
    visible_to: UUID | None = None
    expires_before: datetime | None = None


HAS_STATE = "s.state = %(status)s"
HAS_CORE_STATUS = f"""s.state = 'open'
    AND EXISTS (SELECT FROM links AS l WHERE l.link_id = s.link_id AND {links.SINGLE_USE_STATUS} = %(status)s)"""

FILTERS = {
    "link_id": "s.link_id = %(link_id)s",
    "state": HAS_STATE,
    "core_status": HAS_CORE_STATUS,
    "issued_by": "s.issued_by = %(issued_by)s",
    "expires_before": f"""EXISTS (SELECT FROM links AS l
        WHERE l.link_id = s.link_id AND {links.SINGLE_USE_EXPIRY} < %(expires_before)s)""",
    "visible_to": "(s.issued_by = %(visible_to)s OR s.link_id = ANY(%(owned_links)s))",
}

LISTING = Listing(
    columns=COLUMNS.select,
    relation="single_use_links AS s",
    key="s.single_use_id",
    sorts={"issued_at": Sort("s.issued_at", "timestamptz")},
    to_row=COLUMNS.read_row,
)


def find_single_use_link(source: QuerySource, id: UUID, now: datetime) -> FullSingleUseRow | None:
    """A single-use link as it is at an instant; None when there is none."""
    return LISTING.find_by_id(source, id, WhereClause((), {"now": now}))


def find_replacement_id(source: QuerySource, booking_id: UUID) -> UUID | None:
    """The id of the single-use link that replaces a booking; None when there is none."""
    query = "SELECT s.single_use_id AS id FROM single_use_links AS s WHERE s.single_use_id = %(id)s"
    rows = source.fetch_rows(query, {"id": derive_replacement_id(booking_id)})
    return rows[0]["id"] if rows else None


def find_single_use_links(source: QuerySource, ids: Sequence[UUID], now: datetime) -> list[FullSingleUseRow]:
    """The single-use links of these ids, in their order. Unknown ids are left out."""
    return LISTING.find_by_ids(source, ids, WhereClause((), {"now": now}))


def list_single_use_links(
    source: QuerySource,
    now: datetime,
    filters: SingleUseFilters,
    sort: str = "-issued_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[FullSingleUseRow]:
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


class Holder(TypedDict):
    """The recipient of an unused single-use link."""

    name: str | None
    email: str | None


SELECT_HOLDERS = """
SELECT DISTINCT d.data -> 'recipient' ->> 'name' AS name, d.data -> 'recipient' ->> 'email' AS email
FROM single_use_links AS s JOIN {schema}.personal_details AS d ON d.id = s.details_id
WHERE s.link_id = %(link_id)s AND s.state = 'open' AND (%(visible_to)s::uuid IS NULL OR s.issued_by = %(visible_to)s)
    AND CASE WHEN d.data -> 'recipient' ->> 'email' IS NULL
        THEN {schema}.fold_text(d.data -> 'recipient' ->> 'name')
            = ANY (SELECT {schema}.fold_text(word) FROM unnest(%(words)s::text[]) AS word)
        ELSE {schema}.address_key(d.data -> 'recipient' ->> 'email')
            = ANY (SELECT {schema}.address_key(word) FROM unnest(%(words)s::text[]) AS word) END
"""


def find_holders(source: QuerySource, link_id: UUID, words: Sequence[str], visible_to: UUID | None) -> list[Holder]:
    """The recipients who hold an unused single-use link of this link: by address, or by name those without one.

    `words` are addresses and names as they are written, and in lower case. With `visible_to`, only links that this
    person issued count.
    """
    params = {"link_id": link_id, "words": list(words), "visible_to": visible_to}
    return [Holder(name=row["name"], email=row["email"]) for row in source.fetch_rows(SELECT_HOLDERS, params)]
