"""Measure as-of queries of one token in a big log: `python -m benchmarks as_of [EVENTS]`."""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg

from api.clock import read_clock
from api.server import DATABASE, EMBEDDED_SETTINGS, OWNER_ROLE, prepare_database
from benchmarks import big_log
from benchmarks.environment import format_quantiles
from projections import links, meeting_log, single_use_links
from projections.following.positions import read_positions
from replay.as_of import AsOfQuery
from replay.history import event_history
from replay.history.event_history import HistoryFilters
from replay.instants import find_last_position
from store.database import Database
from store.embedded.server import run_server
from store.schema import SERVICE_ROLE

SAMPLE_SIZE = 300
TARGET_MS = 20.0
TARGET_FIGURE = "one booking as of a position"
BARE = "SELECT data FROM {schema}.events WHERE stream_id = %s"
BOOKED = """SELECT b.stream_id, b.position FROM {schema}.events AS b
    JOIN {schema}.events AS i ON i.stream_id = b.stream_id AND split_part(i.type, '.', 1) = 'SingleUseIssued'
    WHERE split_part(b.type, '.', 1) = 'MeetingBooked' ORDER BY md5(b.stream_id::text) LIMIT %s"""


def main(events: str = "1000000") -> None:
    """Create the log, then run one as-of query at a time at random positions."""
    with (
        tempfile.TemporaryDirectory(prefix="oncelink-benchmark-") as folder,
        run_server(Path(folder), settings=EMBEDDED_SETTINGS) as server,
    ):
        prepare_database(server.build_url(), server.build_url(OWNER_ROLE, DATABASE), "oncelink")
        started_at = time.perf_counter()
        big_log.fill_log(server.build_url(database=DATABASE), int(events))
        with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE oncelink.events")
        print(f"{int(events):,} events made in {time.perf_counter() - started_at:.0f} s")
        database = Database(server.build_url(SERVICE_ROLE, DATABASE)).open()
        try:
            measure_queries(database)
        finally:
            database.close()


def measure_queries(database: Database) -> None:
    """Measure every query, and as a floor one bare read of the token's events."""
    queries = [
        (token, AsOfQuery.from_request(database, position, read_clock()))
        for token, position in sample_booked_tokens(database)
    ]
    link, end = big_log.derive_id("link", 1), read_positions(database).head
    figures: dict[str, Callable[[UUID, AsOfQuery], object]] = {
        "floor: the token's bare events": lambda token, as_of: database.fetch_rows(BARE, (token,)),
        "one booking as of a position": lambda token, as_of: meeting_log.find_meeting(as_of.source, token),
        "one single-use link": lambda token, as_of: single_use_links.find_single_use_link(
            as_of.source, token, as_of.now
        ),
        "one link, with its counts": lambda token, as_of: links.find_link(as_of.source, link, as_of.now),
        "the position of an instant": lambda token, as_of: find_last_position(database, as_of.now, end),
        "the story of one token": lambda token, then: event_history.list_stream_events(database, token),
        "a page of the history": lambda token, as_of: event_history.list_events(
            database, HistoryFilters(as_of.point_in_time.position)
        ),
    }
    for name, figure in figures.items():
        seconds = measure_seconds(figure, queries)
        print(f"  {name + ':':34}{format_quantiles(seconds)}")
        if name == TARGET_FIGURE:
            p50 = sorted(seconds)[len(seconds) // 2] * 1000
            print(f"  {'  its target, under 20 ms:':34}{'met' if p50 < TARGET_MS else 'MISSED'}")


def sample_booked_tokens(database: Database) -> list[tuple[UUID, int]]:
    """Pick booked single-use links from anywhere in the log, each with a position after its booking."""
    rng = random.Random(7)
    head = read_positions(database).head
    rows = database.fetch_rows(BOOKED, (SAMPLE_SIZE,))
    return [(row["stream_id"], rng.randint(row["position"], head)) for row in rows]


def measure_seconds(figure: Callable[[UUID, AsOfQuery], object], queries: list[tuple[UUID, AsOfQuery]]) -> list[float]:
    """Measure the seconds of each query. The first ten warm up and are not counted."""
    seconds = []
    for token, as_of in [*queries[:10], *queries]:
        started_at = time.perf_counter()
        assert figure(token, as_of) is not None
        seconds.append(time.perf_counter() - started_at)
    return seconds[10:]
