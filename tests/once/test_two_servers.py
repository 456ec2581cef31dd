"""A single-use link books exactly one meeting, however many guests ask two server processes at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import httpx2
import psycopg
import pytest

from store.embedded.server import Server
from tests.once.conftest import Office
from tests.once.deadlocks import deadlocks
from tests.once.guests import at_once, booked, books, check_calendar, outcomes
from tests.once.server_processes import wait_until

LINKS = int(os.environ.get("ONCE_LINKS", "40"))
GUESTS = 20


def test_each_link_books_once(office: Office) -> None:
    """Guests of one link ask for two times, half of them each, by two servers."""
    host = office.host()
    link = office.link(host)
    codes = [code for count in parts(LINKS, 100) for code in office.house.codes(link, count, host)]
    starts = office.house.slots(codes[0], days=LINKS * 2 // 48 + 1)
    wishes = [(guest // 2 % 2, code, starts[2 * n + guest % 2]) for n, code in enumerate(codes) for guest in range(20)]
    with ThreadPoolExecutor(2 * GUESTS) as threads:
        answers = list(threads.map(partial(book, office), wishes))
    assert outcomes(answers) == {"201": LINKS, "410 link_used": LINKS * (GUESTS - 1)}
    assert booked(office.database, link) == LINKS
    check_calendar(office.database)


def book(office: Office, wish: tuple[int, str, str]) -> httpx2.Response:
    """A booking at one of the servers, with a key of its own."""
    server, code, start = wish
    return books(office.running[server], code, start, uuid4().hex)


def parts(total: int, most: int) -> list[int]:
    """A total in parts of at most so many."""
    return [min(most, total - done) for done in range(0, total, most)]


def test_deadlocks_are_counted(server: Server) -> None:
    """The measure that other tests rely on does move; in another database, so that theirs does not."""
    url = server.url()
    before = deadlocks(url)
    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        one.execute("SELECT pg_advisory_xact_lock(1)")
        other.execute("SELECT pg_advisory_xact_lock(2)")
        crossed = [
            lambda: one.execute("SELECT pg_advisory_xact_lock(2)"),
            lambda: other.execute("SELECT pg_advisory_xact_lock(1)"),
        ]
        with pytest.raises(psycopg.errors.DeadlockDetected):
            at_once(crossed)
        one.rollback()
        other.rollback()
    wait_until(lambda: deadlocks(url) == before + 1, "the deadlock is counted")
