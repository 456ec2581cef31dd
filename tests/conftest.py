"""What all tests share: one PostgreSQL server for the run, and a schema of its own for each test that wants one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.serving import DATABASE, OWNER_ROLE, prepare
from api.settings import Settings, read_settings
from store.database import Database
from store.embedded import Server, running
from store.schema import SERVICE_ROLE, migrate
from tests.house import House

# what takes long begins first, so that no worker has it left for the end
LONG = ("tests/torture/", "tests/projections/", "tests/browser/", "tests/once/")
os.environ.setdefault("ONCELINK_COURIERS", "0")  # so that logs hold what a test does; tests of mail have couriers
SECRET = "only-for-tests-only-for-tests-only-for-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the folders of long tests in front, each file as it was."""
    items.sort(key=lambda item: next((n for n, begin in enumerate(LONG) if item.nodeid.startswith(begin)), len(LONG)))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real PostgreSQL, shared by all workers of the run; the last one out stops it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with running(folder / "postgres", settings={"max_connections": "300"}) as found:
        prepare(found.url(), found.url(OWNER_ROLE, DATABASE), "warm")
        yield found


@contextmanager
def new_schema(server: Server) -> Iterator[str]:
    """A new, migrated schema; dropped afterwards."""
    name = f"t{uuid4().hex[:12]}"
    migrate(server.url(OWNER_ROLE, DATABASE), name)
    yield name
    with psycopg.connect(server.url(database=DATABASE), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {name}, {name}_reporting CASCADE")


@contextmanager
def new_settings(server: Server, data_dir: Path, **more: object) -> Iterator[Settings]:
    """Settings of a service on a new schema."""
    with new_schema(server) as schema:
        url = server.url(SERVICE_ROLE, DATABASE)
        yield read_settings(database_url=url, db_schema=schema, data_dir=data_dir, secret_keys=SECRET, **more)


@pytest.fixture
def schema(server: Server) -> Iterator[str]:
    """A new, migrated schema; dropped afterwards."""
    with new_schema(server) as name:
        yield name


@pytest.fixture(scope="session")
def service_url(server: Server) -> str:
    """How the service reaches the database, as its own role."""
    return server.url(SERVICE_ROLE, DATABASE)


@pytest.fixture(scope="session")
def superuser_url(server: Server) -> str:
    """How somebody who may do everything reaches the database."""
    return server.url(database=DATABASE)


@pytest.fixture
def database(service_url: str, schema: str) -> Iterator[Database]:
    """The service's pool on a new schema."""
    found = Database(service_url, schema).open()
    yield found
    found.close()


@pytest.fixture
def settings(service_url: str, schema: str, tmp_path: Path) -> Settings:
    """Settings of a service on a new schema."""
    return read_settings(
        database_url=service_url,
        db_schema=schema,
        data_dir=tmp_path,
        secret_keys=SECRET,
        base_url="http://testserver",
    )


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """A running service with an organisation in it, reached in this process."""
    with TestClient(build(settings), raise_server_exceptions=False) as client:
        yield House.furnished(client)
