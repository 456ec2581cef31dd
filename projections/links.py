"""Core links: their read model, and its queries."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.column_kinds import Column, Composed, Computed, Hidden, Reference
from projections.columns import Columns
from projections.queries.name_lookups import MEETING_TYPE, PERSON, TEAM, Named, to_team_id
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.read_model import (
    FIRST_TIME,
    LAST_TIME,
    ReadModel,
    has_event,
    select_ids,
    select_last_payload,
    select_switch_state,
)

STATUS = """CASE WHEN l.deleted THEN 'deleted' WHEN l.disabled THEN 'disabled'
    WHEN l.expires_at <= %(now)s THEN 'expired' ELSE 'active' END"""
# when a single-use link expires: by itself, by the lifetime or with its core link; of none of them, never
SINGLE_USE_EXPIRY = """least(s.own_expires_at, l.expires_at,
    s.issued_at + l.default_lifetime_days * interval '24 hours')"""
SINGLE_USE_STATUS = f"""CASE WHEN s.state <> 'open' THEN s.state WHEN l.deleted THEN 'deleted'
    WHEN l.disabled THEN 'disabled' WHEN {SINGLE_USE_EXPIRY} <= %(now)s THEN 'expired' ELSE 'active' END"""


class SingleUseCounts(TypedDict):
    """How many single-use links were issued from a link, and of them how many can be booked or are."""

    issued: int
    active: int
    booked: int


class LinkRow(TypedDict):
    """A core link, as the API answers, without its URL."""

    id: Annotated[UUID, Column("stream_id", "link_id")]
    kind: Annotated[Literal["standard", "managed"], Column("payload ->> 'kind'")]
    name: Annotated[str, Column("payload ->> 'name'")]
    slug: Annotated[str, Column("payload ->> 'slug'")]
    owner: Annotated[Named, Reference(PERSON, "(payload ->> 'owner_id')::uuid")]
    co_hosts: Annotated[list[Named], Reference(PERSON, select_ids("payload", "co_host_ids"))]
    meeting_type: Annotated[Named, Reference(MEETING_TYPE, "(payload ->> 'meeting_type_id')::uuid")]
    team_id: Annotated[UUID | None, Composed(lambda record: to_team_id(record["team"]))]
    team: Annotated[Named | None, Reference(TEAM, "(payload ->> 'team_id')::uuid")]
    expires_at: Annotated[datetime | None, Column("(payload ->> 'expires_at')::timestamptz")]
    single_use_only: Annotated[bool, Column("coalesce((payload ->> 'single_use_only')::boolean, false)")]
    default_lifetime_days: Annotated[int | None, Column("(payload ->> 'default_lifetime_days')::int")]
    in_library: Annotated[bool, Column("coalesce((payload ->> 'in_library')::boolean, false)")]
    status: Annotated[Literal["active", "disabled", "expired", "deleted"], Computed(STATUS)]
    managed_link_id: Annotated[UUID | None, Column("(payload ->> 'managed_link_id')::uuid")]
    single_use: Annotated[
        SingleUseCounts, Composed(lambda record: SingleUseCounts(issued=0, active=0, booked=0))
    ]  # counted by a query of its own
    created_at: Annotated[datetime, Column("created_at")]
    updated_at: Annotated[datetime, Column("updated_at")]
    version: Annotated[int, Column("version")]


COLUMNS = Columns(
    LinkRow,
    alias="l",
    key="link_id",
    hidden=(
        Hidden("disabled", "boolean NOT NULL", "disabled", before="created_at"),
        Hidden("deleted", "boolean NOT NULL", "deleted", before="created_at"),
        Hidden("words", "tsvector NOT NULL", "{schema}.words(concat_ws(' ', payload ->> 'name', payload ->> 'slug'))"),
        Hidden("name_words", "tsvector NOT NULL", "{schema}.words(payload ->> 'name')"),
    ),
)
VIEW = COLUMNS.build_view(LinkRow, "links")

LINKS = ReadModel(
    name="links",
    version=4,
    key="link_id",
    table=COLUMNS.table,
    indexes=(
        "(created_at, link_id)",
        "(updated_at, link_id)",
        "({schema}.fold_text(name), link_id)",
        "(owner_id, created_at, link_id)",
        "(created_at, link_id) WHERE in_library",
        "(team_id) WHERE team_id IS NOT NULL",
        "(managed_link_id) WHERE managed_link_id IS NOT NULL",
        "USING gin (words)",
        "USING gin (name_words)",
    ),
    rows=f"""
        SELECT {COLUMNS.fold}
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("LinkCreated", "LinkUpdated")} AS payload,
                   {select_switch_state(on="LinkDisabled", off="LinkEnabled", initially=False)} AS disabled,
                   {has_event("LinkDeleted")} AS deleted
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS link
    """,
    events=("LinkCreated", "LinkUpdated", "LinkDisabled", "LinkEnabled", "LinkDeleted"),
)


class Impact(TypedDict):
    """What an edit of a link touches: single-use links that can still be booked, and meetings still to come."""

    active_single_use: int
    booked_upcoming: int


@dataclass(frozen=True, slots=True)
class LinkFilters:
    """Filters of a list of links. `view` "mine" is what `viewer` owns, "library" what is in the library.

    `hosted_by` keeps those that need this person's time, `team_id` those with this team. Deleted links are listed only
    with `status` "deleted". `q` is a word prefix over name and slug.
    """

    view: Literal["mine", "library", "all"] = "all"
    viewer: UUID | None = None
    kind: str | None = None
    status: str | None = None
    q: str | None = None
    managed_link_id: UUID | None = None
    hosted_by: UUID | None = None
    team_id: UUID | None = None


FILTERS = {
    "mine": "l.owner_id = %(viewer)s",
    "library": "l.in_library",
    "kind": "l.kind = %(kind)s",
    "status": f"{STATUS} = %(status)s",
    "not_deleted": "NOT l.deleted",
    "q": match_own_words("l.words"),
    "managed_link_id": "l.managed_link_id = %(managed_link_id)s",
    "team_id": "l.team_id = %(team_id)s",
    "hosted_by": "(l.owner_id = %(hosted_by)s OR l.co_host_ids @> ARRAY[%(hosted_by)s::uuid])",
}

LISTING = Listing(
    columns=COLUMNS.select,
    relation="links AS l",
    key="l.link_id",
    sorts={
        "created_at": Sort("l.created_at", "timestamptz"),
        "updated_at": Sort("l.updated_at", "timestamptz"),
        "name": Sort("{schema}.fold_text(l.name)", "text"),
    },
    to_row=COLUMNS.read_row,
)

MEETINGS_OF_LINKS = "m.link_id = ANY(%(link_ids)s)"
MEETINGS_OF_LINKS_IN_LOG = """m.booking_id = ANY(ARRAY(
    SELECT e.stream_id FROM {schema}.events AS e
    WHERE (e.type LIKE 'SingleUseIssued.%%' OR e.type LIKE 'DirectIssued.%%')
    AND e.data ->> 'link_id' = ANY(%(link_id_texts)s)))"""
OF_LINKS = "s.link_id = ANY(%(link_ids)s)"
# the log has an index on the link of an issue: so the ids of the streams reach the fold's own index
OF_LINKS_IN_LOG = """s.single_use_id = ANY(ARRAY(
    SELECT e.stream_id FROM {schema}.events AS e
    WHERE e.type LIKE 'SingleUseIssued.%%' AND e.data ->> 'link_id' = ANY(%(link_id_texts)s)))"""
SINGLE_USE_COUNTS = f"""SELECT s.link_id, count(*) AS issued,
    count(*) FILTER (WHERE {SINGLE_USE_STATUS} = 'active') AS active,
    count(*) FILTER (WHERE s.state = 'booked') AS booked
    FROM single_use_links AS s JOIN links AS l ON l.link_id = s.link_id
    WHERE {{of_links}} AND l.link_id = ANY(%(link_ids)s) GROUP BY s.link_id"""
OWNED_LINKS = "SELECT l.link_id FROM links AS l WHERE l.owner_id = %(person)s"
UPCOMING_MEETINGS = """SELECT m.link_id, count(*) AS upcoming FROM meeting_log AS m
    WHERE {of_links} AND m.status <> 'cancelled' AND m.starts_at > %(now)s GROUP BY m.link_id"""


def find_link(source: QuerySource, id: UUID, now: datetime) -> LinkRow | None:
    """A link as it is at an instant; None when there is none."""
    return next(iter(find_links(source, [id], now)), None)


def find_links(source: QuerySource, ids: Sequence[UUID], now: datetime) -> list[LinkRow]:
    """The links of these ids, in their order. Unknown ids are left out."""
    return add_single_use_counts(source, LISTING.find_by_ids(source, ids, WhereClause((), {"now": now})), now)


def list_links(
    source: QuerySource,
    now: datetime,
    filters: LinkFilters,
    sort: str = "-created_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[LinkRow]:
    """One page of links as they are at an instant, newest first.

    Raises Invalid for an unknown sort or a foreign cursor.
    """
    flags = {filters.view: True, "not_deleted": filters.status is None}
    filter_values = dict.fromkeys(FILTERS) | asdict(filters) | flags
    link_page = LISTING.fetch_page(
        source, WhereClause.from_filters(FILTERS, filter_values | {"now": now}), sort, limit, cursor
    )
    return Page(add_single_use_counts(source, link_page.items, now), link_page.next_cursor, link_page.previous_cursor)


def compute_impact(source: QuerySource, id: UUID, now: datetime) -> Impact | None:
    """What an edit of the link affects at an instant; None when there is no such link."""
    return compute_impacts(source, [id], now).get(id)


def compute_impacts(source: QuerySource, ids: Sequence[UUID], now: datetime) -> dict[UUID, Impact]:
    """What an edit of each of these links affects at an instant. Unknown ids are left out."""
    rows = find_links(source, ids, now)
    query = UPCOMING_MEETINGS.replace("{of_links}", MEETINGS_OF_LINKS_IN_LOG if source.reads_log else MEETINGS_OF_LINKS)
    params = {"link_ids": list(ids), "link_id_texts": [str(id) for id in ids], "now": now}
    upcoming = {row["link_id"]: row["upcoming"] for row in source.fetch_rows(query, params)} if rows else {}
    return {
        link["id"]: Impact(active_single_use=link["single_use"]["active"], booked_upcoming=upcoming.get(link["id"], 0))
        for link in rows
    }


def list_owned_link_ids(source: QuerySource, person_id: UUID) -> list[UUID]:
    """The ids of the links that a person owns, deleted ones included."""
    return [row["link_id"] for row in source.fetch_rows(OWNED_LINKS, {"person": person_id})]


def add_single_use_counts(source: QuerySource, rows: list[LinkRow], now: datetime) -> list[LinkRow]:
    """The rows with the counts of their single-use links."""
    ids = [row["id"] for row in rows]
    if not ids:
        return rows
    query = SINGLE_USE_COUNTS.replace("{of_links}", OF_LINKS_IN_LOG if source.reads_log else OF_LINKS)
    records = source.fetch_rows(query, {"link_ids": ids, "link_id_texts": [str(id) for id in ids], "now": now})
    counts_by_link = {record["link_id"]: record for record in records}
    return [
        {**row, "single_use": _to_single_use_counts(counts_by_link[row["id"]])} if row["id"] in counts_by_link else row
        for row in rows
    ]


def _to_single_use_counts(count: DictRow) -> SingleUseCounts:
    return SingleUseCounts(issued=count["issued"], active=count["active"], booked=count["booked"])
