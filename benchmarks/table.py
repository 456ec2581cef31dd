"""The table of figures: each measured against its floor, natively and with a 1 ms flush, then drawn."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    appending,
    catching_up,
    chart,
    earlier_bookings,
    issuing,
    meeting_log_pages,
    peers,
    slots,
)
from benchmarks.environment import FLUSHES, open_environment, run_database_server
from benchmarks.figure import Figure
from benchmarks.http import bookings
from benchmarks.rebuilding import create_filled_database
from benchmarks.sizes import Sizes
from store.embedded.server import Server
from store.schema import SERVICE_ROLE

DATABASE = "oncelink"
CHART_PATH = Path(__file__).parents[1] / "docs" / "performance.svg"


def run_benchmarks(sizes: Sizes, chart_path: Path | None = CHART_PATH) -> int:
    """Measure, print and draw all figures. Return 1 when a bound does not hold, else 0."""
    started_at = datetime.now(UTC)
    title = f"{started_at:%Y-%m-%d}, {describe_machine()}, load average {os.getloadavg()[0]:.1f}"
    print(title, flush=True)
    figures = []
    for figure in measure_all(sizes):
        print(figure, flush=True)
        figures.append(figure)
    if chart_path is not None:
        chart_path.write_text(chart.draw_chart(figures, title), encoding="utf-8")
    missed = [figure for figure in figures if not figure.is_within_bound]
    seconds = (datetime.now(UTC) - started_at).total_seconds()
    print(f"{len(figures)} figures in {seconds:.0f} s, {len(missed)} missed; load average {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


def describe_machine() -> str:
    """What this ran on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def measure_all(sizes: Sizes) -> Iterator[Figure]:
    """Measure all figures. Those that do not depend on the flush are measured once."""
    for flush_mode in FLUSHES:
        with run_database_server(flush_mode) as server:
            yield from measure_bookings(server, sizes, flush_mode)
    with run_database_server("native") as server:
        yield from measure_big_log(server, sizes)
    with run_database_server("native") as server, open_environment(server) as environment:
        environment.services.follower.stop()
        yield from earlier_bookings.measure_by_earlier_bookings(environment, server, sizes, "native")


def measure_bookings(server: Server, sizes: Sizes, flush_mode: str) -> Iterator[Figure]:
    """Measure bookings, slots and issuing."""
    url = server.build_url(SERVICE_ROLE, DATABASE)
    with open_environment(server) as environment:
        yield from slots.measure_slots_of_a_month(environment, server, sizes, flush_mode)
        yield issuing.measure_issuing(environment, server, sizes, flush_mode)
        throughput = bookings.measure_throughput(environment, url, 1, sizes, flush_mode)
        yield throughput
        yield bookings.measure_throughput(environment, url, 2, sizes, flush_mode)
        yield bookings.measure_p99(
            environment, url, sorted(throughput.values)[len(throughput.values) // 2] / 2, sizes, flush_mode
        )
        if flush_mode == "native":
            yield bookings.measure_memory(environment, url, sizes)
    yield from appending.measure_appends(server, sizes, flush_mode)
    if sizes.peers:
        for sentence in peers.measure_peers(server, sizes):
            print(f"  {flush_mode}: {sentence}", flush=True)


def measure_big_log(server: Server, sizes: Sizes) -> Sequence[Figure]:
    """Measure the queries and rebuilds of a long history."""
    db = create_filled_database(server, sizes.events)
    try:
        return [
            *catching_up.measure_catching_up(db, server, sizes, "native"),
            *meeting_log_pages.measure_pages(db, server, sizes, "native"),
        ]
    finally:
        db.close()
