"""Fixtures for all tests: one PostgreSQL server per run, and a schema per test that asks for one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from api.app import build_app
from api.server import DATABASE, OWNER_ROLE, prepare_database
from api.settings import Settings, read_settings
from projections.rebuild import live_tables
from store.credentials.key_fingerprints import RecordedKeys, compute_fingerprint
from store.database import Database
from store.embedded.server import Server, run_server
from store.schema import SERVICE_ROLE
from tests.api_driver import ApiDriver
from tests.movable_clock import MovableClock
from tests.schema_pool import SchemaPool, create_schema, drop_schema

pytest_plugins = ["tests.folder_times"]
# what takes long begins first, so that no worker has it left for the end
LONG_RUNNING_FOLDERS = ("tests/torture/", "tests/projections/", "tests/browser/", "tests/once/")
os.environ.setdefault("ONCELINK_COURIERS", "0")  # so that logs hold what a test does; tests of mail set it
for quota in ("BOOKING", "MOVE", "MAIL"):  # one guest does everything in a test; tests of quotas set them
    os.environ.setdefault(f"ONCELINK_GUEST_{quota}_QUOTA", "0")
# how fast examples are made and run depends on the machine, and on what Hypothesis has in its cache
hypothesis_settings.register_profile(
    "tests", hypothesis_settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("tests")
SECRET = "only-for-tests-only-for-tests-only-for-tests"


def pytest_xdist_auto_num_workers() -> int:
    """One more worker than processors: tests wait for servers, browsers and deadlines."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the folders of long tests in front, each file as it was."""
    items.sort(
        key=lambda item: next(
            (n for n, prefix in enumerate(LONG_RUNNING_FOLDERS) if item.nodeid.startswith(prefix)),
            len(LONG_RUNNING_FOLDERS),
        )
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real PostgreSQL, shared by all workers of the run; the last one out stops it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with run_server(folder / "postgres", settings={"max_connections": "300"}) as embedded_server:
        prepare_database(embedded_server.build_url(), embedded_server.build_url(OWNER_ROLE, DATABASE), "warm")
        yield embedded_server


@contextmanager
def use_new_schema(server: Server) -> Iterator[str]:
    """A new, migrated schema; dropped afterwards."""
    name = create_schema(server)
    yield name
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        drop_schema(connection, name)


@contextmanager
def use_new_settings(server: Server, data_dir: Path, **overrides: object) -> Iterator[Settings]:
    """Settings of a service on a new schema."""
    with use_new_schema(server) as schema:
        yield build_settings(server, schema, data_dir, **overrides)


def build_settings(server: Server, schema: str, data_dir: Path, **overrides: object) -> Settings:
    """Settings of a service on a schema."""
    url = server.build_url(SERVICE_ROLE, DATABASE)
    return read_settings(database_url=url, db_schema=schema, data_dir=data_dir, secret_keys=SECRET, **overrides)


def retire_key(settings: Settings, key: str = SECRET) -> None:
    """Retire a secret key, so that the service starts without it."""
    with Database(settings.database_url, settings.db_schema).connect() as connection:
        RecordedKeys(connection, settings.db_schema).retire_key(compute_fingerprint(key))


class SchemaPools:
    """Pools of schemas that tests start with: migrated, with live tables, and with an organisation."""

    def __init__(self, server: Server, data_dir: Path) -> None:
        self.server = server
        self.data_dir = data_dir
        self.migrated_schemas = SchemaPool[None](server, lambda name: None)
        self.live_table_schemas = SchemaPool[None](server, self.create_live_tables)
        self.organisation_schemas = SchemaPool[ApiDriver](server, self.create_organisation)

    def build_settings(self, name: str, data_dir: Path) -> Settings:
        """Settings of a service on a schema."""
        return build_settings(self.server, name, data_dir, base_url="http://testserver")

    def create_live_tables(self, name: str) -> None:
        """Create the live tables."""
        live_tables.ensure_tables(Database(self.server.build_url(SERVICE_ROLE, DATABASE), name))

    def create_organisation(self, name: str) -> ApiDriver:
        """Create an organisation with a service that is closed afterwards."""
        with TestClient(build_app(self.build_settings(name, self.data_dir))) as client:
            return ApiDriver.create_organisation(client)

    @contextmanager
    def run_service(self, data_dir: Path, **overrides: object) -> Iterator[ApiDriver]:
        """Run a service with an organisation in this process."""
        with self.organisation_schemas.hold_schema() as (name, organisation):
            settings = self.build_settings(name, data_dir).model_copy(update=overrides)
            with TestClient(build_app(settings, clock=MovableClock()), raise_server_exceptions=False) as client:
                yield ApiDriver(client, dict(organisation.keys), dict(organisation.ids))


@pytest.fixture(scope="session")
def schema_pools(server: Server, tmp_path_factory: pytest.TempPathFactory) -> SchemaPools:
    """Pools of schemas that tests use one after the other."""
    return SchemaPools(server, tmp_path_factory.mktemp("schema-pools"))


@pytest.fixture
def pooled_schema(request: pytest.FixtureRequest, schema_pools: SchemaPools) -> Iterator[tuple[str, ApiDriver | None]]:
    """Name and content of a schema. Its pool depends on the fixtures that the test requests."""
    fixture_names = request.fixturenames
    pool = (
        schema_pools.organisation_schemas
        if "organisation" in fixture_names
        else schema_pools.live_table_schemas
        if "live_database" in fixture_names
        else schema_pools.migrated_schemas
    )
    with pool.hold_schema() as schema_and_content:
        yield schema_and_content


@pytest.fixture
def schema(pooled_schema: tuple[str, ApiDriver | None]) -> str:
    """A migrated schema that no other test uses at the same time."""
    return pooled_schema[0]


@pytest.fixture
def organisation(pooled_schema: tuple[str, ApiDriver | None]) -> ApiDriver:
    """An organisation in the schema; no service runs on it yet."""
    assert pooled_schema[1]
    return pooled_schema[1]


@pytest.fixture
def live_database(database: Database) -> Database:
    """A database with its live tables."""
    return database


@pytest.fixture(scope="session")
def service_url(server: Server) -> str:
    """URL of the database for the service's role."""
    return server.build_url(SERVICE_ROLE, DATABASE)


@pytest.fixture(scope="session")
def superuser_url(server: Server) -> str:
    """URL of the database for the superuser."""
    return server.build_url(database=DATABASE)


@pytest.fixture
def database(service_url: str, schema: str) -> Iterator[Database]:
    """The service's pool on the schema."""
    pool = Database(service_url, schema).open()
    yield pool
    pool.close()


@pytest.fixture
def settings(schema_pools: SchemaPools, schema: str, tmp_path: Path) -> Settings:
    """Settings of a service on the schema."""
    return schema_pools.build_settings(schema, tmp_path)


@pytest.fixture
def api(settings: Settings, organisation: ApiDriver) -> Iterator[ApiDriver]:
    """A running service with an organisation, reached in this process."""
    with TestClient(build_app(settings, clock=MovableClock()), raise_server_exceptions=False) as client:
        yield ApiDriver(client, dict(organisation.keys), dict(organisation.ids))


@pytest.fixture(scope="module")
def shared_api(schema_pools: SchemaPools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiDriver]:
    """A running service with an organisation, for all tests of a module; its calendars may be on loopback."""
    with schema_pools.run_service(tmp_path_factory.mktemp("data"), calendar_allowed_networks="127.0.0.0/8") as api:
        yield api
