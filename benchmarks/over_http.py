"""Bookings over HTTP on single-use links, beside a route of the same server that only runs the bare SQL of a booking."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from benchmarks.booking import prepared_calls
from benchmarks.ground import GUEST, SECRET, Ground
from benchmarks.load import Measured, Post, load

BOOKINGS = 1500
FACTORY = "benchmarks.http_server:create"


@contextmanager
def served(url: str, workers: int) -> Iterator[int]:
    """The service in processes of its own; the port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "--factory", FACTORY, "--port", str(port), "--workers", str(workers)]
    quiet = ["--no-access-log", "--log-level", "warning"]
    environment = {**os.environ, "ONCELINK_DATABASE_URL": url, "ONCELINK_SECRET_KEYS": SECRET, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen([*command, *quiet], env=environment) as process:
        try:
            while not answers(port):
                assert process.poll() is None, "the server ended"
                time.sleep(0.05)
            yield port
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


def bookings(ground: Ground, port: int, count: int = BOOKINGS, rate: float | None = None) -> Measured:
    """Bookings of as many single-use links."""
    codes = [ground.oncelink.codes.make(id, "book") for id in ground.issue(count)]
    posts = [
        Post(f"/v1/book/{code}", {"start": start.isoformat(), **GUEST}, uuid4().hex)
        for code, start in zip(codes, ground.starts(count), strict=True)
    ]
    return load(port, posts, rate)


def floor(ground: Ground, port: int, count: int = BOOKINGS, rate: float | None = None) -> Measured:
    """The same by the bare SQL."""
    posts = [Post(f"/floor/{token}", call) for token, call in prepared_calls(ground, count)]
    return load(port, posts, rate)
