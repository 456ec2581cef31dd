"""Managed links: their read model, and its queries."""

from datetime import datetime
from typing import TypedDict, cast
from uuid import UUID

from psycopg.rows import DictRow

from projections.queries import name_lookups
from projections.queries.name_lookups import NamedReference, to_named, to_named_or_none
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.read_model import FIRST_TIME, LAST_TIME, ReadModel, select_ids, select_last_payload

MANAGED_LINKS = ReadModel(
    name="managed_links",
    version=1,
    key="managed_link_id",
    table="""
        managed_link_id uuid PRIMARY KEY,
        name text NOT NULL,
        slug text NOT NULL,
        meeting_type_id uuid NOT NULL,
        host_ids uuid[] NOT NULL,
        expires_at timestamptz,
        created_by uuid,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version int NOT NULL,
        words tsvector NOT NULL
    """,
    indexes=("(created_at, managed_link_id)", "(lower(name), managed_link_id)", "USING gin (words)"),
    rows=f"""
        SELECT stream_id AS managed_link_id, told ->> 'name' AS name, told ->> 'slug' AS slug,
               (told ->> 'meeting_type_id')::uuid AS meeting_type_id, {select_ids("told", "host_ids")} AS host_ids,
               (told ->> 'expires_at')::timestamptz AS expires_at, (told ->> 'created_by_id')::uuid AS created_by,
               created_at, updated_at, version,
               {{schema}}.words(concat_ws(' ', told ->> 'name', told ->> 'slug')) AS words
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("ManagedLinkCreated", "ManagedLinkUpdated")} AS told
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS managed_link
    """,
    events=("ManagedLinkCreated", "ManagedLinkUpdated"),
)


class ManagedLinkRow(TypedDict):
    """A managed link, as the API answers. `link_count` is how many core links it manages now."""

    id: UUID
    name: str
    slug: str
    meeting_type: NamedReference
    hosts: list[NamedReference]
    link_count: int
    expires_at: datetime | None
    created_by: NamedReference | None
    created_at: datetime
    updated_at: datetime
    version: int


def to_managed_link_row(record: DictRow) -> ManagedLinkRow:
    """A record as a row of the API."""
    references = {
        "meeting_type": to_named(record["meeting_type"]),
        "hosts": [to_named(host) for host in record["hosts"]],
        "created_by": to_named_or_none(record["created_by"]),
    }
    return cast(ManagedLinkRow, {**record, **references, "link_count": len(record["hosts"])})


LISTING = Listing(
    columns=f"""g.managed_link_id AS id, g.name, g.slug,
        {name_lookups.look_up_meeting_type("g.meeting_type_id")} AS meeting_type,
        {name_lookups.look_up_people("g.host_ids")} AS hosts, g.expires_at,
        {name_lookups.look_up_person("g.created_by")} AS created_by,
        g.created_at, g.updated_at, g.version""",
    relation="managed_links AS g",
    key="g.managed_link_id",
    sorts={"created_at": Sort("g.created_at", "timestamptz"), "name": Sort("lower(g.name)", "text")},
    to_row=to_managed_link_row,
)


def find_managed_link(source: QuerySource, id: UUID) -> ManagedLinkRow | None:
    """A managed link; None when there is none."""
    return LISTING.find_row(source, "g.managed_link_id = %(id)s", {"id": id})


def list_managed_links(
    source: QuerySource, q: str | None = None, sort: str = "-created_at", limit: int = 50, cursor: str | None = None
) -> Page[ManagedLinkRow]:
    """One page of managed links, newest first; `q` is a word prefix over name and slug. Raises Invalid."""
    return LISTING.fetch_page(
        source, WhereClause.from_filters({"q": match_own_words("g.words")}, {"q": q}), sort, limit, cursor
    )
