"""Fixtures of the read models' tests: a builder of histories, and sources that compare live tables with the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from psycopg.rows import DictRow

from projections.catalogue import READ_MODELS, from_log
from projections.queries.query import QuerySource
from store.database import Database
from tests.projections.story import LogBuilder, follow_log

SourceFactory = Callable[[], QuerySource]


@dataclass(frozen=True)
class ComparingSource(QuerySource):
    """A source over the live tables that compares each query's rows with those from the log."""

    def fetch_rows(self, query: str, params: Mapping[str, Any], prepare: bool | None = None) -> list[DictRow]:
        rows = super().fetch_rows(query, params, prepare)
        log_rows = from_log(self.db).fetch_rows(query, params, prepare)
        assert log_rows == rows or ("ORDER BY" not in query and sorted(map(repr, log_rows)) == sorted(map(repr, rows)))
        return rows


@pytest.fixture(scope="session")
def owner_url(superuser_url: str) -> str:
    """The URL of a role that may change the log."""
    return superuser_url


@pytest.fixture
def builder(database: Database, owner_url: str) -> LogBuilder:
    """A builder that appends the domain's own events."""
    return LogBuilder(database, owner_url)


@pytest.fixture
def source_factory(live_database: Database) -> SourceFactory:
    """A factory of sources that contain everything appended so far."""

    def build_source() -> QuerySource:
        follow_log(live_database)
        return ComparingSource(live_database, READ_MODELS)

    return build_source


@pytest.fixture
def ada(builder: LogBuilder) -> UUID:
    """A person who hosts."""
    return builder.add_person("Ada Host")


@pytest.fixture
def bob(builder: LogBuilder) -> UUID:
    """A person who hosts with others."""
    return builder.add_person("Bob Cohost")


@pytest.fixture
def intro(builder: LogBuilder) -> UUID:
    """A meeting type."""
    return builder.create_meeting_type("Introduction")
