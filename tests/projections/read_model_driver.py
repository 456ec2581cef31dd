"""What the tests of following and rebuilding share: followers, processes, other versions, and waiting."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from projections.catalogue import READ_MODELS
from projections.following.follower import Follower
from projections.following.positions import read_positions
from projections.people import PEOPLE
from projections.read_model import ReadModel
from projections.table_lookup import find_live_tables
from store.database import Database

ROOT = str(Path(__file__).parents[2])
TIMEOUT_SECONDS = 180.0
TABLES = r"""
SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename ~ '_v\d+_g\d+$'
AND tablename NOT IN (SELECT live_table FROM {schema}.read_models)
"""
NEXT_PEOPLE = replace(
    PEOPLE,
    version=PEOPLE.version + 1,
    rows=PEOPLE.rows.replace("payload ->> 'name' AS name", "'Dr ' || (payload ->> 'name') AS name"),
)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises AssertionError after `TIMEOUT_SECONDS`."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def measure_seconds(action: Callable[[], object]) -> float:
    """Measure the seconds of an action."""
    started_at = time.monotonic()
    action()
    return time.monotonic() - started_at


def start_process(program: str, database: Database, *arguments: object) -> "subprocess.Popen[str]":
    """Start a Python program in another process on the same schema."""
    command = [sys.executable, "-c", program, database.url, database.schema, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": ROOT}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


@contextmanager
def run_follower(database: Database) -> Iterator[Follower]:
    """Run a follower while the context lasts."""
    follower = Follower(database).start()
    try:
        yield follower
    finally:
        follower.stop()


def is_current(database: Database) -> bool:
    """Return whether the read models are at the end of the log."""
    positions = read_positions(database)
    return positions.position == positions.head > 0


def list_live_tables(database: Database) -> dict[str, str]:
    """List the live table of each read model."""
    return {name: live_table.table for name, live_table in find_live_tables(database.fetch_rows).items()}


def list_leftover_tables(database: Database) -> list[str]:
    """List the tables that are no longer needed."""
    return [row["tablename"] for row in database.fetch_rows(TABLES, (database.schema,))]


def raise_versions(*models: ReadModel) -> tuple[ReadModel, ...]:
    """Build a catalogue with other versions of some read models."""
    by_name = {model.name: model for model in models}
    return tuple(by_name.get(model.name, model) for model in READ_MODELS)


def build_next_version() -> tuple[ReadModel, ...]:
    """Build a catalogue in which people has its next version, with the same rows."""
    return raise_versions(replace(PEOPLE, version=PEOPLE.version + 1))
