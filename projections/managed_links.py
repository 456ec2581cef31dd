"""Managed links: their read model, and its queries."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from typing_extensions import TypedDict

from projections.column_kinds import Column, Composed, Hidden, Reference
from projections.columns import Columns
from projections.queries.name_lookups import MEETING_TYPE, PERSON, Named
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.read_model import FIRST_TIME, LAST_TIME, ReadModel, select_ids, select_last_payload


class ManagedLinkRow(TypedDict):
    """A managed link, as the API answers."""

    id: Annotated[UUID, Column("stream_id", "managed_link_id")]
    name: Annotated[str, Column("payload ->> 'name'")]
    slug: Annotated[str, Column("payload ->> 'slug'")]
    meeting_type: Annotated[Named, Reference(MEETING_TYPE, "(payload ->> 'meeting_type_id')::uuid")]
    hosts: Annotated[list[Named], Reference(PERSON, select_ids("payload", "host_ids"))]
    expires_at: Annotated[datetime | None, Column("(payload ->> 'expires_at')::timestamptz")]
    created_at: Annotated[datetime, Column("created_at")]
    updated_at: Annotated[datetime, Column("updated_at")]
    version: Annotated[int, Column("version")]


class FullManagedLinkRow(ManagedLinkRow):
    """A managed link with what the API does not show of it. `link_count` is how many core links it manages now."""

    created_by: Annotated[
        Named | None,
        Reference(PERSON, "(payload ->> 'created_by_id')::uuid", column="created_by", before="created_at"),
    ]
    link_count: Annotated[int, Composed(lambda record: len(record["hosts"]))]


WORDS = Hidden("words", "tsvector NOT NULL", "{schema}.words(concat_ws(' ', payload ->> 'name', payload ->> 'slug'))")
COLUMNS = Columns(FullManagedLinkRow, alias="g", key="managed_link_id", hidden=(WORDS,))

MANAGED_LINKS = ReadModel(
    name="managed_links",
    version=1,
    key="managed_link_id",
    table=COLUMNS.table,
    indexes=("(created_at, managed_link_id)", "(lower(name), managed_link_id)", "USING gin (words)"),
    rows=f"""
        SELECT {COLUMNS.fold}
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("ManagedLinkCreated", "ManagedLinkUpdated")} AS payload
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS managed_link
    """,
    events=("ManagedLinkCreated", "ManagedLinkUpdated"),
)

LISTING = Listing(
    columns=COLUMNS.select,
    relation="managed_links AS g",
    key="g.managed_link_id",
    sorts={"created_at": Sort("g.created_at", "timestamptz"), "name": Sort("lower(g.name)", "text")},
    to_row=COLUMNS.read_row,
)


def find_managed_link(source: QuerySource, id: UUID) -> FullManagedLinkRow | None:
    """A managed link; None when there is none."""
    return LISTING.find_by_id(source, id)


def list_managed_links(
    source: QuerySource, q: str | None = None, sort: str = "-created_at", limit: int = 50, cursor: str | None = None
) -> Page[FullManagedLinkRow]:
    """One page of managed links, newest first; `q` is a word prefix over name and slug. Raises Invalid."""
    return LISTING.fetch_page(
        source, WhereClause.from_filters({"q": match_own_words("g.words")}, {"q": q}), sort, limit, cursor
    )
