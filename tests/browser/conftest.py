"""The sample organisation behind a live server, and a browser in front of it."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from api.clock import now
from api.opening import opened
from api.sample import furnish
from api.serving import DATABASE, OWNER_ROLE
from api.settings import read_settings
from store.embedded import Server
from store.schema import SERVICE_ROLE, migrate
from tests.browser.browsing import Browsing, Guard, Live, browser, live
from tests.browser.screenshots import wait_for_lists
from tests.conftest import SECRET

expect.set_options(timeout=20_000)  # a busy machine is slow, and that is no failure


@pytest.fixture(scope="package")
def served(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A live server of the sample organisation, on a schema of its own; shared by the files that a worker runs."""
    schema = f"t{uuid4().hex[:12]}"
    migrate(server.url(OWNER_ROLE, DATABASE), schema)
    settings = read_settings(
        database_url=server.url(SERVICE_ROLE, DATABASE),
        db_schema=schema,
        data_dir=tmp_path_factory.mktemp("data"),
        secret_keys=SECRET,
        calendar_allowed_networks="127.0.0.0/8",
    )
    oncelink = opened(settings)
    furnish(oncelink, now())
    oncelink.close()
    with live(settings) as found:
        wait_for_lists(found)
        yield found
    with psycopg.connect(server.url(database=DATABASE), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {schema}, {schema}_reporting CASCADE")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for a file; not for longer, as Playwright keeps an event loop running in its thread."""
    with browser() as found:
        yield found


@pytest.fixture
def browsing(served: Live, chromium: Browser) -> Iterator[Browsing]:
    """Windows; afterwards nothing may have gone wrong in any of them."""
    found = Browsing(served, chromium, Guard(served.base_url))
    yield found
    found.close()
    assert found.guard.found == []
