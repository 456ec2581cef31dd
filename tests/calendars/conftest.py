"""A CalDAV server for the tests that want one."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from api.calendars.web import Web
from tests.calendars.caldav_server import CalDavServer, caldav_server

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
