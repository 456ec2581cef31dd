"""The sample organisation behind a live server, and a browser in front of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from api.clock import read_clock
from api.demo.sample import create_sample
from api.startup import open_services
from store.embedded.server import Server
from tests.browser.browsing import BrowserWindows, LiveServer, PageGuard, run_browser, run_live_server
from tests.browser.extreme_values import add_extreme_values
from tests.browser.screenshots import wait_for_lists
from tests.conftest import use_new_settings

expect.set_options(timeout=20_000)  # a busy machine is slow, and that is no failure


@pytest.fixture(scope="package")
def live_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A live server of the sample organisation, on a schema of its own; shared by the files that a worker runs."""
    with use_new_settings(server, tmp_path_factory.mktemp("data"), calendar_allowed_networks="127.0.0.0/8") as settings:
        services = open_services(settings)
        create_sample(services, read_clock())
        add_extreme_values(services, read_clock())
        services.close()
        with run_live_server(settings) as running_server:
            wait_for_lists(running_server)
            yield running_server


@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    """What drives browsers; not beyond these files, as it keeps an event loop running in its thread."""
    with sync_playwright() as running_playwright:
        yield running_playwright


@pytest.fixture(scope="package")
def chromium(driver: Playwright) -> Iterator[Browser]:
    """A browser, shared by the files that a worker runs; they share no window of it."""
    with run_browser(driver) as launched_browser:
        yield launched_browser


@pytest.fixture
def windows(live_server: LiveServer, chromium: Browser) -> Iterator[BrowserWindows]:
    """Browser windows. Asserts afterwards that no page caused a problem."""
    browser_windows = BrowserWindows(live_server, chromium, PageGuard(live_server.base_url))
    yield browser_windows
    browser_windows.close_windows()
    assert browser_windows.guard.problems == []
