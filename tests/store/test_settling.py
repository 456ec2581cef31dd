"""The settled position of the log is found without blocking writers, and is never too high."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import LockNotAvailable

from domain.person import PersonDeactivated
from store.database import Database
from tests.projections.story import hold_fence

TIMEOUT_SECONDS = 60.0


def append_event(connection: psycopg.Connection[Any], database: Database) -> int:
    """Append one event of a new stream. Return its position."""
    data = {"occurred_at": "2026-05-01T00:00:00Z", "actor": {"kind": "system"}}
    event = {"stream": str(uuid4()), "version": 1, "type": PersonDeactivated.stored_name, "data": data}
    call = database.compose_query("SELECT {schema}.append(%s::jsonb, '[]', '[]', '[]', '{{}}', '[]')")
    row = connection.execute(call, (json.dumps([event]),)).fetchone()
    assert row is not None
    return int(row[0][0])


def append_committed_event(database: Database) -> int:
    """Append one event of a new stream and commit. Return its position."""
    with psycopg.connect(database.url) as connection:
        return append_event(connection, database)


def settle_log(database: Database, lock_timeout: str = "0") -> int:
    """Find the settled position. Waits for `lock_timeout`, for ever with 0. Raises LockNotAvailable."""
    with database.connect(options=f"-c lock_timeout={lock_timeout}") as connection:
        row = connection.execute(database.compose_query("SELECT {schema}.settle() AS settled")).fetchone()
    assert row is not None
    return int(row["settled"])


def test_of_an_empty_log(database: Database) -> None:
    assert settle_log(database) == 0


def test_waits_for_a_lower_position_that_is_not_yet_visible(database: Database) -> None:
    append_committed_event(
        database
    )  # the first append after a server's start notes where it is, and others wait for it
    with ThreadPoolExecutor(1) as threads, psycopg.connect(database.url) as slow_writer:
        lower = append_event(slow_writer, database)
        higher = append_committed_event(database)
        assert lower < higher
        future = threads.submit(settle_log, database)
        time.sleep(0.3)
        assert not future.done()
        slow_writer.commit()
        assert future.result(TIMEOUT_SECONDS) == higher


def test_does_not_wait_for_who_comes_later(database: Database) -> None:
    with ThreadPoolExecutor(1) as threads, ExitStack() as writers:
        with hold_fence(database):
            position = append_committed_event(database)
            future = threads.submit(settle_log, database)
            time.sleep(0.3)
            assert not future.done()
            writers.enter_context(hold_fence(database))
        assert future.result(TIMEOUT_SECONDS) == position


def test_holds_nobody_up_while_it_waits(database: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        with hold_fence(database):
            first = append_committed_event(database)
            future = threads.submit(settle_log, database)
            time.sleep(0.1)
            positions = [append_committed_event(database) for _ in range(50)]
            assert not future.done()
        assert future.result(TIMEOUT_SECONDS) in {first, *positions}


def test_gives_up_when_a_writer_takes_too_long(database: Database) -> None:
    with hold_fence(database):
        append_committed_event(database)
        started_at = time.monotonic()
        with pytest.raises(LockNotAvailable, match="takes too long to append"):
            settle_log(database, "100ms")
        assert time.monotonic() - started_at >= 0.1


def test_counts_on_nothing_that_was_given_up(database: Database) -> None:
    with psycopg.connect(database.url) as aborted:
        append_event(aborted, database)
        aborted.rollback()
    assert settle_log(database) == 0
    position = append_committed_event(database)
    assert settle_log(database) == position


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_needs_to_see_what_commits_meanwhile(database: Database, isolation: str) -> None:
    with database.connect() as connection, connection.transaction():
        connection.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        with pytest.raises(psycopg.errors.RaiseException, match="READ COMMITTED"):
            connection.execute(database.compose_query("SELECT {schema}.settle()"))
