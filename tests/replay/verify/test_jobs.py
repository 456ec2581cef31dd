"""Checks that somebody asked for: they survive the process that works on them, and fail loudly."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import UndefinedTable

from domain.refusals import VerificationRunning
from projections.rebuild import live_tables
from replay.verify import jobs
from replay.verify.jobs import Verifications, latest, request
from replay.verify.verification import verify
from store.database import Database

PATIENCE = 60.0


@pytest.fixture
def ready(database: Database) -> Database:
    """A schema with its live tables."""
    live_tables.ensure(database)
    return database


@pytest.fixture
def working(ready: Database) -> Iterator[Callable[[], Verifications]]:
    """Starts workers, as processes do; all of them end."""
    started: list[Verifications] = []

    def start() -> Verifications:
        started.append(Verifications(ready).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()


def state(database: Database) -> dict[str, Any]:
    found = latest(database)
    assert found is not None
    return found


def becomes(database: Database, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while (found := state(database))["state"] not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_any_process_works_on_it(ready: Database, working: Callable[[], Verifications]) -> None:
    assert latest(ready) is None
    working()
    working()
    request(ready, uuid4())
    found = becomes(ready, "done", "failed")
    assert found["state"] == "done"
    assert found["attempts"] == 1
    assert found["report"]["problems"] == []
    request(ready, uuid4())
    assert becomes(ready, "done")["id"] > found["id"]


def test_only_one_is_open(ready: Database) -> None:
    request(ready, uuid4())
    with pytest.raises(VerificationRunning):
        request(ready, uuid4())


def test_what_a_dead_process_began_is_begun_again(ready: Database, working: Callable[[], Verifications]) -> None:
    request(ready, uuid4())
    ready.rows(jobs.BEGIN)  # its lock went with its session
    assert state(ready)["state"] == "running"
    working()
    found = becomes(ready, "done", "failed")
    assert (found["state"], found["attempts"]) == ("done", 2)


def test_what_kills_every_process_has_failed(ready: Database, working: Callable[[], Verifications]) -> None:
    request(ready, uuid4())
    for _ in range(3):
        ready.rows(jobs.BEGIN)
    working()
    found = becomes(ready, "done", "failed")
    assert found["state"] == "failed"
    assert "ended 3 times" in found["error"]
    request(ready, uuid4())  # and the next one may be asked for
    assert becomes(ready, "done")["attempts"] == 1


def test_a_process_that_ends_puts_it_back(
    ready: Database, working: Callable[[], Verifications], superuser_url: str
) -> None:
    with psycopg.connect(superuser_url) as connection:
        connection.execute(ready.text("LOCK TABLE {schema}.events"))  # so that the check takes long
        request(ready, uuid4())
        first = working()
        becomes(ready, "running")
        began = time.monotonic()
        first.stop()
        assert time.monotonic() - began < PATIENCE / 2
        assert not first.alive
        assert (state(ready)["state"], state(ready)["attempts"]) == ("queued", 0)
    working()
    assert becomes(ready, "done", "failed")["state"] == "done"


def test_a_check_that_cannot_be_made_has_failed(
    ready: Database, working: Callable[[], Verifications], superuser_url: str
) -> None:
    with psycopg.connect(superuser_url) as connection:
        connection.execute(ready.text("ALTER TABLE {schema}.claims RENAME TO elsewhere"))
    request(ready, uuid4())
    working()
    found = becomes(ready, "done", "failed")
    assert found["state"] == "failed"
    assert "UndefinedTable" in found["error"]


def test_what_ends_one_half_of_a_check_ends_the_other(ready: Database, superuser_url: str) -> None:
    live = ready.rows("SELECT live_table FROM {schema}.read_models WHERE name = 'outbox'")[0]["live_table"]
    with psycopg.connect(superuser_url) as connection, psycopg.connect(superuser_url) as waited_for:
        connection.execute(ready.text("ALTER TABLE {schema}.claims RENAME TO elsewhere"))
        connection.commit()
        waited_for.execute(ready.text(f'LOCK TABLE {{schema}}."{live}"'))  # read models take for ever
        began = time.monotonic()
        with pytest.raises(UndefinedTable):
            verify(ready)
        assert time.monotonic() - began < PATIENCE / 2
        waited_for.rollback()
        connection.execute(ready.text("ALTER TABLE {schema}.elsewhere RENAME TO claims"))
    assert verify(ready).is_clean
