"""The export: rows a second, and memory as the log grows: `python -m benchmarks.exporting [MEETINGS…]`."""

import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from api.cli.export import Exporting, Files
from api.cli.export_formats import FORMATS, KINDS
from api.clock import now
from benchmarks.environment import Ground, ground, server
from projections import usage
from projections.following.batch_projector import Folding
from projections.following.positions import position
from projections.rebuild import live_tables
from projections.usage import UsageFilters
from store.embedded.server import Server

MEETINGS = (10_000, 40_000)
# like one meeting that was booked, each a stream of its own, over a year
MULTIPLY = """
WITH one AS (SELECT stream_id FROM {schema}.events WHERE type = 'MeetingBooked.v1' ORDER BY position LIMIT 1),
copy AS (SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS issued, gen_random_uuid() AS booked,
                now() - n * interval '365 days' / %(count)s AS at FROM generate_series(1, %(count)s) n),
told AS (
    SELECT n, copy.id, e.version, e.type, e.data || jsonb_build_object(
        'occurred_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'details_id', CASE WHEN e.version = 1 THEN issued ELSE booked END) AS data,
        (e.data ->> 'details_id')::uuid AS like_details
    FROM copy, {schema}.events e JOIN one USING (stream_id)
), details AS (
    INSERT INTO {schema}.personal_details (id, stream_id, salt, data, words)
    SELECT (t.data ->> 'details_id')::uuid, t.id, d.salt, d.data, d.words
    FROM told t JOIN {schema}.personal_details d ON d.id = t.like_details
)
INSERT INTO {schema}.events (stream_id, version, type, data) SELECT id, version, type, data FROM told
ORDER BY n, version
"""


def grown(found: Server, here: Ground, meetings: int) -> int:
    """The log with so many more meetings on single-use links, settled and folded; its last position."""
    with psycopg.connect(found.url(database="oncelink"), autocommit=True) as connection:
        connection.execute(here.oncelink.database.text(MULTIPLY), {"count": meetings})
        connection.execute("VACUUM ANALYZE oncelink.events, oncelink.personal_details")
    head = position(here.oncelink.database).head
    with here.oncelink.database.connect() as connection:
        folding = Folding(here.oncelink.database, connection, live_tables.READ_MODELS)
        while folding.batch(head) < head:
            pass
    return head


def exported(here: Ground, what: str, format: str, until: int, folder: Path) -> str:
    """One export: rows a second, and the most memory that the process ever had."""
    exporting = Exporting(here.oncelink, what, KINDS[what], format, until, None)
    began = time.perf_counter()
    exporting.write(Files(folder / "export", None))
    seconds = time.perf_counter() - began
    rows, memory = exporting.counts.total(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"  {what:12} {format:8} {rows:8} rows {rows / seconds:9.0f} rows/s, peak {memory} MB"


def usage_of_a_year(here: Ground) -> str:
    """How long the usage of a year takes, by each grouping."""
    found = []
    for by in ("day", "link", "issuer", "meeting_type"):
        days = usage_days()
        began = time.perf_counter()
        usage.page(here.oncelink.live, now(), by, days)  # type: ignore[arg-type]
        found.append(f"{by} {(time.perf_counter() - began) * 1000:.0f} ms")
    return "  usage of a year by " + ", ".join(found)


def usage_days() -> UsageFilters:
    """The year until today."""
    from api.v1.usage import asked_days
    from domain.availability.offer import days_as_interval

    last = now().date()
    days = asked_days(last.replace(year=last.year - 1), last, last)
    starts = [days_as_interval(day, day, "UTC").start for day in days]
    return UsageFilters(days, starts, days_as_interval(last, last, "UTC").end)


def main(sizes: Sequence[int] = MEETINGS) -> None:
    """Every kind and format at each size."""
    with server("native") as found, ground(found) as here, TemporaryDirectory() as folder:
        here.book(here.issue(1)[0], here.starts(1)[0])
        for size in sizes:
            until = grown(found, here, size)
            print(f"log of {until} positions")
            print(usage_of_a_year(here))
            for what in KINDS:
                for format in FORMATS:
                    print(exported(here, what, format, until, Path(folder)), flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or MEETINGS)
