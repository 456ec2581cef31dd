"""A guest's p99, and the server's memory, while clients hold connections with requests that never end.

`python -m benchmarks slow_clients [CLIENTS] [SECONDS]` ends with 1 when a bound is not held.
"""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing import Process

from benchmarks.environment import BenchmarkEnvironment, open_environment, run_database_server
from benchmarks.figure import Figure
from benchmarks.http.bookings import read_resident_megabytes, run_service
from benchmarks.http.load import send_request
from store.schema import SERVICE_ROLE

BEGINNINGS = (
    b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 8_000_000,
    b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX: ",
    b"POST /v1/book/x HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"a" * 50_000,
)
MAX_SECONDS, MAX_GROWTH = 1.0, 1.6


async def hold_connections(port: int, until: float, numbers: "count[int]") -> None:
    """Begin requests and never end them, on one connection after the other."""
    while time.monotonic() < until:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(BEGINNINGS[next(numbers) % len(BEGINNINGS)])
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), max(0.1, until - time.monotonic()))
            writer.transport.abort()
        await asyncio.sleep(0.5)  # or three hundred would become thousands in a second


async def measure_guest(port: int, path: str, until: float) -> list[float]:
    """Measure the seconds of a guest's looks, each on a new connection."""
    seconds = []
    while time.monotonic() < until:
        started_at = time.perf_counter()
        connection = await asyncio.open_connection("127.0.0.1", port)
        status, _ = await send_request(connection, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        seconds.append(time.perf_counter() - started_at)
        assert status == 200
        connection[1].close()
        await asyncio.sleep(0.02)
    return sorted(seconds)


async def run_slow_clients(port: int, clients: int, seconds: float) -> None:
    """Hold so many connections at a time."""
    until, numbers = time.monotonic() + seconds, count()
    await asyncio.gather(*(hold_connections(port, until, numbers) for _ in range(clients)))


def measure_beside(port: int, path: str, clients: int, seconds: float) -> list[float]:
    """Measure a guest beside so many slow clients, which run in a process of their own."""
    slow = Process(target=run_in_process, args=(port, clients, seconds))
    slow.start()
    try:
        return asyncio.run(measure_guest(port, path, time.monotonic() + seconds))
    finally:
        slow.join()


def run_in_process(port: int, clients: int, seconds: float) -> None:
    """Run slow clients until they are done."""
    asyncio.run(run_slow_clients(port, clients, seconds))


def measure_slow_clients(environment: BenchmarkEnvironment, url: str, clients: int, seconds: float) -> list[Figure]:
    """Measure the guest's p99, and the memory of the server's process."""
    slug = environment.services.scheduling.load_offer(environment.link_id, fresh=True).link.properties.slug
    day = (datetime.now(UTC) + timedelta(days=2)).date()
    path = f"/v1/book/{slug}/slots?from={day}&to={day}&time_zone=UTC"
    with run_service(url, 1) as (port, pid):
        alone = measure_beside(port, path, 0, seconds)
        before = read_resident_megabytes(pid)
        beside = measure_beside(port, path, clients, seconds)
        after = read_resident_megabytes(pid)
    p99, p99_alone = (values[int(len(values) * 0.99)] * 1000 for values in (beside, alone))
    name = f"a guest's p99 beside {clients} slow clients"
    print(f"{name}: {p99:.1f} ms, without them {p99_alone:.1f} ms")
    return [
        Figure(name, "ms", [p99], (), MAX_SECONDS * 1000, True),
        Figure(f"memory beside {clients} slow clients", "MB", [after], [before], MAX_GROWTH, True, "without"),
    ]


def main(clients: str = "300", seconds: str = "20") -> None:
    """Measure and print; exit with 1 unless the bounds hold."""
    with run_database_server("native") as server, open_environment(server) as environment:
        url = server.build_url(SERVICE_ROLE, "oncelink")
        figures = measure_slow_clients(environment, url, int(clients), float(seconds))
    for figure in figures:
        print(figure)
    raise SystemExit(0 if all(figure.is_within_bound for figure in figures) else 1)
