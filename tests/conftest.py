"""What all tests share: one PostgreSQL server for the run, and a schema of its own for each test that wants one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.server import DATABASE, OWNER_ROLE, prepare
from api.settings import Settings, read_settings
from projections.rebuild import live_tables
from store.credentials.key_fingerprints import KnownKeys, fingerprint
from store.database import Database
from store.embedded.server import Server, running
from store.schema import SERVICE_ROLE
from tests.api_driver import House
from tests.schema_pool import Shelf, drop, make

# what takes long begins first, so that no worker has it left for the end
LONG = ("tests/torture/", "tests/projections/", "tests/browser/", "tests/once/")
os.environ.setdefault("ONCELINK_COURIERS", "0")  # so that logs hold what a test does; tests of mail have couriers
SECRET = "only-for-tests-only-for-tests-only-for-tests"


def pytest_xdist_auto_num_workers() -> int:
    """One more worker than processors: tests wait for servers, browsers and deadlines."""
    return (os.cpu_count() or 1) + 1


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
    name = make(server)
    yield name
    with psycopg.connect(server.url(database=DATABASE), autocommit=True) as connection:
        drop(connection, name)


@contextmanager
def new_settings(server: Server, data_dir: Path, **more: object) -> Iterator[Settings]:
    """Settings of a service on a new schema."""
    with new_schema(server) as schema:
        yield settings_of(server, schema, data_dir, **more)


def settings_of(server: Server, schema: str, data_dir: Path, **more: object) -> Settings:
    """Settings of a service on a schema."""
    url = server.url(SERVICE_ROLE, DATABASE)
    return read_settings(database_url=url, db_schema=schema, data_dir=data_dir, secret_keys=SECRET, **more)


def retire_key(settings: Settings, key: str = SECRET) -> None:
    """Gives a secret key up, so that the service starts without it."""
    with Database(settings.database_url, settings.db_schema).connect() as connection:
        KnownKeys(connection, settings.db_schema).retire(fingerprint(key))


class Shelves:
    """What tests begin with: a migrated schema, one with live tables, and one with an organisation in it."""

    def __init__(self, server: Server, data_dir: Path) -> None:
        self.server = server
        self.data_dir = data_dir
        self.migrated = Shelf[None](server, lambda name: None)
        self.followed = Shelf[None](server, self.follow)
        self.furnished = Shelf[House](server, self.furnish)

    def settings(self, name: str, data_dir: Path) -> Settings:
        """Settings of a service on a schema."""
        return settings_of(self.server, name, data_dir, base_url="http://testserver")

    def follow(self, name: str) -> None:
        """Makes the live tables."""
        live_tables.ensure(Database(self.server.url(SERVICE_ROLE, DATABASE), name))

    def furnish(self, name: str) -> House:
        """Furnishes a house, which nobody lives in afterwards."""
        with TestClient(build(self.settings(name, self.data_dir))) as client:
            return House.furnished(client)


@pytest.fixture(scope="session")
def shelves(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Shelves:
    """Schemas to be used again."""
    return Shelves(server, tmp_path_factory.mktemp("shelves"))


@pytest.fixture
def begun(request: pytest.FixtureRequest, shelves: Shelves) -> Iterator[tuple[str, House | None]]:
    """A schema as its shelf has it, by what the test asks for, and who lives in it."""
    asked = request.fixturenames
    kind = shelves.furnished if "furnished" in asked else shelves.followed if "followed" in asked else shelves.migrated
    with kind.taken() as found:
        yield found


@pytest.fixture
def schema(begun: tuple[str, House | None]) -> str:
    """A migrated schema that nobody else uses meanwhile."""
    return begun[0]


@pytest.fixture
def furnished(begun: tuple[str, House | None]) -> House:
    """An organisation in the schema, and no service for it yet."""
    assert begun[1]
    return begun[1]


@pytest.fixture
def followed(database: Database) -> Database:
    """A database with its live tables."""
    return database


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
    """The service's pool on the schema."""
    found = Database(service_url, schema).open()
    yield found
    found.close()


@pytest.fixture
def settings(shelves: Shelves, schema: str, tmp_path: Path) -> Settings:
    """Settings of a service on the schema."""
    return shelves.settings(schema, tmp_path)


@pytest.fixture
def house(settings: Settings, furnished: House) -> Iterator[House]:
    """A running service with an organisation in it, reached in this process."""
    with TestClient(build(settings), raise_server_exceptions=False) as client:
        yield House(client, dict(furnished.keys), dict(furnished.ids))
