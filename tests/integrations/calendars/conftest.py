"""A CalDAV server, a server of feeds, and an organisation that may read both."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from uuid import uuid4

import pytest

from api.cli.people import add_person, make_api_key
from api.settings import Settings
from integrations.calendars.http_client import GuardedHttpClient
from tests.api_driver import ALWAYS, ApiDriver
from tests.integrations.calendars.caldav_server import CalDavServer, run_caldav_server
from tests.integrations.calendars.feed_server import FeedServer, run_feed_server

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
def radicale(tmp_path: Path) -> Iterator[CalDavServer]:
    """A CalDAV server on loopback."""
    folder = tmp_path / "radicale"
    folder.mkdir()
    with run_caldav_server(folder) as server:
        yield server


@pytest.fixture
def http_client() -> GuardedHttpClient:
    """What asks calendars' servers, loopback allowed."""
    return GuardedHttpClient(LOOPBACK)


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    """A server of feeds on loopback."""
    with run_feed_server() as server:
        yield server


@pytest.fixture
def loopback_settings(settings: Settings) -> Settings:
    """Settings that let calendars be read from loopback."""
    return settings.model_copy(update={"calendar_allowed_networks": "127.0.0.0/8"})


@pytest.fixture(scope="module")
def calendar_api(shared_api: ApiDriver) -> ApiDriver:
    """A service that fetches calendars as soon as they are due, shared by a module."""
    shared_api.services.fetcher.idle = 0.1
    return shared_api


@pytest.fixture
def owners_api(calendar_api: ApiDriver) -> ApiDriver:
    """The same service with two new people, who have no calendars yet."""
    api = ApiDriver(calendar_api.client, dict(calendar_api.keys), dict(calendar_api.ids))
    for who in ("member", "engineer"):
        email = f"{who}-{uuid4().hex[:8]}@nexora.example"
        api.ids[who] = str(add_person(api.services, email, ["member"], who.capitalize(), "UTC"))
        api.keys[who] = make_api_key(api.services, email, "tests")
        api.patch("/v1/me", {"weekly_hours": ALWAYS}, who)
    return api
