"""A CalDAV server, a server of feeds, and an organisation that may read both."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.cli.people import add_person, make_api_key
from api.settings import Settings
from integrations.calendars.http_client import Web
from store.embedded.server import Server
from tests.api_driver import ALWAYS, House
from tests.conftest import new_settings
from tests.integrations.calendars.caldav_server import CalDavServer, caldav_server
from tests.integrations.calendars.feed_server import FeedServer, feed_server

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
def radicale(tmp_path: Path) -> Iterator[CalDavServer]:
    """A CalDAV server on loopback."""
    folder = tmp_path / "radicale"
    folder.mkdir()
    with caldav_server(folder) as server:
        yield server


@pytest.fixture
def web() -> Web:
    """What asks calendars' servers, loopback allowed."""
    return Web(LOOPBACK)


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    """A server of feeds on loopback."""
    with feed_server() as server:
        yield server


@pytest.fixture
def allowed(settings: Settings) -> Settings:
    """Settings that let calendars be read from loopback."""
    return settings.model_copy(update={"calendar_allowed_networks": "127.0.0.0/8"})


@pytest.fixture(scope="module")
def building(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An organisation whose calendars may be on loopback, for all tests of a module."""
    folder, loopback = tmp_path_factory.mktemp("data"), "127.0.0.0/8"
    with (
        new_settings(server, folder, base_url="http://testserver", calendar_allowed_networks=loopback) as settings,
        TestClient(build(settings), raise_server_exceptions=False) as client,
    ):
        house = House.furnished(client)
        house.oncelink.fetcher.idle = 0.1
        yield house


@pytest.fixture
def office(building: House) -> House:
    """The same with two people of its own, whose calendars nobody has seen."""
    house = House(building.client, dict(building.keys), dict(building.ids))
    for who in ("member", "engineer"):
        email = f"{who}-{uuid4().hex[:8]}@nexora.example"
        house.ids[who] = str(add_person(house.oncelink, email, ["member"], who.capitalize(), "UTC"))
        house.keys[who] = make_api_key(house.oncelink, email, "tests")
        house.patch("/v1/me", {"weekly_hours": ALWAYS}, who)
    return house
