"""The extension in a real browser: pairing, the popup, its storage and its service worker."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, Worker, expect

from api.cli.extension import FOLDER
from api.http.dependencies import SESSION_COOKIE
from api.settings import OUR_EXTENSION
from tests.browser.browsing import FLAGS, TIMEOUT_MS, LiveServer, find_chromium

ROOT = OUR_EXTENSION
POPUP_SIZE = {"width": 400, "height": 600}


def unpack_extension(folder: Path) -> Path:
    """The extension as it is, but for one thing: it has the permission for the test's server that Chrome asks for.

    Nobody can press the button of that question in a browser without a screen.
    """
    target = folder / "extension"
    shutil.copytree(FOLDER, target)
    manifest = json.loads((target / "manifest.json").read_text())
    manifest["host_permissions"] = ["http://127.0.0.1/*"]
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


@dataclass
class ExtensionDriver:
    """The browser with the extension, and what people do in it."""

    live_server: LiveServer
    context: BrowserContext
    problems: list[str]

    @property
    def worker(self) -> Worker:
        """The extension's service worker."""
        return self.context.service_workers[0] if self.context.service_workers else self.wake_worker()

    def wake_worker(self) -> Worker:
        """Wait for the worker to run and return it."""
        return self.context.wait_for_event("serviceworker", timeout=TIMEOUT_MS)

    def record_console_message(self, message: ConsoleMessage) -> None:
        """Record console messages; refused or lost responses are part of some tests."""
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def reset_state(self) -> None:
        """Close all pages and clear the storage."""
        for page in self.context.pages[1:]:
            page.close()
        self.context.set_offline(False)
        self.worker.evaluate("chrome.storage.local.clear()")

    def open_saved_popup(self) -> Page:
        """Open the popup of Julio with a saved connection."""
        for page in self.context.pages[1:]:
            page.close()
        self.context.set_offline(False)
        if self.read_storage("connection") is None:
            return self.open_connected_popup("julio")
        self.worker.evaluate("chrome.storage.local.remove(['pins', 'used', 'unanswered', 'notice'])")
        popup = self.open_popup()
        expect(popup.get_by_role("row").first).to_be_visible()
        return popup

    def open_popup(self) -> Page:
        """Open the popup in a tab of its size."""
        page = self.context.new_page()
        page.set_viewport_size(POPUP_SIZE)  # type: ignore[arg-type]
        page.emulate_media(reduced_motion="reduce")
        page.goto(f"{ROOT}/popup.html")
        return page

    def sign_in(self, who: str) -> None:
        """Sign a person in to the server's pages."""
        self.context.clear_cookies()
        self.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": self.live_server.create_session(who), "url": self.live_server.base_url}]
        )

    def open_connected_popup(self, who: str = "julio") -> Page:
        """Connect a person and open their popup with its lists loaded."""
        self.sign_in(who)
        popup = self.open_popup()
        self.connect_to_server(popup)
        return popup

    def connect_to_server(self, popup: Page) -> list[str]:
        """Gives the server's address and agrees; the addresses that this led through."""
        popup.get_by_label("Address of the server").fill(self.live_server.base_url)
        with self.context.expect_page(timeout=TIMEOUT_MS) as page_info:
            popup.get_by_role("button", name="Connect").click()
        consent_url = page_info.value.url
        page_info.value.get_by_role("button", name="Connect it").click()
        expect(page_info.value.get_by_role("status").first).to_contain_text("Connected as")
        result_url = page_info.value.url
        page_info.value.close()
        popup.bring_to_front()
        expect(popup.get_by_role("row").first).to_be_visible()
        return [consent_url, result_url]

    def read_storage(self, name: str) -> Any:
        """Read a value from the extension's storage."""
        return self.worker.evaluate("async (name) => (await chrome.storage.local.get(name))[name] ?? null", name)

    def count_issued_links(self) -> int:
        """Count the single-use links in the event log."""
        return self.count_issued_links_on(self.live_server)

    def count_issued_links_on(self, server: LiveServer) -> int:
        """Count the single-use links on a server."""
        query = "SELECT count(*) AS many FROM {schema}.events WHERE type LIKE 'SingleUseIssued.%%'"
        return int(server.services.database.fetch_rows(query, ())[0]["many"])


@contextmanager
def run_extension(playwright: Playwright, live: LiveServer, folder: Path) -> Iterator[ExtensionDriver]:
    """A browser of its own with nothing kept in it yet."""
    extension_folder = unpack_extension(folder)
    loading = [f"--disable-extensions-except={extension_folder}", f"--load-extension={extension_folder}"]
    context = playwright.chromium.launch_persistent_context(
        folder / "profile",
        executable_path=find_chromium(),
        args=[*FLAGS, *loading, "--headless=new"],
        headless=False,
        chromium_sandbox=os.geteuid() != 0,
        timeout=2 * TIMEOUT_MS,
    )
    context.set_default_timeout(TIMEOUT_MS)
    context.grant_permissions(["clipboard-read"])  # writing is the extension's own permission
    driver = ExtensionDriver(live, context, [])
    context.on("weberror", lambda error: driver.problems.append(str(error.error)))
    context.on("console", driver.record_console_message)
    try:
        yield driver
    finally:
        context.close()


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(30)
