"""The past of one token in a big log: `python -m benchmarks as_of [EVENTS]` prints how long it takes to ask for it."""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg

from api.clock import now
from api.server import DATABASE, EMBEDDED_SETTINGS, OWNER_ROLE, prepare
from benchmarks import big_log
from benchmarks.environment import quantiles
from projections import links, meeting_log, single_use_links
from projections.following.positions import position
from replay.as_of import AsOf
from replay.history import event_history
from replay.history.event_history import HistoryFilters
from replay.instants import last_recorded
from store.database import Database
from store.embedded.server import running
from store.schema import SERVICE_ROLE

ASKED = 300
TARGET_MS = 20.0
TARGETED = "one booking as of a position"
BARE = "SELECT data FROM {schema}.events WHERE stream_id = %s"
BOOKED = """SELECT b.stream_id, b.position FROM {schema}.events AS b
    JOIN {schema}.events AS i ON i.stream_id = b.stream_id AND split_part(i.type, '.', 1) = 'SingleUseIssued'
    WHERE split_part(b.type, '.', 1) = 'MeetingBooked' ORDER BY md5(b.stream_id::text) LIMIT %s"""


def main(events: str = "1000000") -> None:
    """Makes the log, then asks for one thing at a time at a random moment of its life."""
    with (
        tempfile.TemporaryDirectory(prefix="oncelink-benchmark-") as folder,
        running(Path(folder), settings=EMBEDDED_SETTINGS) as server,
    ):
        prepare(server.url(), server.url(OWNER_ROLE, DATABASE), "oncelink")
        began = time.perf_counter()
        big_log.fill(server.url(database=DATABASE), int(events))
        with psycopg.connect(server.url(database=DATABASE), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE oncelink.events")
        print(f"{int(events):,} events made in {time.perf_counter() - began:.0f} s")
        database = Database(server.url(SERVICE_ROLE, DATABASE)).open()
        try:
            measure(database)
        finally:
            database.close()


def measure(database: Database) -> None:
    """Every figure, beside the floor of one bare read of the token's events."""
    asked = [(token, AsOf.asked(database, position, now())) for token, position in booked(database)]
    link, end = big_log.id_of("link", 1), position(database).head
    figures: dict[str, Callable[[UUID, AsOf], object]] = {
        "floor: the token's bare events": lambda token, then: database.rows(BARE, (token,)),
        "one booking as of a position": lambda token, then: meeting_log.one(then.source, token),
        "one single-use link": lambda token, then: single_use_links.one(then.source, token, then.now),
        "one link, with its counts": lambda token, then: links.one(then.source, link, then.now),
        "the position of an instant": lambda token, then: last_recorded(database, then.now, end),
        "the story of one token": lambda token, then: event_history.stream(database, token),
        "a page of the history": lambda token, then: event_history.page(database, HistoryFilters(then.moment.position)),
    }
    for name, figure in figures.items():
        seconds = timed(figure, asked)
        print(f"  {name + ':':34}{quantiles(seconds)}")
        if name == TARGETED:
            p50 = sorted(seconds)[len(seconds) // 2] * 1000
            print(f"  {'  its target, under 20 ms:':34}{'met' if p50 < TARGET_MS else 'MISSED'}")


def booked(database: Database) -> list[tuple[UUID, int]]:
    """Booked single-use links anywhere in the log, each with a position after its booking."""
    chance = random.Random(7)
    head = position(database).head
    rows = database.rows(BOOKED, (ASKED,))
    return [(row["stream_id"], chance.randint(row["position"], head)) for row in rows]


def timed(figure: Callable[[UUID, AsOf], object], asked: list[tuple[UUID, AsOf]]) -> list[float]:
    """Seconds of each question; the first ten, which warm up, do not count."""
    seconds = []
    for token, then in [*asked[:10], *asked]:
        began = time.perf_counter()
        assert figure(token, then) is not None
        seconds.append(time.perf_counter() - began)
    return seconds[10:]
