"""Bookings while the mail server hangs, or answers, beside bookings without mail: `python -m benchmarks mail`."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.environment import FLUSHES, Ground, ground, server
from benchmarks.figure import Figure, in_turns
from benchmarks.over_http import bookings, served
from store.schema import SERVICE_ROLE

BOUND = 1.1
FROM = "Oncelink <book@nexora.example>"
DATABASE = "oncelink"


def main(rounds: str = "5", count: str = "600", rate: str = "80") -> None:
    """The 99th percentile of a booking over HTTP, at a rate, natively and with a 1 ms flush."""
    for flush in FLUSHES:
        with server(flush) as found, ground(found) as here, hanging() as port:
            url = found.url(SERVICE_ROLE, DATABASE)
            print(figure(here, url, port, int(rounds), int(count), float(rate), flush), flush=True)


def figure(here: Ground, url: str, port: int, rounds: int, count: int, rate: float, where: str) -> Figure:
    """Beside no mail at all; both servers are started anew for each round, so that they have the same behind them."""
    mail = {"ONCELINK_COURIERS": "1", "ONCELINK_SMTP_URL": f"smtp://127.0.0.1:{port}", "ONCELINK_MAIL_FROM": FROM}
    values, floors = in_turns(
        rounds,
        lambda: slowest(here, url, count, rate, mail),
        lambda: slowest(here, url, count, rate, {"ONCELINK_COURIERS": "0"}),
    )
    name = f"p99 of a booking over HTTP at {rate:.0f}/s, the mail server hanging"
    return Figure(name, "ms", values, floors, BOUND, True, "without mail", where)


def slowest(here: Ground, url: str, count: int, rate: float, settings: dict[str, str]) -> float:
    """The 99th percentile, in milliseconds, of a server that is warm."""
    with served(url, 1, **settings) as (port, _):
        bookings(here, port, max(20, count // 4), rate)
        return bookings(here, port, count, rate).quantile(0.99) * 1000


@contextmanager
def hanging() -> Iterator[int]:
    """A mail server that takes every connection and never says a word; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):  # it is closed at the end
                while True:
                    kept.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        for one in kept:
            one.close()
