"""The sample organisation behind a live server, and a browser in front of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from api.clock import now
from api.demo.sample import furnish
from api.startup import opened
from store.embedded.server import Server
from tests.browser.browsing import Browsing, Guard, Live, browser, live
from tests.browser.screenshots import wait_for_lists
from tests.conftest import new_settings

expect.set_options(timeout=20_000)  # a busy machine is slow, and that is no failure


@pytest.fixture(scope="package")
def served(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A live server of the sample organisation, on a schema of its own; shared by the files that a worker runs."""
    with new_settings(server, tmp_path_factory.mktemp("data"), calendar_allowed_networks="127.0.0.0/8") as settings:
        oncelink = opened(settings)
        furnish(oncelink, now())
        oncelink.close()
        with live(settings) as found:
            wait_for_lists(found)
            yield found


@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    """What drives browsers; not beyond these files, as it keeps an event loop running in its thread."""
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="package")
def chromium(driver: Playwright) -> Iterator[Browser]:
    """A browser, shared by the files that a worker runs; they share no window of it."""
    with browser(driver) as found:
        yield found


@pytest.fixture
def browsing(served: Live, chromium: Browser) -> Iterator[Browsing]:
    """Windows; afterwards nothing may have gone wrong in any of them."""
    found = Browsing(served, chromium, Guard(served.base_url))
    yield found
    found.close()
    assert found.guard.found == []
