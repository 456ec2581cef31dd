"""Managed links: their read model, and its queries."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

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

STATUS = """CASE WHEN g.deleted THEN 'deleted' WHEN g.disabled THEN 'disabled'
    WHEN g.expires_at <= %(now)s THEN 'expired' ELSE 'active' END"""


class ManagedLinkRow(TypedDict):
    """A managed link, as the API answers."""

    id: Annotated[UUID, Column("stream_id", "managed_link_id")]
    name: Annotated[str, Column("payload ->> 'name'")]
    slug: Annotated[str, Column("payload ->> 'slug'")]
    meeting_type: Annotated[Named, Reference(MEETING_TYPE, "(payload ->> 'meeting_type_id')::uuid")]
    hosts: Annotated[list[Named], Reference(PERSON, select_ids("payload", "host_ids"))]
    team_id: Annotated[UUID | None, Composed(lambda record: to_team_id(record["team"]))]
    team: Annotated[Named | None, Reference(TEAM, "(payload ->> 'team_id')::uuid")]
    expires_at: Annotated[datetime | None, Column("(payload ->> 'expires_at')::timestamptz")]
    single_use_only: Annotated[bool, Column("coalesce((payload ->> 'single_use_only')::boolean, false)")]
    default_lifetime_days: Annotated[int | None, Column("(payload ->> 'default_lifetime_days')::int")]
    status: Annotated[Literal["active", "disabled", "expired", "deleted"], Computed(STATUS)]
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
COLUMNS = Columns(
    FullManagedLinkRow,
    alias="g",
    key="managed_link_id",
    hidden=(
        Hidden("disabled", "boolean NOT NULL", "disabled", before="created_at"),
        Hidden("deleted", "boolean NOT NULL", "deleted", before="created_at"),
        WORDS,
    ),
)

MANAGED_LINKS = ReadModel(
    name="managed_links",
    version=5,
    key="managed_link_id",
    table=COLUMNS.table,
    indexes=("(created_at, managed_link_id)", "({schema}.fold_text(name), managed_link_id)", "USING gin (words)"),
    rows=f"""
        SELECT {COLUMNS.fold}
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("ManagedLinkCreated", "ManagedLinkUpdated")} AS payload,
                   {select_switch_state(on="ManagedLinkDisabled", off="ManagedLinkEnabled", initially=False)}
                       AS disabled,
                   {has_event("ManagedLinkDeleted")} AS deleted
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS managed_link
    """,
    events=(
        "ManagedLinkCreated",
        "ManagedLinkUpdated",
        "ManagedLinkDisabled",
        "ManagedLinkEnabled",
        "ManagedLinkDeleted",
    ),
)

LISTING = Listing(
    columns=COLUMNS.select,
    relation="managed_links AS g",
    key="g.managed_link_id",
    sorts={"created_at": Sort("g.created_at", "timestamptz"), "name": Sort("{schema}.fold_text(g.name)", "text")},
    to_row=COLUMNS.read_row,
)


@dataclass(frozen=True, slots=True)
class ManagedLinkFilters:
    """Filters of a list of managed links: deleted ones are listed only with `status` "deleted".

    `q` is a word prefix over name and slug; `team_id` keeps those with this team.
    """

    status: str | None = None
    q: str | None = None
    team_id: UUID | None = None


FILTERS = {
    "status": f"{STATUS} = %(status)s",
    "not_deleted": "NOT g.deleted",
    "team_id": "g.team_id = %(team_id)s",
    "q": match_own_words("g.words"),
}


def find_managed_link(source: QuerySource, id: UUID, now: datetime) -> FullManagedLinkRow | None:
    """A managed link as it is at an instant; None when there is none."""
    return LISTING.find_by_id(source, id, WhereClause((), {"now": now}))


def list_managed_links(
    source: QuerySource,
    now: datetime,
    filters: ManagedLinkFilters,
    sort: str = "-created_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[FullManagedLinkRow]:
    """One page of managed links as they are at an instant, newest first. Raises Invalid."""
    values = asdict(filters) | {"not_deleted": filters.status is None, "now": now}
    return LISTING.fetch_page(source, WhereClause.from_filters(FILTERS, values), sort, limit, cursor)
