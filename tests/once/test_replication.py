"""Where a commit has to be on a standby too, nobody is told that something is done before it is."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import cast
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from fastapi.testclient import TestClient
from psycopg.errors import Diagnostic

from api.app import build_app
from api.server import DATABASE, OWNER_ROLE, prepare_database
from api.settings import Settings
from store import pool_connection
from store.database import AWAIT_STANDBYS, Database, DatabaseAway
from store.pool_connection import Unreplicated
from store.recorder import LogRecorder
from tests.api_driver import ApiDriver
from tests.once.commands import COMMANDS, book_single_use, reschedule_booking
from tests.once.conftest import create_settings
from tests.once.guests import to_outcome
from tests.once.server_processes import run_server_processes
from tests.once.standby import Standby, run_replicated_server
from tests.once.test_unknown_outcomes import Prepare, check_success, count_events
from tests.waiting import wait_until

WRITE = "SELECT pg_logical_emit_message(true, 'test', '')"
OF_STREAM = "SELECT count(*) AS n FROM {schema}.events WHERE stream_id = %s"


@pytest.fixture(scope="module")
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    """The standby of a server of its own."""
    with run_replicated_server(tmp_path_factory.mktemp("replication")) as standby:
        prepare_database(standby.server.build_url(), standby.server.build_url(OWNER_ROLE, DATABASE), "warm")
        yield standby


@pytest.fixture(scope="module")
def replicated_settings(standby: Standby, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a service on that server."""
    return create_settings(standby.server, tmp_path_factory.mktemp("replicated"))


@pytest.fixture(scope="module")
def shared_api(replicated_settings: Settings) -> Iterator[ApiDriver]:
    """A service on that server, which several tests use."""
    with TestClient(build_app(replicated_settings), raise_server_exceptions=False) as client:
        yield ApiDriver.create_organisation(client)


@pytest.fixture
def short_standby_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service waits for the standby for a moment only."""
    monkeypatch.setattr(pool_connection, "MAX_WAIT_SECONDS", 0.2)


@contextmanager
def detach_standby(standby: Standby) -> Iterator[None]:
    """Stop the standby for as long as the context lasts."""
    standby.stop()
    try:
        yield
    finally:
        standby.start()


@pytest.mark.usefixtures("short_standby_wait")
@pytest.mark.parametrize("prepare", COMMANDS, ids=lambda one: one.__name__)
def test_nothing_is_done_before_the_standby_has_it(prepare: Prepare, shared_api: ApiDriver, standby: Standby) -> None:
    """Neither when it is asked for nor when it is found in the log; once the standby is back, it is."""
    command = prepare(shared_api)
    events_before = count_events(shared_api, command)
    with detach_standby(standby):
        assert to_outcome(command.send(shared_api)) == "503 try_again"
        assert count_events(shared_api, command) == events_before + command.events  # though it is committed here
        repeated_response = command.send(shared_api)
        assert not repeated_response.is_success
        assert repeated_response.status_code == 503 or command.key is None
    if command.key is None:
        return
    repeated_response = command.send(shared_api)
    check_success(shared_api, command, repeated_response, events_before)
    assert repeated_response.headers["Idempotent-Replayed"] == "true"


@pytest.mark.usefixtures("short_standby_wait")
def test_an_edit_that_is_so_already_waits_too(shared_api: ApiDriver, standby: Standby) -> None:
    """The time that somebody asks for once more is the meeting's own by now, but on one machine alone."""
    command = reschedule_booking(shared_api)
    with detach_standby(standby):
        assert [to_outcome(command.send(shared_api)) for _ in range(2)] == ["503 try_again"] * 2
    assert command.send(shared_api).status_code == 200


@pytest.mark.usefixtures("short_standby_wait")
@pytest.mark.parametrize(("path", "body"), [("/v1/api-keys", {"name": "Laptop"}), ("/v1/me/calendar-feed", None)])
def test_what_is_created_beside_the_log_waits_too(
    shared_api: ApiDriver, standby: Standby, path: str, body: dict[str, str] | None
) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    with detach_standby(standby):
        responses = [shared_api.send_request("POST", path, body, "member", **headers) for _ in range(2)]
        assert [to_outcome(response) for response in responses] == ["503 try_again"] * 2
    repeated_response = shared_api.send_request("POST", path, body, "member", **headers)
    assert repeated_response.status_code == 201
    assert repeated_response.headers["Idempotent-Replayed"] == "true"


@pytest.mark.usefixtures("short_standby_wait")
def test_the_store_does_not_say_that_it_is_appended(replicated_settings: Settings, standby: Standby) -> None:
    database = Database(replicated_settings.database_url, replicated_settings.db_schema).open()
    happened = StoredEvent(uuid4(), 1, "LinkDisabled.v1", b"{}")
    try:
        with detach_standby(standby):
            with pytest.raises(DatabaseAway) as refused:
                LogRecorder(database).insert_events([happened])
            assert isinstance(refused.value.__cause__, Unreplicated)
            with pytest.raises(DatabaseAway):
                database.await_standbys()
        database.await_standbys()
        assert database.fetch_rows(OF_STREAM, (happened.originator_id,)) == [{"n": 1}]
    finally:
        database.close()


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend", "kill -9"])
def test_whoever_ends_the_wait(how: str, worker: ApiDriver, shared_api: ApiDriver, standby: Standby) -> None:
    """The guest is not told of a booking that one machine has, nor is who asks again, whatever was lost."""
    command = book_single_use(worker)
    events_before = count_events(shared_api, command)
    send = partial(command.send, worker)
    with detach_standby(standby), ThreadPoolExecutor(1) as thread:
        pending = [thread.submit(send)]
        wait_until(lambda: bool(standby.list_waiting_backends("append(")), "the booking waits for the standby")
        if how == "kill -9":
            kill_backend(standby, standby.list_waiting_backends("append(")[0])
        ended = "pg_cancel_backend" if how == "kill -9" else how
        assert [to_outcome(one) for one in standby.end_waits(pending, ended)] == ["503 try_again"]
        repeated = standby.end_waits([thread.submit(send)], ended)
        assert [to_outcome(one) for one in repeated] == ["503 try_again"]
    response = send()
    wait_until(lambda: shared_api.send_request("GET", "/v1/me", who="member").is_success, "the other one goes on too")
    check_success(shared_api, command, response, events_before)
    assert response.headers["Idempotent-Replayed"] == "true"


@pytest.fixture
def worker(shared_api: ApiDriver, replicated_settings: Settings) -> Iterator[ApiDriver]:
    """A server process of the same organisation."""
    with run_server_processes(replicated_settings, 1) as [client]:
        yield ApiDriver(cast(TestClient, client), shared_api.keys, shared_api.ids)


def kill_backend(standby: Standby, backend: int) -> None:
    """Kill a backend, because of which the server ends all of them. Returns when it has recovered."""
    with psycopg.connect(standby.server.build_url(), autocommit=True) as witness:
        os.kill(backend, signal.SIGKILL)
        wait_until(lambda: not is_answered(lambda: witness.execute("SELECT 1")), "the server has noticed")
    wait_until(lambda: is_answered(lambda: standby.fetch_numbers("SELECT 1")), "the server has recovered")


def is_answered(call: Callable[[], object]) -> bool:
    """Return whether the server answers a call."""
    try:
        call()
    except psycopg.OperationalError:
        return False
    return True


def test_no_timeout_ends_the_wait_and_a_cancel_is_called_a_success(standby: Standby) -> None:
    """What the rules above depend on, as the server itself does it."""
    notices: list[tuple[str | None, str | None]] = []

    def record_notice(diagnostic: Diagnostic) -> None:
        notices.append((diagnostic.severity_nonlocalized, diagnostic.source_function))

    options = "-c statement_timeout=100ms"
    with psycopg.connect(standby.server.build_url(), autocommit=True, options=options) as connection:
        connection.add_notice_handler(record_notice)
        with detach_standby(standby), ThreadPoolExecutor(1) as thread:
            pending = thread.submit(connection.execute, WRITE)
            wait_until(lambda: bool(standby.list_waiting_backends("emit")), "it waits")
            with pytest.raises(TimeoutError):
                pending.result(timeout=0.5)
            standby.end_waits([pending])
        assert pending.result().fetchall()
    assert notices == [("WARNING", "SyncRepWaitForLSN")]


def test_without_standbys_nothing_is_written(database: Database) -> None:
    assert database.fetch_rows(AWAIT_STANDBYS) == []
