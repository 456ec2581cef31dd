"""People of the organisation: their read model, and its queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from typing_extensions import TypedDict

from projections.column_kinds import Column, Hidden
from projections.columns import Columns
from projections.days_off import ABSENCES, HOLIDAYS, LIMITS, AbsenceRow, HolidaysRow, LimitsRow
from projections.queries.free_people import CAN_HOST
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.read_model import FIRST_TIME, LAST_TIME, ReadModel, select_last_payload, select_switch_state


class PersonRow(TypedDict):
    """A person, as the API answers."""

    id: Annotated[UUID, Column("stream_id", "person_id")]
    name: Annotated[str, Column("payload ->> 'name'")]
    email: Annotated[str, Column("payload ->> 'email'")]
    time_zone: Annotated[str, Column("payload ->> 'time_zone'")]
    roles: Annotated[list[str], Column("payload -> 'roles'")]
    active: Annotated[bool, Column("active")]
    busy_feed_url: Annotated[str | None, Column("payload ->> 'busy_feed_url'")]
    weekly_hours: Annotated[dict[str, list[tuple[str, str]]], Column("payload -> 'weekly_hours'")]
    date_overrides: Annotated[dict[str, list[tuple[str, str]]], Column("payload -> 'date_overrides'")]
    limits: Annotated[LimitsRow, Column(LIMITS)]
    holidays: Annotated[HolidaysRow | None, Column(HOLIDAYS)]
    absences: Annotated[list[AbsenceRow], Column(ABSENCES)]
    locale: Annotated[str | None, Column("payload ->> 'locale'")]
    version: Annotated[int, Column("version")]


class FullPersonRow(PersonRow):
    """A person with what the API does not show of them."""

    created_at: Annotated[datetime, Column("created_at", before="version")]
    updated_at: Annotated[datetime, Column("updated_at", before="version")]


WORDS = Hidden("words", "tsvector NOT NULL", "{schema}.words(concat_ws(' ', payload ->> 'name', payload ->> 'email'))")
COLUMNS = Columns(FullPersonRow, alias="p", key="person_id", hidden=(WORDS,))

PEOPLE = ReadModel(
    name="people",
    version=4,
    key="person_id",
    table=COLUMNS.table,
    indexes=("(created_at, person_id)", "({schema}.fold_text(name), person_id)", "USING gin (words)"),
    rows=f"""
        SELECT {COLUMNS.fold}
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("PersonAdded", "PersonUpdated")} AS payload,
                   {select_switch_state(on="PersonActivated", off="PersonDeactivated", initially=True)} AS active
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS person
    """,
    events=("PersonAdded", "PersonUpdated", "PersonDeactivated", "PersonActivated"),
)

FILTERS = {"q": match_own_words("p.words"), "hosts": CAN_HOST}

LISTING = Listing(
    columns=COLUMNS.select,
    relation="people AS p",
    key="p.person_id",
    sorts={"created_at": Sort("p.created_at", "timestamptz"), "name": Sort("{schema}.fold_text(p.name)", "text")},
    to_row=COLUMNS.read_row,
)


def find_person(source: QuerySource, id: UUID) -> FullPersonRow | None:
    """A person; None when there is none."""
    return LISTING.find_by_id(source, id)


def find_people(source: QuerySource, ids: Sequence[UUID]) -> list[FullPersonRow]:
    """The people of these ids, in their order. Unknown ids are left out."""
    return LISTING.find_by_ids(source, ids)


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
    source: QuerySource,
    q: str | None = None,
    sort: str = "-created_at",
    limit: int = 50,
    cursor: str | None = None,
    hosts_only: bool = False,
) -> Page[FullPersonRow]:
    """One page of people, newest first; `q` is a word prefix over name and e-mail address.

    `hosts_only` leaves out who cannot host. Raises Invalid.
    """
    where = WhereClause.from_filters(FILTERS, {"q": q, "hosts": hosts_only})
    return LISTING.fetch_page(source, where, sort, limit, cursor)


def find_holiday_keepers(source: QuerySource) -> list[UUID]:
    """The ids of the people who keep public holidays."""
    rows = source.fetch_rows("SELECT person_id FROM people WHERE holidays IS NOT NULL ORDER BY person_id", {})
    return [row["person_id"] for row in rows]
