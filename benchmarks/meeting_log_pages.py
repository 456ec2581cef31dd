"""A page of a big meeting log by each filter (but `q`) and sort, beside the query by hand with its index."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row

from api.server import DATABASE
from benchmarks.big_log import id_of
from benchmarks.figure import Figure, in_turns
from benchmarks.issuing import timed
from benchmarks.sizes import Sizes
from projections import catalogue, meeting_log
from projections.meeting_log import FILTERS, LISTING, MEETING_LOG, MeetingFilters
from projections.queries.query import Source
from projections.rebuild.progress import UNHURRIED
from store.database import Database
from store.embedded.server import Server

# a filter with its value, and the columns that an index made for it begins with
ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "no filter": ({}, ""),
    "link_type": ({"link_type": "managed"}, "link_type, "),
    "hide_single_use": ({"hide_single_use": True}, ""),
    "status": ({"status": "cancelled"}, "status, "),
    "host_id": ({"host_id": id_of("person", 7)}, ""),
    "link_id": ({"link_id": id_of("link", 7)}, "link_id, "),
    "meeting_type_id": ({"meeting_type_id": id_of("meeting type", 7)}, "meeting_type_id, "),
    "booked": ({"booked_from": "2025-01-25Z", "booked_to": "2025-02-05Z"}, ""),
    "starts": ({"starts_from": "2025-01-25Z", "starts_to": "2025-02-05Z"}, ""),
}
SORTS = ("-booked_at", "booked_at", "-starts_at", "starts_at")
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = %s AND tablename = %s AND indexname NOT LIKE '%%pkey'
"""
# what such an index ends in: a range of one time, in the order of the other
TRAILING = {("booked", "starts_at"): ", booked_at", ("starts", "booked_at"): ", starts_at"}
WHERE = {"hide_single_use": " WHERE link_type IN ('standard', 'managed')"}
# a hundred hosts with ten links each and twenty meeting types: one meeting a minute, every twentieth cancelled
ROWS = """
INSERT INTO {schema}."{table}" (booking_id, booked_at, status, link_type, link_id, meeting_type_id, host_ids, starts_at,
    ends_at, reschedule_count, source, details_id, version)
SELECT gen_random_uuid(), at,
    (ARRAY['scheduled', 'scheduled', 'scheduled', 'rescheduled', 'cancelled'])[1 + n * 7919 %% 5],
    (ARRAY['single_use', 'single_use', 'standard', 'managed'])[1 + n * 104729 %% 4],
    md5('link' || n * 31 %% 1000)::uuid, md5('meeting type' || n * 17 %% 20)::uuid,
    ARRAY[md5('person' || n * 13 %% 100)::uuid], starts, starts + interval '30 min', 0, 'web', gen_random_uuid(), 2
FROM generate_series(1, %(count)s::bigint) n,
    LATERAL (SELECT timestamptz '2025-01-01Z' + n * interval '60 days' / %(count)s AS at) AS booked,
    LATERAL (SELECT at + n * 6151 %% 20160 * interval '1 minute' AS starts) AS held
"""


def figures(db: Database, found: Server, sizes: Sizes, where: str) -> list[Figure]:
    """One for each filter: of its four sorts, the one that is furthest from its floor."""
    url = found.url(database=DATABASE)
    with psycopg.connect(url, autocommit=True, options=UNHURRIED) as connection:
        table = filled(db, connection, sizes.meetings)
    return [
        max((figure(db, url, table, name, sort, sizes, where) for sort in SORTS), key=lambda one: one.reached)
        for name in ASKED
    ]


def filled(db: Database, connection: Connection[Any], meetings: int) -> str:
    """The live table with that many meetings, its indexes made after loading; its name."""
    table = db_tables(db)[MEETING_LOG.name]
    there = connection.execute(INDEXES, (db.schema, table)).fetchall()
    for name, _ in there:
        connection.execute(f'DROP INDEX {db.schema}."{name}"')
    connection.execute(db.text(f'TRUNCATE {{schema}}."{table}"'))
    connection.execute(db.text(ROWS.replace("{table}", table)), {"count": meetings})
    for _, definition in there:
        connection.execute(definition)
    connection.execute(db.text(f'VACUUM ANALYZE {{schema}}."{table}"'))
    return table


def figure(db: Database, url: str, table: str, name: str, sort: str, sizes: Sizes, where: str) -> Figure:
    """Milliseconds of the first page, and of the same rows by hand."""
    source, filters = catalogue.live(db), MeetingFilters(**ASKED[name][0])

    def ours() -> float:
        return median_ms(sizes, lambda: meeting_log.page(source, filters, sort))

    with by_hand(db, url, table, name, sort) as ask:
        assert [row["booking_id"] for row in ask()][:50] == [row["booking_id"] for row in page(source, filters, sort)]
        values, floors = in_turns(sizes.rounds, ours, lambda: median_ms(sizes, ask))
    title = f"meeting log page of {sizes.meetings:,}, {name}, by {sort}"
    return Figure(title, "ms", values, floors, 2, True, "by hand with its index", where)


def page(source: Source, filters: MeetingFilters, sort: str) -> list[Any]:
    """The rows of the first page."""
    return list(meeting_log.page(source, filters, sort).items)


@contextmanager
def by_hand(db: Database, url: str, table: str, name: str, sort: str) -> Iterator[Any]:
    """The query that one would write for this filter and sort, with an index of its own that nobody else sees."""
    filters, leading = ASKED[name]
    column, down = sort.removeprefix("-"), "DESC" if sort.startswith("-") else "ASC"
    trailing = TRAILING.get((name, column), "")
    index = f'CREATE INDEX ON {{schema}}."{table}" ({leading}{column}, booking_id{trailing}){WHERE.get(name, "")}'
    conditions = " AND ".join(FILTERS[one] for one in filters) or "true"
    order = f"ORDER BY m.{column} {down}, m.booking_id {down}"
    rows = f'SELECT * FROM {{schema}}."{table}" AS m WHERE {conditions} {order} LIMIT 51'
    names = "WITH " + ", ".join(
        f'{name} AS NOT MATERIALIZED (SELECT * FROM {{schema}}."{live}")' for name, live in db_tables(db).items()
    )
    query = db.text(f"{names} SELECT {LISTING.columns} FROM ({rows}) AS m {order}")
    with psycopg.connect(url, row_factory=dict_row, options=f"{UNHURRIED} -c timezone=UTC") as connection:
        connection.execute(db.text(index))
        yield lambda: connection.execute(query, filters, prepare=False).fetchall()
        connection.rollback()


def db_tables(db: Database) -> dict[str, str]:
    """The live tables by the read models' names."""
    return {row["name"]: row["live_table"] for row in db.rows("SELECT name, live_table FROM {schema}.read_models")}


def median_ms(sizes: Sizes, ask: Any) -> float:
    """The median of some questions, in milliseconds."""
    return statistics.median(timed(ask) for _ in range(sizes.asked)) * 1000
