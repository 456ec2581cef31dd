"""Fixtures of rebuilds: live tables of an empty log, and of some thousand events."""

import pytest

from benchmarks.big_log import fill_log
from projections.rebuild import live_tables, load
from store.database import Database
from tests.projections.story import LogBuilder


@pytest.fixture
def builder(live_database: Database, superuser_url: str) -> LogBuilder:
    """A builder of histories over live tables."""
    return LogBuilder(live_database, superuser_url)


@pytest.fixture
def filled_database(database: Database, superuser_url: str) -> Database:
    """Live tables over a log of some thousand events."""
    fill_log(superuser_url, 4_000, database.schema)
    live_tables.ensure_tables(database)
    return database


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices so small that there are several of them."""
    monkeypatch.setattr(load, "EVENTS_PER_SLICE", 400)
