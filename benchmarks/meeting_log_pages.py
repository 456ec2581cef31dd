"""Measure a page of a big meeting log by each filter (but `q`) and sort, against a manual query with its own index."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row

from api.server import DATABASE
from benchmarks.big_log import derive_id
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.issuing import measure_seconds
from benchmarks.sizes import Sizes
from projections import catalogue, meeting_log
from projections.meeting_log import FILTERS, LISTING, MEETING_LOG, MeetingFilters
from projections.queries.query import QuerySource
from projections.rebuild.progress import NO_TIMEOUTS
from projections.table_lookup import find_live_tables
from store.database import Database
from store.embedded.server import Server

# a filter with its value, and the columns that an index made for it begins with
FILTER_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "no filter": ({}, ""),
    "link_type": ({"link_type": "managed"}, "link_type, "),
    "hide_single_use": ({"hide_single_use": True}, ""),
    "status": ({"status": "cancelled"}, "status, "),
    "host_id": ({"host_id": derive_id("person", 7)}, ""),
    "link_id": ({"link_id": derive_id("link", 7)}, "link_id, "),
    "meeting_type_id": ({"meeting_type_id": derive_id("meeting type", 7)}, "meeting_type_id, "),
    "booked": ({"booked_from": "2025-01-25Z", "booked_to": "2025-02-05Z"}, ""),
    "starts": ({"starts_from": "2025-01-25Z", "starts_to": "2025-02-05Z"}, ""),
}
SORTS = ("-booked_at", "booked_at", "-starts_at", "starts_at")
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = %s AND tablename = %s AND indexname NOT LIKE '%%pkey'
"""
# what such an index ends in: a range of one time, in the order of the other
TRAILING = {("booked", "starts_at"): ", booked_at", ("starts", "booked_at"): ", starts_at"}
WHERE_CLAUSES = {"hide_single_use": " WHERE link_type IN ('standard', 'managed')"}
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


def measure_pages(db: Database, server: Server, sizes: Sizes, flush_mode: str) -> list[Figure]:
    """Measure one figure for each filter: of its four sorts, the one that is furthest from its floor."""
    url = server.build_url(database=DATABASE)
    with psycopg.connect(url, autocommit=True, options=NO_TIMEOUTS) as connection:
        table = fill_live_table(db, connection, sizes.meetings)
    return [
        max(
            (measure_page(db, url, table, name, sort, sizes, flush_mode) for sort in SORTS),
            key=lambda figure: figure.result,
        )
        for name in FILTER_CASES
    ]


def fill_live_table(db: Database, connection: Connection[Any], meetings: int) -> str:
    """Fill the live table with this many meetings and create its indexes after loading. Return its name."""
    table = find_live_tables(db.fetch_rows)[MEETING_LOG.name].table
    indexes = connection.execute(INDEXES, (db.schema, table)).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX {db.schema}."{name}"')
    connection.execute(db.compose_query(f'TRUNCATE {{schema}}."{table}"'))
    connection.execute(db.compose_query(ROWS.replace("{table}", table)), {"count": meetings})
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute(db.compose_query(f'VACUUM ANALYZE {{schema}}."{table}"'))
    return table


def measure_page(db: Database, url: str, table: str, name: str, sort: str, sizes: Sizes, flush_mode: str) -> Figure:
    """Measure the milliseconds of the first page, and of the same rows by a manual query."""
    source, filters = catalogue.from_live_tables(db), MeetingFilters(**FILTER_CASES[name][0])

    def run_query() -> float:
        return measure_median_ms(sizes, lambda: meeting_log.list_meetings(source, filters, sort))

    with prepare_manual_query(db, url, table, name, sort) as run_manual_query:
        assert [row["booking_id"] for row in run_manual_query()][:50] == [
            row["booking_id"] for row in list_first_page(source, filters, sort)
        ]
        values, floors = measure_in_turns(sizes.rounds, run_query, lambda: measure_median_ms(sizes, run_manual_query))
    title = f"meeting log page of {sizes.meetings:,}, {name}, by {sort}"
    return Figure(title, "ms", values, floors, 2, True, "by hand with its index", flush_mode)


def list_first_page(source: QuerySource, filters: MeetingFilters, sort: str) -> list[Any]:
    """List the rows of the first page."""
    return list(meeting_log.list_meetings(source, filters, sort).items)


@contextmanager
def prepare_manual_query(db: Database, url: str, table: str, name: str, sort: str) -> Iterator[Any]:
    """Prepare the query that one would write for this filter and sort, with an index of its own. Yield a callable."""
    filters, leading = FILTER_CASES[name]
    column, direction = sort.removeprefix("-"), "DESC" if sort.startswith("-") else "ASC"
    trailing = TRAILING.get((name, column), "")
    index = (
        f'CREATE INDEX ON {{schema}}."{table}" ({leading}{column}, booking_id{trailing}){WHERE_CLAUSES.get(name, "")}'
    )
    conditions = " AND ".join(FILTERS[filter_name] for filter_name in filters) or "true"
    order = f"ORDER BY m.{column} {direction}, m.booking_id {direction}"
    rows = f'SELECT * FROM {{schema}}."{table}" AS m WHERE {conditions} {order} LIMIT 51'
    live_tables = "WITH " + ", ".join(
        f'{name} AS NOT MATERIALIZED (SELECT * FROM {{schema}}."{live_table.table}")'
        for name, live_table in find_live_tables(db.fetch_rows).items()
    )
    query = db.compose_query(f"{live_tables} SELECT {LISTING.columns} FROM ({rows}) AS m {order}")
    with psycopg.connect(url, row_factory=dict_row, options=f"{NO_TIMEOUTS} -c timezone=UTC") as connection:
        connection.execute(db.compose_query(index))
        yield lambda: connection.execute(query, filters, prepare=False).fetchall()
        connection.rollback()


def measure_median_ms(sizes: Sizes, query: Any) -> float:
    """Measure the median milliseconds of some queries."""
    return statistics.median(measure_seconds(query) for _ in range(sizes.repetitions)) * 1000
