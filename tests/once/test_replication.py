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
from tests.once.server_processes import run_server_processes, wait_until
from tests.once.standby import Standby, replicating
from tests.once.test_unknown_outcomes import Prepare, check_success, count_events

WRITE = "SELECT pg_logical_emit_message(true, 'test', '')"
OF_STREAM = "SELECT count(*) AS n FROM {schema}.events WHERE stream_id = %s"


@pytest.fixture(scope="module")
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    """The standby of a server of its own."""
    with replicating(tmp_path_factory.mktemp("replication")) as found:
        prepare_database(found.server.build_url(), found.server.build_url(OWNER_ROLE, DATABASE), "warm")
        yield found


@pytest.fixture(scope="module")
def replicated(standby: Standby, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a service on that server."""
    return create_settings(standby.server, tmp_path_factory.mktemp("replicated"))


@pytest.fixture(scope="module")
def shared(replicated: Settings) -> Iterator[ApiDriver]:
    """A service on that server, which several tests use."""
    with TestClient(build_app(replicated), raise_server_exceptions=False) as client:
        yield ApiDriver.create_organisation(client)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service waits for the standby for a moment only."""
    monkeypatch.setattr(pool_connection, "PATIENCE_SECONDS", 0.2)


@contextmanager
def away(standby: Standby) -> Iterator[None]:
    """While this lasts the standby is gone."""
    standby.leave()
    try:
        yield
    finally:
        standby.come()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("prepare", COMMANDS, ids=lambda one: one.__name__)
def test_nothing_is_done_before_the_standby_has_it(prepare: Prepare, shared: ApiDriver, standby: Standby) -> None:
    """Neither when it is asked for nor when it is found in the log; once the standby is back, it is."""
    command = prepare(shared)
    before = count_events(shared, command)
    with away(standby):
        assert to_outcome(command.send(shared)) == "503 try_again"
        assert count_events(shared, command) == before + command.events  # though it is committed here
        again = command.send(shared)
        assert not again.is_success
        assert again.status_code == 503 or command.key is None
    if command.key is None:
        return
    again = command.send(shared)
    check_success(shared, command, again, before)
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.usefixtures("hasty")
def test_an_edit_that_is_so_already_waits_too(shared: ApiDriver, standby: Standby) -> None:
    """The time that somebody asks for once more is the meeting's own by now, but on one machine alone."""
    command = reschedule_booking(shared)
    with away(standby):
        assert [to_outcome(command.send(shared)) for _ in range(2)] == ["503 try_again"] * 2
    assert command.send(shared).status_code == 200


@pytest.mark.usefixtures("hasty")
def test_the_store_does_not_say_that_it_is_appended(replicated: Settings, standby: Standby) -> None:
    database = Database(replicated.database_url, replicated.db_schema).open()
    happened = StoredEvent(uuid4(), 1, "LinkDisabled.v1", b"{}")
    try:
        with away(standby):
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
def test_whoever_ends_the_wait(how: str, worker: ApiDriver, shared: ApiDriver, standby: Standby) -> None:
    """The guest is not told of a booking that one machine has, nor is who asks again, whatever was lost."""
    command = book_single_use(worker)
    before = count_events(shared, command)
    send = partial(command.send, worker)
    with away(standby), ThreadPoolExecutor(1) as thread:
        asked = [thread.submit(send)]
        wait_until(lambda: bool(standby.waiting("append(")), "the booking waits for the standby")
        if how == "kill -9":
            crash(standby, standby.waiting("append(")[0])
        ended = "pg_cancel_backend" if how == "kill -9" else how
        assert [to_outcome(one) for one in standby.ends_waits(asked, ended)] == ["503 try_again"]
        again = standby.ends_waits([thread.submit(send)], ended)
        assert [to_outcome(one) for one in again] == ["503 try_again"]
    answer = send()
    wait_until(lambda: shared.send_request("GET", "/v1/me", who="member").is_success, "the other one goes on too")
    check_success(shared, command, answer, before)
    assert answer.headers["Idempotent-Replayed"] == "true"


@pytest.fixture
def worker(shared: ApiDriver, replicated: Settings) -> Iterator[ApiDriver]:
    """A server process of the same organisation."""
    with run_server_processes(replicated, 1) as [client]:
        yield ApiDriver(cast(TestClient, client), shared.keys, shared.ids)


def crash(standby: Standby, backend: int) -> None:
    """Kills a backend, for which the server ends all of them; returns when it has recovered."""
    with psycopg.connect(standby.server.build_url(), autocommit=True) as witness:
        os.kill(backend, signal.SIGKILL)
        wait_until(lambda: not succeeds(lambda: witness.execute("SELECT 1")), "the server has noticed")
    wait_until(lambda: succeeds(lambda: standby.asked("SELECT 1")), "the server has recovered")


def succeeds(call: Callable[[], object]) -> bool:
    """Whether the server answers."""
    try:
        call()
    except psycopg.OperationalError:
        return False
    return True


def test_no_timeout_ends_the_wait_and_a_cancel_is_called_a_success(standby: Standby) -> None:
    """What all of this stands on, asked of the server itself."""
    heard: list[tuple[str | None, str | None]] = []

    def note(said: Diagnostic) -> None:
        heard.append((said.severity_nonlocalized, said.source_function))

    options = "-c statement_timeout=100ms"
    with psycopg.connect(standby.server.build_url(), autocommit=True, options=options) as connection:
        connection.add_notice_handler(note)
        with away(standby), ThreadPoolExecutor(1) as thread:
            asked = thread.submit(connection.execute, WRITE)
            wait_until(lambda: bool(standby.waiting("emit")), "it waits")
            with pytest.raises(TimeoutError):
                asked.result(timeout=0.5)
            standby.ends_waits([asked])
        assert asked.result().fetchall()
    assert heard == [("WARNING", "SyncRepWaitForLSN")]


def test_without_standbys_nothing_is_written(database: Database) -> None:
    assert database.fetch_rows(AWAIT_STANDBYS) == []
