"""A browser with the extension in it, in front of a live server."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, Route, Worker, expect

from api.cli.extension import FOLDER
from api.http.dependencies import SESSION
from api.settings import OUR_EXTENSION
from tests.browser.browsing import FLAGS, PATIENCE, Live, chromium, copied

ROOT = OUR_EXTENSION
SIZE = {"width": 400, "height": 600}
GUEST = {"name": "Grace Hopper", "email": "grace@acme.example", "time_zone": "Europe/Berlin"}
ENOUGH = 200


def unpacked(folder: Path) -> Path:
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
class Extended:
    """The browser, and what people do in it."""

    live: Live
    context: BrowserContext
    problems: list[str]

    @property
    def worker(self) -> Worker:
        """The extension's service worker."""
        return self.context.service_workers[0] if self.context.service_workers else self.woken()

    def woken(self) -> Worker:
        """The worker, once it runs."""
        return self.context.wait_for_event("serviceworker", timeout=PATIENCE)

    def heard(self, message: ConsoleMessage) -> None:
        """What a page says of itself; that an answer was a refusal, or lost, is part of some tests."""
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def start_anew(self) -> None:
        """Nothing is open and nothing kept."""
        for page in self.context.pages[1:]:
            page.close()
        self.context.set_offline(False)
        self.worker.evaluate("chrome.storage.local.clear()")

    def ready(self) -> Page:
        """The popup of Julio, who connected at some time."""
        for page in self.context.pages[1:]:
            page.close()
        self.context.set_offline(False)
        if self.kept("connection") is None:
            return self.connected("julio")
        self.worker.evaluate("chrome.storage.local.remove(['pins', 'used', 'unanswered', 'notice'])")
        popup = self.popup()
        expect(popup.get_by_role("row").first).to_be_visible()
        return popup

    def popup(self) -> Page:
        """The popup, in a tab of its size."""
        page = self.context.new_page()
        page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        page.emulate_media(reduced_motion="reduce")
        page.goto(f"{ROOT}/popup.html")
        return page

    def sign_in(self, who: str) -> None:
        """Signs somebody in to the server's pages."""
        self.context.clear_cookies()
        self.context.add_cookies([{"name": SESSION, "value": self.live.session(who), "url": self.live.base_url}])

    def connected(self, who: str = "julio") -> Page:
        """The popup of somebody who has just connected, with the lists in it."""
        self.sign_in(who)
        popup = self.popup()
        self.connect(popup)
        return popup

    def connect(self, popup: Page) -> list[str]:
        """Gives the server's address and agrees; the addresses that this led through."""
        popup.get_by_label("Address of the server").fill(self.live.base_url)
        with self.context.expect_page(timeout=PATIENCE) as opened:
            popup.get_by_role("button", name="Connect").click()
        asked = opened.value.url
        opened.value.get_by_role("button", name="Connect it").click()
        expect(opened.value.get_by_role("status").first).to_contain_text("Connected as")
        agreed = opened.value.url
        opened.value.close()
        popup.bring_to_front()
        expect(popup.get_by_role("row").first).to_be_visible()
        return [asked, agreed]

    def kept(self, name: str) -> Any:
        """What the extension keeps under a name."""
        return self.worker.evaluate("async (name) => (await chrome.storage.local.get(name))[name] ?? null", name)

    def issued(self) -> int:
        """How many single-use links there are, by the log."""
        return self.issued_by(self.live)

    def issued_by(self, server: Live) -> int:
        """How many there are, asked of a server that runs."""
        question = "SELECT count(*) AS many FROM {schema}.events WHERE type LIKE 'SingleUseIssued.%%'"
        return int(server.oncelink.database.rows(question, ())[0]["many"])


@contextmanager
def extended(playwright: Playwright, live: Live, folder: Path) -> Iterator[Extended]:
    """A browser of its own with nothing kept in it yet."""
    extension = unpacked(folder)
    loading = [f"--disable-extensions-except={extension}", f"--load-extension={extension}"]
    context = playwright.chromium.launch_persistent_context(
        folder / "profile",
        executable_path=chromium(),
        args=[*FLAGS, *loading, "--headless=new"],
        headless=False,
        chromium_sandbox=os.geteuid() != 0,
        timeout=2 * PATIENCE,
    )
    context.set_default_timeout(PATIENCE)
    context.grant_permissions(["clipboard-read"])  # writing is the extension's own permission
    found = Extended(live, context, [])
    context.on("weberror", lambda error: found.problems.append(str(error.error)))
    context.on("console", found.heard)
    try:
        yield found
    finally:
        context.close()


def until(page: Page, true: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not true():
        assert time.monotonic() < deadline
        page.wait_for_timeout(30)


def code_on_clipboard(page: Page) -> str:
    """The code of the single-use link on the clipboard."""
    found = re.fullmatch(r"http://127\.0\.0\.1:\d+/s/([\w-]{43})", copied(page))
    assert found
    return found.group(1)


def book(page: Page, base_url: str, code: str) -> int:
    """Books a time on offer, as a guest; the status."""
    first = (datetime.now(UTC) + timedelta(days=3)).date()
    query = f"from={first}&to={first + timedelta(days=20)}&time_zone=Europe/Berlin"
    slots = page.request.get(f"{base_url}/v1/book/{code}/slots?{query}")
    if slots.status != ENOUGH:
        return slots.status
    start = slots.json()["slots"][-1]["start"]
    return page.request.post(f"{base_url}/v1/book/{code}", data={"start": start, "guest": GUEST}).status


def losing_replies(page: Page, count: int) -> list[str]:
    """Lets the server do what it is asked for, and loses its first answers; the keys of all requests."""
    keys: list[str] = []

    def handle(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        if len(keys) <= count:
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    page.route("**/v1/links/*/single-use", handle)
    return keys
