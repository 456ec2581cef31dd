"""Measure the processor time of a booking, as a multiple of an empty route: `python -m benchmarks processor`."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from benchmarks.environment import GUEST, BenchmarkEnvironment, open_environment, run_database_server
from benchmarks.http.bookings import build_booking_requests, require_all_created, run_service
from benchmarks.http.load import PostRequest, run_load
from store.embedded.server import Server
from store.schema import SERVICE_ROLE

BARE_FACTORY = "benchmarks.http.bare_server:create_bare_app"
CONNECTIONS = 16
EMPTY = "an empty route"
CHEAP_FACTOR = 10  # so many more of the requests that cost next to nothing
DATABASE = "oncelink"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
UNFOLDED = """SELECT count(*) AS number FROM {schema}.follower
    WHERE position < (SELECT max(position) FROM {schema}.events)"""


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Milliseconds of processor time for one request: of the server's Python processes, and of PostgreSQL."""

    python: float
    postgresql: float


def main(rounds: str = "3", count: str = "400") -> None:
    """Measure in turns: an empty route, the same inserts by a bare route, and a booking with its read models."""
    with run_database_server("native") as server, open_environment(server) as environment:
        times = measure_in_turns(environment, server, int(rounds), int(count))
    empty = [time.python for time in times[EMPTY]]
    for name, measured in times.items():
        ratios = [time.python / floor for time, floor in zip(measured, empty, strict=True)]
        python, postgresql = (statistics.median(getattr(time, part) for time in measured) for part in PARTS)
        spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
        print(
            f"{name}: {statistics.median(ratios):.2f} × an empty route ({spread}); "
            f"Python {python:.2f} ms, PostgreSQL {postgresql:.2f} ms",
            flush=True,
        )


PARTS = ("python", "postgresql")


def measure_in_turns(
    environment: BenchmarkEnvironment, server: Server, rounds: int, count: int
) -> dict[str, list[ProcessorTime]]:
    """Measure each kind of request `rounds` times, after a warm-up."""
    owner_url, service_url = server.build_url(database=DATABASE), server.build_url(SERVICE_ROLE, DATABASE)
    postmaster = find_postmaster(environment)
    with (
        run_service(owner_url, 1, factory=BARE_FACTORY) as (bare_port, bare_pid),
        run_service(service_url, 1) as (port, pid),
    ):
        requests: dict[str, tuple[int, int, Callable[[BenchmarkEnvironment, int], list[PostRequest]]]] = {
            EMPTY: (bare_port, bare_pid, build_empty_requests),
            "the same inserts by a bare route": (bare_port, bare_pid, build_insert_requests),
            "a booking, read models included": (port, pid, build_booking_requests),
        }
        times: dict[str, list[ProcessorTime]] = {name: [] for name in requests}
        for number in range(rounds + 1):
            for name, (server_port, server_pid, build_requests) in requests.items():
                prepared = build_requests(environment, count * CHEAP_FACTOR if name == EMPTY else count)
                wait_until_folded(environment)
                send = partial(send_and_fold, environment, server_port, prepared)
                measured = measure_processor_time(server_pid, postmaster, send, len(prepared))
                if number:
                    times[name].append(measured)
    return times


def measure_processor_time(pid: int, postmaster: int, send: Callable[[], None], count: int) -> ProcessorTime:
    """Measure the processor time of one of the `count` requests that `send` sends."""
    python, postgresql = read_processor_seconds(pid), read_processor_seconds(postmaster)
    send()
    return ProcessorTime(
        (read_processor_seconds(pid) - python) / count * 1000,
        (read_processor_seconds(postmaster) - postgresql) / count * 1000,
    )


def find_postmaster(environment: BenchmarkEnvironment) -> int:
    """Find the process of PostgreSQL whose children are its sessions."""
    [row] = environment.services.database.fetch_rows("SELECT pg_backend_pid() AS pid", ())
    return int(Path(f"/proc/{row['pid']}/stat").read_text().rpartition(")")[2].split()[1])


def build_empty_requests(_: BenchmarkEnvironment, count: int) -> list[PostRequest]:
    """Build requests with the body of a booking for the empty route."""
    return [PostRequest("/empty", {"start": "2030-01-01T00:00:00Z", **GUEST}, uuid4().hex) for _ in range(count)]


def build_insert_requests(environment: BenchmarkEnvironment, count: int) -> list[PostRequest]:
    """Build requests for the route that inserts the rows of a booking: of nobody, so that no read model shows it."""
    tokens, host = [uuid4() for _ in range(count)], uuid4()
    return [
        PostRequest(f"/insert/{token}/{host}", {"start": start.isoformat(), **GUEST}, uuid4().hex)
        for token, start in zip(tokens, environment.take_starts(count), strict=True)
    ]


def send_and_fold(environment: BenchmarkEnvironment, port: int, requests: list[PostRequest]) -> None:
    """Send the requests, and wait until the read models have them. Raises AssertionError unless all succeed."""
    require_all_created(run_load(port, requests, connections=CONNECTIONS), len(requests))
    wait_until_folded(environment)


def wait_until_folded(environment: BenchmarkEnvironment) -> None:
    """Wait until the read models have every event."""
    while environment.services.database.fetch_rows(UNFOLDED, ())[0]["number"]:
        time.sleep(0.05)


def read_processor_seconds(pid: int) -> float:
    """Read the user and system time of a process, its children that live, and those that it waited for."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in read_children(task)]
    return read_own_seconds(pid) + sum(read_processor_seconds(child) for child in children)


def read_children(task: Path) -> list[str]:
    """Read the processes that a thread began."""
    try:
        return (task / "children").read_text().split()
    except FileNotFoundError:  # the thread ended
        return []


def read_own_seconds(pid: int) -> float:
    """Read the user and system time of a process and of the children that it waited for; 0 for one that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_SECOND
