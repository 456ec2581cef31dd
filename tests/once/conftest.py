"""A deployment: an organisation served by two processes on one database, shared by the tests of a run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.server import DATABASE
from api.settings import Settings
from store.database import Database
from store.embedded.server import Server
from store.schema import SERVICE_ROLE
from tests.api_driver import ALWAYS, ApiDriver
from tests.conftest import build_settings
from tests.once.barrier import COMPETING_RESERVATION, FENCE, run_simultaneously
from tests.once.database_proxy import DatabaseProxy, run_proxy
from tests.once.deadlocks import count_deadlocks, end_backends
from tests.once.server_processes import run_server_processes
from tests.schema_pool import create_schema

T = TypeVar("T")


@dataclass
class Deployment:
    """Two server processes of one organisation. Each test creates its own hosts, meeting types and links."""

    api: ApiDriver
    clients: list[httpx2.Client]
    superuser_url: str

    @property
    def database(self) -> Database:
        """The service's connections in this process."""
        return self.api.services.database

    def run_simultaneously(self, calls: Sequence[Callable[[], T]], host: str | None = None, start: str = "") -> list[T]:
        """Run calls whose appends happen at the same instant. Return their results.

        They wait at the beginning of the append, or where they reserve the time of a host from `start` on.
        """
        schema = self.api.services.settings.db_schema
        blocking_statement = (
            COMPETING_RESERVATION.format(schema=schema, host=host, start=start) if host else FENCE.format(schema=schema)
        )
        return run_simultaneously(self.superuser_url, schema, blocking_statement, calls)

    def add_host(self) -> str:
        """Add a member with time around the clock. Return the name of their key."""
        who = f"host-{uuid4().hex[:8]}"
        self.api.add_person(who, ["member"])
        self.api.patch("/v1/me", {"weekly_hours": ALWAYS}, who)
        return who

    def create_meeting_type(self, **properties: Any) -> str:
        """Create a meeting type of half an hour. Return its id."""
        body = {"name": "Intro", "duration_minutes": 30, **properties}
        return str(self.api.post("/v1/meeting-types", body, "admin", 201)["id"])

    def create_link(self, who: str, *co_hosts: str, **properties: Any) -> dict[str, Any]:
        """Create a link of a host, with co-hosts."""
        ids = [self.api.ids[name] for name in co_hosts]
        link: dict[str, Any] = self.api.create_link("Talk", who, co_host_ids=ids, **properties)
        return link


def create_settings(server: Server, folder: Path) -> Settings:
    """Create a schema for several tests. Return settings for it."""
    return build_settings(server, create_schema(server), folder, base_url="http://testserver")


@pytest.fixture(scope="session")
def shared_settings(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings on a schema that the tests of a run share."""
    return create_settings(server, tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="session")
def shared_deployment(shared_settings: Settings, server: Server) -> Iterator[Deployment]:
    """The deployment, started once."""
    url = f"{shared_settings.database_url}&application_name={shared_settings.db_schema}"
    with (
        TestClient(build_app(shared_settings), raise_server_exceptions=False) as client,
        run_server_processes(shared_settings.model_copy(update={"database_url": url})) as clients,
    ):
        yield Deployment(ApiDriver.create_organisation(client), clients, server.build_url(database=DATABASE))


@pytest.fixture
def deployment(shared_deployment: Deployment, shared_settings: Settings) -> Iterator[Deployment]:
    """The deployment, for a test during which no deadlock may happen."""
    deadlock_count = count_deadlocks(shared_deployment.superuser_url)
    yield shared_deployment
    end_backends(shared_deployment.superuser_url, shared_settings.db_schema)
    assert count_deadlocks(shared_deployment.superuser_url) == deadlock_count


@pytest.fixture
def proxy(server: Server) -> Iterator[DatabaseProxy]:
    """A proxy in front of PostgreSQL."""
    with run_proxy(server) as running_proxy:
        yield running_proxy


@pytest.fixture
def proxied_settings(settings: Settings, proxy: DatabaseProxy) -> Settings:
    """Settings of a service that reaches PostgreSQL through the proxy."""
    return settings.model_copy(update={"database_url": proxy.build_url(SERVICE_ROLE, DATABASE)})
