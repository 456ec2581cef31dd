"""An office: an organisation served by two processes on one database, shared by the tests of a run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.server import DATABASE, OWNER_ROLE
from api.settings import Settings, read_settings
from store.database import Database
from store.embedded.server import Server
from store.schema import SERVICE_ROLE, migrate
from tests.api_driver import ALWAYS, House
from tests.conftest import SECRET
from tests.once.barrier import FENCE, RIVAL, together
from tests.once.database_proxy import Proxy, proxying
from tests.once.deadlocks import deadlocks, end_backends
from tests.once.server_processes import servers

T = TypeVar("T")


@dataclass
class Office:
    """Two servers of one organisation; each test works with hosts, meeting types and links of its own."""

    house: House
    running: list[httpx2.Client]
    superuser_url: str

    @property
    def database(self) -> Database:
        """The service's connections in this process."""
        return self.house.oncelink.database

    def together(self, calls: Sequence[Callable[[], T]], host: str | None = None, start: str = "") -> list[T]:
        """What each call returns, whose appends happen in the same instant.

        They are stopped at their beginning, or where they reserve the time of a host from `start` on.
        """
        schema = self.house.oncelink.settings.db_schema
        gate = RIVAL.format(schema=schema, host=host, start=start) if host else FENCE.format(schema=schema)
        return together(self.superuser_url, schema, gate, calls)

    def host(self) -> str:
        """A new member with time around the clock."""
        who = f"host-{uuid4().hex[:8]}"
        self.house.hire(who, ["member"])
        self.house.patch("/v1/me", {"weekly_hours": ALWAYS}, who)
        return who

    def meeting_type(self, **properties: Any) -> str:
        """The id of a new meeting type of half an hour."""
        body = {"name": "Intro", "duration_minutes": 30, **properties}
        return str(self.house.post("/v1/meeting-types", body, "admin", 201)["id"])

    def link(self, who: str, *co_hosts: str, **properties: Any) -> dict[str, Any]:
        """A new link of a host, with co-hosts."""
        ids = [self.house.ids[name] for name in co_hosts]
        found: dict[str, Any] = self.house.link("Talk", who, co_host_ids=ids, **properties)
        return found


def new_settings(server: Server, folder: Path) -> Settings:
    """Settings on a new schema, for several tests."""
    schema = f"t{uuid4().hex[:12]}"
    migrate(server.url(OWNER_ROLE, DATABASE), schema)
    return read_settings(
        database_url=server.url(SERVICE_ROLE, DATABASE),
        db_schema=schema,
        data_dir=folder,
        secret_keys=SECRET,
        base_url="http://testserver",
    )


@pytest.fixture(scope="session")
def shared_settings(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings on a schema that the tests of a run share."""
    return new_settings(server, tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="session")
def shared_office(shared_settings: Settings, server: Server) -> Iterator[Office]:
    """The office itself, opened once."""
    url = f"{shared_settings.database_url}&application_name={shared_settings.db_schema}"
    with (
        TestClient(build(shared_settings), raise_server_exceptions=False) as client,
        servers(shared_settings.model_copy(update={"database_url": url})) as running,
    ):
        yield Office(House.furnished(client), running, server.url(database=DATABASE))


@pytest.fixture
def office(shared_office: Office, shared_settings: Settings) -> Iterator[Office]:
    """The office, for a test during which no deadlock may happen."""
    before = deadlocks(shared_office.superuser_url)
    yield shared_office
    end_backends(shared_office.superuser_url, shared_settings.db_schema)
    assert deadlocks(shared_office.superuser_url) == before


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy in front of PostgreSQL."""
    with proxying(server) as found:
        yield found


@pytest.fixture
def behind_proxy(settings: Settings, proxy: Proxy) -> Settings:
    """Settings of a service that reaches PostgreSQL through the proxy."""
    return settings.model_copy(update={"database_url": proxy.url(SERVICE_ROLE, DATABASE)})
