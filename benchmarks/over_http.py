"""Bookings over HTTP on single-use links, beside a route of the same server that only runs the SQL of a booking."""

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
from uuid import uuid4

from benchmarks.booking import prepared_calls
from benchmarks.environment import GUEST, SECRET, Ground
from benchmarks.figure import Figure, in_turns
from benchmarks.load import CONNECTIONS, Measured, Post, load
from benchmarks.sizes import Sizes

FACTORY = "benchmarks.http_server:create"


@contextmanager
def served(url: str, workers: int, **settings: str) -> Iterator[tuple[int, int]]:
    """The service in processes of its own; its port, and the id of the process (with one worker: of the worker).

    Without couriers, unless the settings say otherwise: `benchmarks/mail.py` measures those.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "--factory", FACTORY, "--port", str(port), "--workers", str(workers)]
    quiet = ["--no-access-log", "--log-level", "warning"]
    environment = {
        **os.environ,
        "ONCELINK_DATABASE_URL": url,
        "ONCELINK_SECRET_KEYS": SECRET,
        "PYTHONPATH": os.getcwd(),
        "ONCELINK_COURIERS": "0",
        **settings,
    }
    with (
        tempfile.TemporaryFile() as log,  # written and thrown away: a server writes its log
        subprocess.Popen([*command, *quiet], env=environment, stderr=log) as process,
    ):
        try:
            while not answers(port):
                assert process.poll() is None, "the server ended"
                time.sleep(0.05)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def answers(port: int) -> bool:
    """Whether the service is healthy."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def bookings(ground: Ground, port: int, count: int, rate: float | None = None) -> Measured:
    """Bookings of as many single-use links. Raises AssertionError unless all are made."""
    codes = [ground.oncelink.codes.make(id, "book") for id in ground.issue(count)]
    posts = [
        Post(f"/v1/book/{code}", {"start": start.isoformat(), **GUEST}, uuid4().hex)
        for code, start in zip(codes, ground.starts(count), strict=True)
    ]
    return all_made(load(port, posts, rate), count)


def floor(ground: Ground, port: int, count: int, rate: float | None = None) -> Measured:
    """The same by the bare SQL. Raises AssertionError unless all are made."""
    posts = [Post(f"/floor/{token}", call) for token, call in prepared_calls(ground, count)]
    return all_made(load(port, posts, rate), count)


def all_made(measured: Measured, count: int) -> Measured:
    """What was measured, if it is what was asked for. Raises AssertionError."""
    assert measured.statuses == {201: count}, measured.statuses
    return measured


def throughput(ground: Ground, url: str, workers: int, sizes: Sizes, where: str) -> Figure:
    """Bookings in a second over 32 connections."""
    with served(url, workers) as (port, _):
        for warm in (bookings, floor):
            warm(ground, port, max(20, sizes.bookings // 5))
        values, floors = in_turns(
            sizes.rounds,
            lambda: bookings(ground, port, sizes.bookings).per_second,
            lambda: floor(ground, port, sizes.bookings).per_second,
        )
    name = f"bookings over HTTP, {CONNECTIONS} connections, {workers} worker{'s' if workers > 1 else ''}"
    return Figure(name, "/s", values, floors, 0.5, floor="bare SQL on the same server", where=where)


def slowest(ground: Ground, url: str, rate: float, sizes: Sizes, where: str) -> Figure:
    """The 99th percentile, in milliseconds, at a rate that one worker has to spare."""
    with served(url, 1) as (port, _):
        for warm in (bookings, floor):
            warm(ground, port, max(20, sizes.bookings // 5))
        values, floors = in_turns(
            sizes.rounds,
            lambda: bookings(ground, port, sizes.bookings, rate).quantile(0.99) * 1000,
            lambda: floor(ground, port, sizes.bookings, rate).quantile(0.99) * 1000,
        )
    name = f"p99 of a booking over HTTP at {rate:.0f}/s, half of what one worker does"
    return Figure(name, "ms", values, floors, 3, True, "bare SQL at the same rate", where)


def memory(ground: Ground, url: str, sizes: Sizes) -> Figure:
    """Megabytes of the server's process after many bookings, beside the same after a few."""
    few, many = sizes.bookings_in_memory
    with served(url, 1) as (port, pid):
        in_pieces(ground, port, few)
        before = resident_megabytes(pid)
        in_pieces(ground, port, many - few)
        after = resident_megabytes(pid)
    return Figure(
        f"memory of a server process after {many:,} bookings", "MB", [after], [before], 1.1, True, f"after {few:,}"
    )


def in_pieces(ground: Ground, port: int, count: int) -> None:
    """So many bookings, a thousand at a time."""
    for done in range(0, count, 1_000):
        bookings(ground, port, min(1_000, count - done))


def resident_megabytes(pid: int) -> float:
    """What a process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
