"""Teams: their read model, and its queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from typing_extensions import TypedDict

from projections.column_kinds import Column, Composed, Hidden
from projections.columns import Columns
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.read_model import FIRST_TIME, LAST_TIME, ReadModel, has_event, select_last_payload

# each member with the name of now; a scalar subquery, as name_lookups says
MEMBERS = """(SELECT jsonb_agg(member || jsonb_build_object('person', (
    SELECT jsonb_build_object('name', p.name, 'active', p.active) FROM people AS p
    WHERE p.person_id = (member ->> 'person_id')::uuid)) ORDER BY n)
    FROM jsonb_array_elements(t.members) WITH ORDINALITY AS e(member, n)) AS members"""
MEMBER_IDS = "ARRAY(SELECT (member ->> 'person_id')::uuid FROM jsonb_array_elements(t.members) AS member)"
MEMBER_NAMES = """ARRAY(SELECT p.name FROM jsonb_array_elements(t.members) WITH ORDINALITY AS e(member, n)
    LEFT JOIN people AS p ON p.person_id = (member ->> 'person_id')::uuid ORDER BY n)"""


class TeamMemberRow(TypedDict):
    """A member of a team. `active` is false for a person who was deactivated: they are not chosen any more."""

    person_id: UUID
    name: str
    weight: int
    priority: int
    active: bool


class TeamRow(TypedDict):
    """A team, as the API answers."""

    id: Annotated[UUID, Column("stream_id", "team_id")]
    name: Annotated[str, Column("payload ->> 'name'")]
    members: Annotated[
        list[TeamMemberRow],
        Composed(
            lambda record: [to_member(member) for member in record["members"]],
            {"member_ids": MEMBER_IDS, "member_names": MEMBER_NAMES},
        ),
    ]
    created_at: Annotated[datetime, Column("created_at")]
    updated_at: Annotated[datetime, Column("updated_at")]
    version: Annotated[int, Column("version")]


def to_member(member: dict[str, Any]) -> TeamMemberRow:
    """A member from its JSON."""
    return TeamMemberRow(
        person_id=UUID(member["person_id"]),
        name=member["person"]["name"],
        weight=member["weight"],
        priority=member["priority"],
        active=member["person"]["active"],
    )


COLUMNS = Columns(
    TeamRow,
    alias="t",
    key="team_id",
    hidden=(
        Hidden("members", "jsonb NOT NULL", "payload -> 'members'", before="created_at", selected=(MEMBERS,)),
        Hidden("deleted", "boolean NOT NULL", "deleted", before="created_at"),
        Hidden("words", "tsvector NOT NULL", "{schema}.words(payload ->> 'name')"),
    ),
)
VIEW = f"{COLUMNS.build_view(TeamRow, 'teams')} WHERE NOT t.deleted"

TEAMS = ReadModel(
    name="teams",
    version=1,
    key="team_id",
    table=COLUMNS.table,
    indexes=("(created_at, team_id)", "({schema}.fold_text(name), team_id)", "USING gin (words)"),
    rows=f"""
        SELECT {COLUMNS.fold}
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("TeamCreated", "TeamUpdated")} AS payload,
                   {has_event("TeamDeleted")} AS deleted
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS team
    """,
    events=("TeamCreated", "TeamUpdated", "TeamDeleted"),
)

FILTERS = {
    "not_deleted": "NOT t.deleted",
    "q": match_own_words("t.words"),
    "member_id": "t.members @> jsonb_build_array(jsonb_build_object('person_id', %(member_id)s::text))",
}

LISTING = Listing(
    columns=COLUMNS.select,
    relation="teams AS t",
    key="t.team_id",
    sorts={"created_at": Sort("t.created_at", "timestamptz"), "name": Sort("{schema}.fold_text(t.name)", "text")},
    to_row=COLUMNS.read_row,
)


def find_team(source: QuerySource, id: UUID) -> TeamRow | None:
    """A team; None when there is none, or it was deleted."""
    return LISTING.find_by_id(source, id, WhereClause((FILTERS["not_deleted"],), {}))


def find_teams(source: QuerySource, ids: Sequence[UUID]) -> list[TeamRow]:
    """The teams of these ids, in their order, deleted ones too. Unknown ids are left out."""
    return LISTING.find_by_ids(source, ids)


def list_teams(
    source: QuerySource,
    q: str | None = None,
    sort: str = "-created_at",
    limit: int = 50,
    cursor: str | None = None,
    member_id: UUID | None = None,
) -> Page[TeamRow]:
    """One page of teams that are not deleted, newest first; `q` is a word prefix over the name.

    `member_id` keeps the teams of a person. Raises Invalid.
    """
    values = {"not_deleted": True, "q": q, "member_id": None if member_id is None else str(member_id)}
    return LISTING.fetch_page(source, WhereClause.from_filters(FILTERS, values), sort, limit, cursor)
