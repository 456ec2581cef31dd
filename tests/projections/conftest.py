"""A freshly migrated schema for each test, on a real PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from projections import live_tables
from store.database import Database
from store.embedded import running
from store.schema import SERVICE_ROLE, migrate
from tests.projections.story import Story


@pytest.fixture(scope="session")
def owner_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's URL of a server of this test run's own."""
    with running(Path(tmp_path_factory.mktemp("server"))) as server:
        yield server.url()


@pytest.fixture
def database(owner_url: str) -> Iterator[Database]:
    """The service's database on a new schema."""
    schema = f"test_{uuid4().hex[:12]}"
    migrate(owner_url, schema)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE test_service LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
        connection.execute(f"GRANT {SERVICE_ROLE} TO test_service")
    database = Database(owner_url.replace("//postgres@", "//test_service@"), schema).open()
    yield database
    database.close()


@pytest.fixture
def followed(database: Database) -> Database:
    """The same, with its live tables."""
    live_tables.ensure(database)
    return database


@pytest.fixture
def story(database: Database, owner_url: str) -> Story:
    """A history to tell event by event, through the domain's own events."""
    return Story(database, owner_url)
