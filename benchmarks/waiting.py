"""Measure how long the demo, a row in the meeting log and a takeover take: `python -m benchmarks waiting`."""

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time

from benchmarks import following
from benchmarks.environment import FLUSHES, format_quantiles, open_environment, run_database_server
from benchmarks.http.bookings import is_healthy

STARTS = 5
DEMO = "from api.cli.main import app; app()"


def measure_starts() -> list[float]:
    """Measure the seconds from starting the demo until /healthz answers, with initdb and the sample organisation."""
    return [measure_start() for _ in range(STARTS)]


def measure_start() -> float:
    """Measure one start in an empty folder."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="oncelink-benchmark-") as folder:
        command = [sys.executable, "-c", DEMO, "demo", "--json", "--port", str(port), "--data", folder]
        started_at = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            while not is_healthy(port):
                assert process.poll() is None, "the demo ended"
                time.sleep(0.005)
            seconds = time.perf_counter() - started_at
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["people"]
            process.send_signal(signal.SIGINT)
            process.wait(30)
    return seconds


def main() -> None:
    """Measure and print each of them."""
    print(f"demo, empty folder to first answer: {format_quantiles(measure_starts())}")
    for flush in FLUSHES:
        print(f"\n{flush}")
        with run_database_server(flush) as server, open_environment(server) as environment:
            print(f"  answer to row in the meeting log: {format_quantiles(following.measure_row_latency(environment))}")
            print(f"  … one read of that row:           {format_quantiles(following.measure_read(environment))}")
            print(f"  takeover after kill -9:           {format_quantiles(following.measure_takeovers(environment))}")
