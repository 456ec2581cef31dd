"""People of the organisation: their read model, and its queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, cast
from uuid import UUID

from psycopg.rows import DictRow

from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.read_model import FIRST_TIME, LAST_TIME, ReadModel, select_last_payload, select_switch_state

PEOPLE = ReadModel(
    name="people",
    version=1,
    key="person_id",
    table="""
        person_id uuid PRIMARY KEY,
        name text NOT NULL,
        email text NOT NULL,
        time_zone text NOT NULL,
        roles jsonb NOT NULL,
        active boolean NOT NULL,
        busy_feed_url text,
        weekly_hours jsonb NOT NULL,
        date_overrides jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version int NOT NULL,
        words tsvector NOT NULL
    """,
    indexes=("(created_at, person_id)", "(lower(name), person_id)", "USING gin (words)"),
    rows=f"""
        SELECT stream_id AS person_id, told ->> 'name' AS name, told ->> 'email' AS email,
               told ->> 'time_zone' AS time_zone, told -> 'roles' AS roles, active,
               told ->> 'busy_feed_url' AS busy_feed_url, told -> 'weekly_hours' AS weekly_hours,
               told -> 'date_overrides' AS date_overrides, created_at, updated_at, version,
               {{schema}}.words(concat_ws(' ', told ->> 'name', told ->> 'email')) AS words
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("PersonAdded", "PersonUpdated")} AS told,
                   {select_switch_state(on="PersonActivated", off="PersonDeactivated", initially=True)} AS active
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS person
    """,
    events=("PersonAdded", "PersonUpdated", "PersonDeactivated", "PersonActivated"),
)


class PersonRow(TypedDict):
    """A person, as the API answers."""

    id: UUID
    name: str
    email: str
    time_zone: str
    roles: list[str]
    active: bool
    busy_feed_url: str | None
    weekly_hours: dict[str, list[tuple[str, str]]]
    date_overrides: dict[str, list[tuple[str, str]]]
    created_at: datetime
    updated_at: datetime
    version: int


def to_person_row(record: DictRow) -> PersonRow:
    """A record as a row of the API."""
    return cast(PersonRow, record)


LISTING = Listing(
    columns="""p.person_id AS id, p.name, p.email, p.time_zone, p.roles, p.active, p.busy_feed_url, p.weekly_hours,
        p.date_overrides, p.created_at, p.updated_at, p.version""",
    relation="people AS p",
    key="p.person_id",
    sorts={"created_at": Sort("p.created_at", "timestamptz"), "name": Sort("lower(p.name)", "text")},
    to_row=to_person_row,
)


def find_person(source: QuerySource, id: UUID) -> PersonRow | None:
    """A person; None when there is none."""
    return LISTING.find_row(source, "p.person_id = %(id)s", {"id": id})


def find_people(source: QuerySource, ids: Sequence[UUID]) -> list[PersonRow]:
    """The people of these ids, in their order. Unknown ids are left out."""
    rows_by_id = {row["id"]: row for row in LISTING.find_rows(source, "p.person_id = ANY(%(ids)s)", {"ids": list(ids)})}
    return [rows_by_id[id] for id in ids if id in rows_by_id]


class CalendarOwner(TypedDict):
    """What the reading of a person's calendars depends on."""

    id: UUID
    active: bool
    time_zone: str
    busy_feed_url: str | None


def find_calendar_owners(source: QuerySource, ids: Sequence[UUID]) -> dict[UUID, CalendarOwner]:
    """The people of these ids, and everybody who has a busy feed, by id."""
    query = """SELECT person_id AS id, active, time_zone, busy_feed_url FROM people
        WHERE busy_feed_url IS NOT NULL OR person_id = ANY(%(ids)s)"""
    return {row["id"]: cast(CalendarOwner, row) for row in source.fetch_rows(query, {"ids": list(ids)})}


def list_people(
    source: QuerySource, q: str | None = None, sort: str = "-created_at", limit: int = 50, cursor: str | None = None
) -> Page[PersonRow]:
    """One page of people, newest first; `q` is a word prefix over name and e-mail address. Raises Invalid."""
    return LISTING.fetch_page(
        source, WhereClause.from_filters({"q": match_own_words("p.words")}, {"q": q}), sort, limit, cursor
    )
