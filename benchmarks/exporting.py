"""Measure the export: rows per second, and memory as the log grows: `python -m benchmarks.exporting [MEETINGS…]`."""

import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from api.cli.export import Exporter, ExportPaths
from api.cli.export_formats import FORMATS, KINDS
from api.clock import read_clock
from benchmarks.environment import BenchmarkEnvironment, open_environment, run_database_server
from projections import usage
from projections.following.batch_projector import BatchProjector
from projections.following.positions import read_positions
from projections.rebuild import live_tables
from projections.usage import UsageFilters
from store.embedded.server import Server

MEETINGS = (10_000, 40_000)
# like one meeting that was booked, each a stream of its own, over a year
COPY_MEETINGS = """
WITH one AS (SELECT stream_id FROM {schema}.events WHERE type = 'MeetingBooked.v1' ORDER BY position LIMIT 1),
copy AS (SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS issued, gen_random_uuid() AS booked,
                now() - n * interval '365 days' / %(count)s AS at FROM generate_series(1, %(count)s) n),
bookings AS (
    SELECT n, copy.id, e.version, e.type, e.data || jsonb_build_object(
        'occurred_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'details_id', CASE WHEN e.version = 1 THEN issued ELSE booked END) AS data,
        (e.data ->> 'details_id')::uuid AS like_details
    FROM copy, {schema}.events e JOIN one USING (stream_id)
), details AS (
    INSERT INTO {schema}.personal_details (id, stream_id, salt, data, words)
    SELECT (t.data ->> 'details_id')::uuid, t.id, d.salt, d.data, d.words
    FROM bookings t JOIN {schema}.personal_details d ON d.id = t.like_details
)
INSERT INTO {schema}.events (stream_id, version, type, data) SELECT id, version, type, data FROM bookings
ORDER BY n, version
"""


def extend_log(server: Server, environment: BenchmarkEnvironment, meetings: int) -> int:
    """Add this many meetings on single-use links to the log, settle and project them. Return the last position."""
    with psycopg.connect(server.build_url(database="oncelink"), autocommit=True) as connection:
        connection.execute(environment.services.database.compose_query(COPY_MEETINGS), {"count": meetings})
        connection.execute("VACUUM ANALYZE oncelink.events, oncelink.personal_details")
    head = read_positions(environment.services.database).head
    with environment.services.database.connect() as connection:
        projector = BatchProjector(environment.services.database, connection, live_tables.READ_MODELS)
        while projector.project_batch(head) < head:
            pass
    return head


def measure_export(environment: BenchmarkEnvironment, what: str, format: str, until: int, folder: Path) -> str:
    """Measure one export: rows per second, and the peak memory of the process."""
    export = Exporter(environment.services, what, KINDS[what], format, until, None)
    started_at = time.perf_counter()
    export.write_export(ExportPaths(folder / "export", None))
    seconds = time.perf_counter() - started_at
    rows, peak_megabytes = export.counts.total(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"  {what:12} {format:8} {rows:8} rows {rows / seconds:9.0f} rows/s, peak {peak_megabytes} MB"


def measure_usage_of_a_year(environment: BenchmarkEnvironment) -> str:
    """Measure how long the usage of a year takes, by each grouping."""
    timings = []
    for group_by in ("day", "link", "issuer", "meeting_type"):
        days = build_usage_filters()
        started_at = time.perf_counter()
        usage.list_usage(environment.services.live_source, read_clock(), group_by, days)  # type: ignore[arg-type]
        timings.append(f"{group_by} {(time.perf_counter() - started_at) * 1000:.0f} ms")
    return "  usage of a year by " + ", ".join(timings)


def build_usage_filters() -> UsageFilters:
    """Build the filters of the year until today."""
    from api.v1.usage import list_days
    from domain.offer import build_days_interval

    last = read_clock().date()
    days = list_days(last.replace(year=last.year - 1), last, last)
    starts = [build_days_interval(day, day, "UTC").start for day in days]
    return UsageFilters(days, starts, build_days_interval(last, last, "UTC").end)


def main(sizes: Sequence[int] = MEETINGS) -> None:
    """Measure every kind and format at each size."""
    with (
        run_database_server("native") as server,
        open_environment(server) as environment,
        TemporaryDirectory() as folder,
    ):
        environment.book_meeting(environment.issue_single_use_links(1)[0], environment.take_starts(1)[0])
        for size in sizes:
            until = extend_log(server, environment, size)
            print(f"log of {until} positions")
            print(measure_usage_of_a_year(environment))
            for what in KINDS:
                for format in FORMATS:
                    print(measure_export(environment, what, format, until, Path(folder)), flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or MEETINGS)
