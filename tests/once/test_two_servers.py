"""A single-use link books exactly one meeting, however many guests ask two server processes at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import httpx2
import psycopg
import pytest

from store.embedded.server import Server
from tests.once.conftest import Deployment
from tests.once.deadlocks import count_deadlocks
from tests.once.guests import book_slot, check_calendar, count_bookings, count_outcomes, run_concurrently
from tests.waiting import wait_until

LINKS = int(os.environ.get("ONCE_LINKS", "40"))
GUESTS = 20


def test_each_link_books_once(deployment: Deployment) -> None:
    """Guests of one link ask for two times, half of them each, by two servers."""
    host = deployment.add_host()
    link = deployment.create_link(host)
    codes = [code for count in split_total(LINKS, 100) for code in deployment.api.create_codes(link, count, host)]
    starts = deployment.api.list_slots(codes[0], days=LINKS * 2 // 48 + 1)
    bookings = [
        (guest // 2 % 2, code, starts[2 * n + guest % 2]) for n, code in enumerate(codes) for guest in range(20)
    ]
    with ThreadPoolExecutor(2 * GUESTS) as threads:
        responses = list(threads.map(partial(book_at_server, deployment), bookings))
    assert count_outcomes(responses) == {"201": LINKS, "410 link_used": LINKS * (GUESTS - 1)}
    assert count_bookings(deployment.database, link) == LINKS
    check_calendar(deployment.database)


def book_at_server(deployment: Deployment, booking: tuple[int, str, str]) -> httpx2.Response:
    """Book at one of the servers, with a key of its own."""
    server, code, start = booking
    return book_slot(deployment.clients[server], code, start, uuid4().hex)


def split_total(total: int, max_part: int) -> list[int]:
    """Split a total into parts of at most `max_part`."""
    return [min(max_part, total - start) for start in range(0, total, max_part)]


def test_deadlocks_are_counted(server: Server) -> None:
    """The measure that other tests rely on does move; in another database, so that theirs does not."""
    url = server.build_url()
    deadlock_count = count_deadlocks(url)
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        first.execute("SELECT pg_advisory_xact_lock(1)")
        second.execute("SELECT pg_advisory_xact_lock(2)")
        crossed = [
            lambda: first.execute("SELECT pg_advisory_xact_lock(2)"),
            lambda: second.execute("SELECT pg_advisory_xact_lock(1)"),
        ]
        with pytest.raises(psycopg.errors.DeadlockDetected):
            run_concurrently(crossed)
        first.rollback()
        second.rollback()
    wait_until(lambda: count_deadlocks(url) == deadlock_count + 1, "the deadlock is counted")
