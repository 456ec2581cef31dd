"""While the database is away the service says so soon, and when it is back it goes on by itself."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.server import DATABASE, OWNER_ROLE, prepare
from api.settings import Settings
from store.embedded.cluster import Cluster
from store.embedded.server import running
from tests.api_driver import House
from tests.once.conftest import Office, new_settings
from tests.once.database_proxy import Proxy
from tests.once.guests import at_once, booked, books, check_calendar, outcome
from tests.once.server_processes import wait_until

GUESTS = 8
LINKS = 100
KILLS = 5
END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
SOON = 10.0
BACK = 5.0


@dataclass(frozen=True)
class Place:
    """A service, and how its database is taken away and given back."""

    house: House
    take_away: Callable[[], None]
    give_back: Callable[[], None]


@pytest.fixture
def refused(behind_proxy: Settings, proxy: Proxy) -> Iterator[Place]:
    """Connections are cut, and new ones refused."""
    with TestClient(build(behind_proxy), raise_server_exceptions=False) as client:
        yield Place(House.furnished(client), proxy.shut, proxy.open)


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Place]:
    """A PostgreSQL of its own, which is stopped."""
    folder = tmp_path / "postgres"
    with running(folder) as server:
        prepare(server.url(), server.url(OWNER_ROLE, DATABASE), "warm")
        cluster = Cluster.under(folder.resolve())
        service = build(new_settings(server, tmp_path))
        with TestClient(service, raise_server_exceptions=False) as client:
            yield Place(House.furnished(client), cluster.stop, lambda: cluster.start_or_attach({}))


@pytest.mark.parametrize("how", ["refused", "stopped"])
def test_says_so_soon_and_goes_on_by_itself(how: str, request: pytest.FixtureRequest) -> None:
    place: Place = request.getfixturevalue(how)
    codes = place.house.codes(place.house.link(), 2 * GUESTS)
    starts = place.house.slots(codes[0])
    calls = [partial(books, place.house.client, *wish, uuid4().hex) for wish in zip(codes, starts, strict=False)]
    place.take_away()
    for answer in at_once([partial(timed, call) for call in calls]):
        assert outcome(answer) == "503 try_again"
        assert int(answer.headers["Retry-After"]) > 0
    assert outcome(place.house.send("GET", "/v1/links", who="member")) == "503 try_again"
    place.give_back()
    wait_until(lambda: calls[0]().status_code == 201, "it goes on", BACK)
    assert {outcome(answer) for answer in at_once(calls)} == {"201"}
    assert len(place.house.log()) == len(calls)


def timed(call: Callable[[], httpx2.Response]) -> httpx2.Response:
    """An answer, which must come soon."""
    began = time.monotonic()
    answer = call()
    assert time.monotonic() - began < SOON
    return answer


def test_every_backend_is_killed_again_and_again(office: Office, superuser_url: str, shared_settings: Settings) -> None:
    """While guests book with keys flat out: a booking or 503, and then the same key finds out the truth."""
    host = office.host()
    link = office.link(host)
    codes = office.house.codes(link, LINKS, host)
    wishes = list(zip(codes, office.house.slots(codes[0], days=5), (uuid4().hex for _ in codes), strict=False))
    with killing(superuser_url, shared_settings.db_schema), ThreadPoolExecutor(GUESTS) as threads:
        answers = list(threads.map(lambda wish: books(office.running[int(wish[2], 16) % 2], *wish), wishes))
    assert {outcome(answer) for answer in answers} <= {"201", "503 try_again"}
    for wish, before in zip(wishes, answers, strict=True):
        again = books(office.running[0], *wish)
        assert again.status_code == 201
        assert before.status_code == 503 or again.json() == before.json()
    assert booked(office.database, link) == LINKS
    check_calendar(office.database)


@contextmanager
def killing(superuser_url: str, application_name: str) -> Iterator[None]:
    """While this lasts, every backend of an application is ended again and again; at the least so often."""
    enough = Event()
    with psycopg.connect(superuser_url, autocommit=True) as connection, ThreadPoolExecutor(1) as thread:

        def kill() -> int:
            killed = 0
            while not enough.wait(0.1):
                row = connection.execute(END, (application_name,)).fetchone()
                killed += row[0] if row else 0
            return killed

        killer = thread.submit(kill)
        try:
            yield
        finally:
            enough.set()
        assert killer.result() >= KILLS
