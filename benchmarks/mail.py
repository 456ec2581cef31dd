"""Measure bookings while the mail server hangs, against bookings without mail: `python -m benchmarks mail`."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.environment import FLUSHES, BenchmarkEnvironment, open_environment, run_database_server
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.http.bookings import measure_bookings, run_service
from store.schema import SERVICE_ROLE

BOUND = 1.1
FROM = "Oncelink <book@nexora.example>"
DATABASE = "oncelink"


def main(rounds: str = "5", count: str = "600", rate: str = "80") -> None:
    """Measure the 99th percentile of a booking over HTTP at a rate, natively and with a 1 ms flush."""
    for flush in FLUSHES:
        with (
            run_database_server(flush) as server,
            open_environment(server) as environment,
            run_hanging_server() as port,
        ):
            url = server.build_url(SERVICE_ROLE, DATABASE)
            print(measure_mail(environment, url, port, int(rounds), int(count), float(rate), flush), flush=True)


def measure_mail(
    environment: BenchmarkEnvironment, url: str, port: int, rounds: int, count: int, rate: float, flush_mode: str
) -> Figure:
    """Beside no mail at all; both servers are started anew for each round, so that they have the same behind them."""
    mail_settings = {
        "ONCELINK_COURIERS": "1",
        "ONCELINK_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "ONCELINK_MAIL_FROM": FROM,
    }
    values, floors = measure_in_turns(
        rounds,
        lambda: measure_p99(environment, url, count, rate, mail_settings),
        lambda: measure_p99(environment, url, count, rate, {"ONCELINK_COURIERS": "0"}),
    )
    name = f"p99 of a booking over HTTP at {rate:.0f}/s, the mail server hanging"
    return Figure(name, "ms", values, floors, BOUND, True, "without mail", flush_mode)


def measure_p99(
    environment: BenchmarkEnvironment, url: str, count: int, rate: float, settings: dict[str, str]
) -> float:
    """Measure the 99th percentile of a warm server, in milliseconds."""
    with run_service(url, 1, **settings) as (port, _):
        measure_bookings(environment, port, max(20, count // 4), rate)
        return measure_bookings(environment, port, count, rate).compute_quantile(0.99) * 1000


@contextmanager
def run_hanging_server() -> Iterator[int]:
    """Run a mail server that accepts every connection and never sends anything. Yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connections: list[socket.socket] = []

        def accept_connections() -> None:
            with suppress(OSError):  # it is closed at the end
                while True:
                    connections.append(listener.accept()[0])

        threading.Thread(target=accept_connections, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()
