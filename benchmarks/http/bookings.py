"""Measure bookings over HTTP on single-use links against a route that only runs the SQL of a booking."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from benchmarks.booking import prepare_append_calls
from benchmarks.environment import GUEST, SECRET, BenchmarkEnvironment
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.http.load import CONNECTIONS, LoadResult, PostRequest, run_load
from benchmarks.sizes import Sizes

FACTORY = "benchmarks.http.floor_route:create_benchmark_app"


@contextmanager
def run_service(url: str, workers: int, factory: str = FACTORY, **settings: str) -> Iterator[tuple[int, int]]:
    """Run the service in processes of its own. Yield its port and process id (with one worker: the worker's).

    Without outbox workers unless the settings say otherwise: `benchmarks/mail.py` measures those.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port), "--workers", str(workers)]
    command += ["--http", "benchmarks.http.floor_route:create_protocol"]
    log_options = ["--no-access-log", "--log-level", "warning"]
    process_environment = {
        **os.environ,
        "ONCELINK_DATABASE_URL": url,
        "ONCELINK_SECRET_KEYS": SECRET,
        "PYTHONPATH": os.getcwd(),
        "ONCELINK_COURIERS": "0",
        **settings,
    }
    with (
        tempfile.TemporaryFile() as log,  # written and thrown away: a server writes its log
        subprocess.Popen([*command, *log_options], env=process_environment, stderr=log) as process,
    ):
        try:
            while not is_healthy(port):
                assert process.poll() is None, "the server ended"
                time.sleep(0.05)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def is_healthy(port: int) -> bool:
    """Return whether the service is healthy."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def measure_bookings(environment: BenchmarkEnvironment, port: int, count: int, rate: float | None = None) -> LoadResult:
    """Measure bookings of `count` single-use links. Raises AssertionError unless all succeed."""
    return require_all_created(run_load(port, build_booking_requests(environment, count), rate), count)


def build_booking_requests(
    environment: BenchmarkEnvironment, count: int, link_id: UUID | None = None
) -> list[PostRequest]:
    """Build requests that book `count` new single-use links."""
    codes = [
        environment.services.codes.create_code(id, "book") for id in environment.issue_single_use_links(count, link_id)
    ]
    return [
        PostRequest(f"/v1/book/{code}", {"start": start.isoformat(), **GUEST}, uuid4().hex)
        for code, start in zip(codes, environment.take_starts(count), strict=True)
    ]


def measure_floor(environment: BenchmarkEnvironment, port: int, count: int, rate: float | None = None) -> LoadResult:
    """Measure the same by bare SQL. Raises AssertionError unless all succeed."""
    requests = [PostRequest(f"/floor/{token}", call) for token, call in prepare_append_calls(environment, count)]
    return require_all_created(run_load(port, requests, rate), count)


def require_all_created(result: LoadResult, count: int) -> LoadResult:
    """Return the result if all requests were answered with 201. Raises AssertionError."""
    assert result.statuses == {201: count}, result.statuses
    return result


def measure_throughput(
    environment: BenchmarkEnvironment, url: str, workers: int, sizes: Sizes, flush_mode: str
) -> Figure:
    """Measure bookings per second over 32 connections."""
    with run_service(url, workers) as (port, _):
        for measure in (measure_bookings, measure_floor):
            measure(environment, port, max(20, sizes.bookings // 5))
        values, floors = measure_in_turns(
            sizes.rounds,
            lambda: measure_bookings(environment, port, sizes.bookings).requests_per_second,
            lambda: measure_floor(environment, port, sizes.bookings).requests_per_second,
        )
    name = f"bookings over HTTP, {CONNECTIONS} connections, {workers} worker{'s' if workers > 1 else ''}"
    return Figure(name, "/s", values, floors, 0.5, floor="bare SQL on the same server", flush_mode=flush_mode)


def measure_p99(environment: BenchmarkEnvironment, url: str, rate: float, sizes: Sizes, flush_mode: str) -> Figure:
    """Measure the 99th percentile in milliseconds, at a rate well below what one worker handles."""
    with run_service(url, 1) as (port, _):
        for measure in (measure_bookings, measure_floor):
            measure(environment, port, max(20, sizes.bookings // 5))
        values, floors = measure_in_turns(
            sizes.rounds,
            lambda: measure_bookings(environment, port, sizes.bookings, rate).compute_quantile(0.99) * 1000,
            lambda: measure_floor(environment, port, sizes.bookings, rate).compute_quantile(0.99) * 1000,
        )
    name = f"p99 of a booking over HTTP at {rate:.0f}/s, half of what one worker does"
    return Figure(name, "ms", values, floors, 3, True, "bare SQL at the same rate", flush_mode)


def measure_memory(environment: BenchmarkEnvironment, url: str, sizes: Sizes) -> Figure:
    """Measure the megabytes of the server process after many bookings, against those after a few."""
    first_count, second_count = sizes.bookings_in_memory
    with run_service(url, 1) as (port, pid):
        book_in_batches(environment, port, first_count)
        megabytes_before = read_resident_megabytes(pid)
        book_in_batches(environment, port, second_count - first_count)
        megabytes_after = read_resident_megabytes(pid)
    return Figure(
        f"memory of a server process after {second_count:,} bookings",
        "MB",
        [megabytes_after],
        [megabytes_before],
        1.1,
        True,
        f"after {first_count:,}",
    )


def book_in_batches(environment: BenchmarkEnvironment, port: int, count: int) -> None:
    """Book this many meetings, a thousand at a time."""
    for start in range(0, count, 1_000):
        measure_bookings(environment, port, min(1_000, count - start))


def read_resident_megabytes(pid: int) -> float:
    """Read the resident memory of a process, in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
