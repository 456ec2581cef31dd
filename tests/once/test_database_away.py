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

from api.app import build_app
from api.server import DATABASE, OWNER_ROLE, prepare_database
from api.settings import Settings
from store.embedded.cluster import Cluster
from store.embedded.server import run_server
from tests.api_driver import ApiDriver
from tests.once.conftest import Deployment, create_settings
from tests.once.database_proxy import DatabaseProxy
from tests.once.guests import book_slot, check_calendar, count_bookings, run_concurrently, to_outcome
from tests.waiting import wait_until

GUESTS = 8
LINKS = 100
KILLS = 5
END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
MAX_RESPONSE_SECONDS = 10.0
MAX_RECOVERY_SECONDS = 5.0


@dataclass(frozen=True)
class DatabaseOutage:
    """A service, and how to stop and start its database."""

    api: ApiDriver
    stop_database: Callable[[], None]
    start_database: Callable[[], None]


@pytest.fixture
def refused_connections(proxied_settings: Settings, proxy: DatabaseProxy) -> Iterator[DatabaseOutage]:
    """Connections are closed, and new ones refused."""
    with TestClient(build_app(proxied_settings), raise_server_exceptions=False) as client:
        yield DatabaseOutage(ApiDriver.create_organisation(client), proxy.stop_listening, proxy.start_listening)


@pytest.fixture
def stopped_server(tmp_path: Path) -> Iterator[DatabaseOutage]:
    """A PostgreSQL of its own, which is stopped."""
    folder = tmp_path / "postgres"
    with run_server(folder) as server:
        prepare_database(server.build_url(), server.build_url(OWNER_ROLE, DATABASE), "warm")
        cluster = Cluster.from_data_dir(folder.resolve())
        service = build_app(create_settings(server, tmp_path))
        with TestClient(service, raise_server_exceptions=False) as client:
            yield DatabaseOutage(
                ApiDriver.create_organisation(client), cluster.stop, lambda: cluster.start_or_attach({})
            )


@pytest.mark.parametrize("fixture_name", ["refused_connections", "stopped_server"])
def test_says_so_soon_and_goes_on_by_itself(fixture_name: str, request: pytest.FixtureRequest) -> None:
    outage: DatabaseOutage = request.getfixturevalue(fixture_name)
    codes = outage.api.create_codes(outage.api.create_link(), 2 * GUESTS)
    starts = outage.api.list_slots(codes[0])
    calls = [
        partial(book_slot, outage.api.client, *booking, uuid4().hex) for booking in zip(codes, starts, strict=False)
    ]
    outage.stop_database()
    for response in run_concurrently([partial(run_within_limit, call) for call in calls]):
        assert to_outcome(response) == "503 try_again"
        assert int(response.headers["Retry-After"]) > 0
    assert to_outcome(outage.api.send_request("GET", "/v1/links", who="member")) == "503 try_again"
    outage.start_database()
    wait_until(lambda: calls[0]().status_code == 201, "it goes on", MAX_RECOVERY_SECONDS)
    assert {to_outcome(response) for response in run_concurrently(calls)} == {"201"}
    assert len(outage.api.list_meetings()) == len(calls)


def run_within_limit(call: Callable[[], httpx2.Response]) -> httpx2.Response:
    """Call within the time limit. Raises AssertionError when it takes longer."""
    started_at = time.monotonic()
    response = call()
    assert time.monotonic() - started_at < MAX_RESPONSE_SECONDS
    return response


def test_every_backend_is_killed_again_and_again(
    deployment: Deployment, superuser_url: str, shared_settings: Settings
) -> None:
    """While guests book with keys flat out: a booking or 503, and then the same key finds out the truth."""
    host = deployment.add_host()
    link = deployment.create_link(host)
    codes = deployment.api.create_codes(link, LINKS, host)
    bookings = list(zip(codes, deployment.api.list_slots(codes[0], days=5), (uuid4().hex for _ in codes), strict=False))
    with kill_backends(superuser_url, shared_settings.db_schema), ThreadPoolExecutor(GUESTS) as threads:
        responses = list(
            threads.map(lambda booking: book_slot(deployment.clients[int(booking[2], 16) % 2], *booking), bookings)
        )
    assert {to_outcome(response) for response in responses} <= {"201", "503 try_again"}
    for booking, first_response in zip(bookings, responses, strict=True):
        second_response = book_slot(deployment.clients[0], *booking)
        assert second_response.status_code == 201
        assert first_response.status_code == 503 or second_response.json() == first_response.json()
    assert count_bookings(deployment.database, link) == LINKS
    check_calendar(deployment.database)


@contextmanager
def kill_backends(superuser_url: str, application_name: str) -> Iterator[None]:
    """End every backend of an application again and again while the context lasts, at least `KILLS` times."""
    stop = Event()
    with psycopg.connect(superuser_url, autocommit=True) as connection, ThreadPoolExecutor(1) as thread:

        def kill_until_stopped() -> int:
            count = 0
            while not stop.wait(0.1):
                row = connection.execute(END, (application_name,)).fetchone()
                count += row[0] if row else 0
            return count

        future = thread.submit(kill_until_stopped)
        try:
            yield
        finally:
            stop.set()
        assert future.result() >= KILLS
