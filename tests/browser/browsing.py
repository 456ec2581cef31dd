"""A live server, a browser in front of it, and the guards that every page must pass."""

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

from api.app import build
from api.clock import now
from api.demo.organisation import PEOPLE
from api.http.dependencies import SESSION
from api.services import Oncelink
from api.settings import Settings

PATIENCE = 30_000  # milliseconds
FLAGS = ["--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars"]
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
LIST_PATIENCE = 20.0
# rows that are built like one before them, of the same tags, attributes and classes, tell nothing new
ALIKE = """() => {
    for (const list of document.querySelectorAll("tbody, ol, ul")) {
        const known = new Set();
        for (const row of list.children) {
            const parts = [row, ...row.querySelectorAll("*")];
            const names = (part) => part.getAttributeNames().filter((name) => name !== "data-alike").sort();
            const kinds = parts.map((part) => [part.tagName, part.getAttribute("class"), ...names(part)].join(" "));
            const kind = [...new Set(kinds)].sort().join();
            row.toggleAttribute("data-alike", known.has(kind));
            known.add(kind);
        }
    }
}"""
# what passes is neither described nor sent: that takes longer than the looking
VIOLATIONS = "(options) => axe.run({exclude: ['[data-alike]']}, options).then(({violations}) => violations)"
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def chromium() -> str:
    """Where the browser is. Without one the test is skipped, except in CI, where it fails."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        reason = "there is no Chromium: install Debian's package chromium, or name one in CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A headless browser; root may only start it without its sandbox."""
    found = playwright.chromium.launch(
        executable_path=chromium(), args=FLAGS, chromium_sandbox=os.geteuid() != 0, timeout=2 * PATIENCE
    )
    try:
        yield found
    finally:
        found.close()


@dataclass
class Live:
    """A server of this process, and what it serves."""

    base_url: str
    oncelink: Oncelink

    def session(self, who: str) -> str:
        """A new session of one of the sample's people."""
        code = self.oncelink.keys.sign_in_code(PEOPLE[who].id, now())
        secret = self.oncelink.sessions.begin(code, now())
        assert secret
        return secret


@contextmanager
def live(settings: Settings) -> Iterator[Live]:
    """The service on a free port, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = build(settings.model_copy(update={"base_url": base_url}))
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_config=None, timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            deadline = time.monotonic() + PATIENCE / 1000
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield Live(base_url, app.state.oncelink)
        finally:
            server.should_exit = True
            thread.join(PATIENCE / 1000)


@dataclass
class Guard:
    """What no page may do: errors on the console, exceptions, requests to another origin."""

    base_url: str
    expected: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Looks at everything that happens in a browser's window."""
        context.on("console", self.heard)
        context.on("weberror", lambda error: self.found.append(f"exception: {error.error}"))
        context.on("request", self.asked)

    def heard(self, message: ConsoleMessage) -> None:
        """A message on the console."""
        if message.type in ("error", "warning") and not any(re.search(one, message.text) for one in self.expected):
            self.found.append(f"{message.type}: {message.text}")

    def asked(self, request: Request) -> None:
        """A request of a page."""
        if not request.url.startswith((self.base_url + "/", "data:", "blob:")):
            self.found.append(f"foreign request: {urlsplit(request.url).netloc}")

    def expect(self, pattern: str) -> None:
        """Lets one kind of console message pass, where the test provokes it."""
        self.expected.append(pattern)


@dataclass
class Browsing:
    """Windows of a browser in front of a live server."""

    live: Live
    browser: Browser
    guard: Guard
    contexts: list[BrowserContext] = field(default_factory=list)
    kept: dict[str | None, Page] = field(default_factory=dict)

    def window(self, who: str | None = None, clipboard: bool = True, **settings: Any) -> Page:
        """A window of its own (no cookies shared), signed in as one of the sample's people, or as nobody."""
        settings.setdefault("reduced_motion", "reduce")  # nothing is looked at half-way
        context = self.browser.new_context(
            base_url=self.live.base_url, viewport=settings.pop("viewport", WIDE), **settings
        )
        context.set_default_timeout(PATIENCE)
        if clipboard:
            context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.live.base_url)
        if who:
            context.add_cookies([{"name": SESSION, "value": self.live.session(who), "url": self.live.base_url}])
        self.guard.watch(context)
        self.contexts.append(context)
        return context.new_page()

    def same_window(self, who: str | None) -> Page:
        """The one window of this person, or of nobody: as a new one, but that its cache is warm."""
        page = self.kept.get(who) or self.window(who)
        self.kept[who] = page
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.mouse.move(0, 0)
        return page

    def close(self) -> None:
        """Closes all windows."""
        for context in self.contexts:
            context.close()


def copied(page: Page) -> str:
    """What is on the clipboard."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def violations(page: Page, scheme: str) -> list[str]:
    """What axe finds on a page in light, or of its colours in dark (all else is the same), each with where."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.evaluate(TWO_FRAMES)  # even the shortest transition still shows the old colours in its first frame
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    page.evaluate(ALIKE)
    only = {"runOnly": ["color-contrast", "link-in-text-block"]} if scheme == "dark" else {}
    found = page.evaluate(VIOLATIONS, {"resultTypes": ["violations"], **only})
    return [f"{one['id']}: {node['target']} {node.get('failureSummary', '')}" for one in found for node in one["nodes"]]
