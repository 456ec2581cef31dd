"""Verification jobs survive the process that works on them, and fail loudly."""

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
from replay.verify.jobs import VerificationWorker, find_latest_verification, request_verification
from replay.verify.verification import run_verification
from store.database import Database

TIMEOUT_SECONDS = 60.0


@pytest.fixture
def verification_database(database: Database) -> Database:
    """A schema with its live tables."""
    live_tables.ensure_tables(database)
    return database


@pytest.fixture
def worker_factory(verification_database: Database) -> Iterator[Callable[[], VerificationWorker]]:
    """A factory of workers, as processes start them. All of them are stopped."""
    workers: list[VerificationWorker] = []

    def start_worker() -> VerificationWorker:
        workers.append(VerificationWorker(verification_database).start())
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.stop()


def read_state(database: Database) -> dict[str, Any]:
    job = find_latest_verification(database)
    assert job is not None
    return job


def wait_for_state(database: Database, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (job := read_state(database))["state"] not in states:
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


def test_any_process_works_on_it(
    verification_database: Database, worker_factory: Callable[[], VerificationWorker]
) -> None:
    assert find_latest_verification(verification_database) is None
    worker_factory()
    worker_factory()
    request_verification(verification_database, uuid4())
    job = wait_for_state(verification_database, "done", "failed")
    assert job["state"] == "done"
    assert job["attempts"] == 1
    assert job["report"]["problems"] == []
    request_verification(verification_database, uuid4())
    assert wait_for_state(verification_database, "done")["id"] > job["id"]


def test_only_one_is_open(verification_database: Database) -> None:
    request_verification(verification_database, uuid4())
    with pytest.raises(VerificationRunning):
        request_verification(verification_database, uuid4())


def test_what_a_dead_process_began_is_begun_again(
    verification_database: Database, worker_factory: Callable[[], VerificationWorker]
) -> None:
    request_verification(verification_database, uuid4())
    verification_database.fetch_rows(jobs.BEGIN_VERIFICATION)  # its lock went with its session
    assert read_state(verification_database)["state"] == "running"
    worker_factory()
    job = wait_for_state(verification_database, "done", "failed")
    assert (job["state"], job["attempts"]) == ("done", 2)


def test_what_kills_every_process_has_failed(
    verification_database: Database, worker_factory: Callable[[], VerificationWorker]
) -> None:
    request_verification(verification_database, uuid4())
    for _ in range(3):
        verification_database.fetch_rows(jobs.BEGIN_VERIFICATION)
    worker_factory()
    job = wait_for_state(verification_database, "done", "failed")
    assert job["state"] == "failed"
    assert "ended 3 times" in job["error"]
    request_verification(verification_database, uuid4())  # and the next one may be asked for
    assert wait_for_state(verification_database, "done")["attempts"] == 1


def test_a_process_that_ends_puts_it_back(
    verification_database: Database, worker_factory: Callable[[], VerificationWorker], superuser_url: str
) -> None:
    with psycopg.connect(superuser_url) as connection:
        connection.execute(
            verification_database.compose_query("LOCK TABLE {schema}.events")
        )  # so that the check takes long
        request_verification(verification_database, uuid4())
        worker = worker_factory()
        wait_for_state(verification_database, "running")
        started_at = time.monotonic()
        worker.stop()
        assert time.monotonic() - started_at < TIMEOUT_SECONDS / 2
        assert not worker.is_alive
        assert (read_state(verification_database)["state"], read_state(verification_database)["attempts"]) == (
            "queued",
            0,
        )
    worker_factory()
    assert wait_for_state(verification_database, "done", "failed")["state"] == "done"


def test_a_check_that_cannot_be_made_has_failed(
    verification_database: Database, worker_factory: Callable[[], VerificationWorker], superuser_url: str
) -> None:
    with psycopg.connect(superuser_url) as connection:
        connection.execute(verification_database.compose_query("ALTER TABLE {schema}.claims RENAME TO elsewhere"))
    request_verification(verification_database, uuid4())
    worker_factory()
    job = wait_for_state(verification_database, "done", "failed")
    assert job["state"] == "failed"
    assert "UndefinedTable" in job["error"]


def test_what_ends_one_half_of_a_check_ends_the_other(verification_database: Database, superuser_url: str) -> None:
    live_table = verification_database.fetch_rows("SELECT live_table FROM {schema}.read_models WHERE name = 'outbox'")[
        0
    ]["live_table"]
    with psycopg.connect(superuser_url) as connection, psycopg.connect(superuser_url) as waited_for:
        connection.execute(verification_database.compose_query("ALTER TABLE {schema}.claims RENAME TO elsewhere"))
        connection.commit()
        waited_for.execute(
            verification_database.compose_query(f'LOCK TABLE {{schema}}."{live_table}"')
        )  # read models take for ever
        started_at = time.monotonic()
        with pytest.raises(UndefinedTable):
            run_verification(verification_database)
        assert time.monotonic() - started_at < TIMEOUT_SECONDS / 2
        waited_for.rollback()
        connection.execute(verification_database.compose_query("ALTER TABLE {schema}.elsewhere RENAME TO claims"))
    assert run_verification(verification_database).is_clean
