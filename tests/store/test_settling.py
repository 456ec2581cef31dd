"""How far the log is settled: found without standing in anybody's way, and never too far."""

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
from tests.projections.story import in_flight

PATIENCE_SECONDS = 60.0


def append(connection: psycopg.Connection[Any], database: Database) -> int:
    """One event of a new stream; its position."""
    data = {"occurred_at": "2026-05-01T00:00:00Z", "actor": {"kind": "system"}}
    event = {"stream": str(uuid4()), "version": 1, "type": PersonDeactivated.stored_name, "data": data}
    call = database.text("SELECT {schema}.append(%s::jsonb, '[]', '[]', '[]', '{{}}', '[]')")
    row = connection.execute(call, (json.dumps([event]),)).fetchone()
    assert row is not None
    return int(row[0][0])


def appended(database: Database) -> int:
    """The same, committed."""
    with psycopg.connect(database.url) as connection:
        return append(connection, database)


def settle(database: Database, patience: str = "0") -> int:
    """A settled position; waits so long, for ever with 0. Raises LockNotAvailable."""
    with database.connect(options=f"-c lock_timeout={patience}") as connection:
        row = connection.execute(database.text("SELECT {schema}.settle() AS settled")).fetchone()
    assert row is not None
    return int(row["settled"])


def test_of_an_empty_log(database: Database) -> None:
    assert settle(database) == 0


def test_waits_for_a_lower_position_that_is_not_yet_visible(database: Database) -> None:
    appended(database)  # the first append after a server's start notes where it is, and others wait for it
    with ThreadPoolExecutor(1) as threads, psycopg.connect(database.url) as slow:
        lower = append(slow, database)
        higher = appended(database)
        assert lower < higher
        found = threads.submit(settle, database)
        time.sleep(0.3)
        assert not found.done()
        slow.commit()
        assert found.result(PATIENCE_SECONDS) == higher


def test_does_not_wait_for_who_comes_later(database: Database) -> None:
    with ThreadPoolExecutor(1) as threads, ExitStack() as later:
        with in_flight(database):
            position = appended(database)
            found = threads.submit(settle, database)
            time.sleep(0.3)
            assert not found.done()
            later.enter_context(in_flight(database))
        assert found.result(PATIENCE_SECONDS) == position


def test_holds_nobody_up_while_it_waits(database: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        with in_flight(database):
            first = appended(database)
            found = threads.submit(settle, database)
            time.sleep(0.1)
            many = [appended(database) for _ in range(50)]
            assert not found.done()
        assert found.result(PATIENCE_SECONDS) in {first, *many}


def test_gives_up_when_a_writer_takes_too_long(database: Database) -> None:
    with in_flight(database):
        appended(database)
        began = time.monotonic()
        with pytest.raises(LockNotAvailable, match="takes too long to append"):
            settle(database, "100ms")
        assert time.monotonic() - began >= 0.1


def test_counts_on_nothing_that_was_given_up(database: Database) -> None:
    with psycopg.connect(database.url) as given_up:
        append(given_up, database)
        given_up.rollback()
    assert settle(database) == 0
    position = appended(database)
    assert settle(database) == position


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_needs_to_see_what_commits_meanwhile(database: Database, isolation: str) -> None:
    with database.connect() as connection, connection.transaction():
        connection.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        with pytest.raises(psycopg.errors.RaiseException, match="READ COMMITTED"):
            connection.execute(database.text("SELECT {schema}.settle()"))
