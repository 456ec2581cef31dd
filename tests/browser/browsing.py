"""A live server, a browser in front of it, and the rules that every page must pass."""

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

from api.app import build_app
from api.clock import read_clock
from api.demo.organisation import PEOPLE
from api.http.dependencies import SESSION_COOKIE
from api.services import Services
from api.settings import Settings

TIMEOUT_MS = 30_000  # milliseconds
FLAGS = ["--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars"]
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
LIST_TIMEOUT_SECONDS = 20.0
# rows that are built like one before them, of the same tags, attributes and classes, tell nothing new
MARK_SIMILAR_ROWS = """() => {
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
RUN_AXE = "(options) => axe.run({exclude: ['[data-alike]']}, options).then(({violations}) => violations)"
# a text field scrolls by itself, and what only screen readers get has no place on the page
FIND_OVERFLOW = """() => {
    const root = document.documentElement;
    const places = root.scrollWidth > root.clientWidth ? [`the page is ${root.scrollWidth} wide`] : [];
    for (const element of document.body.querySelectorAll(":not(option, svg *)")) {
        const box = element.getBoundingClientRect();
        const isVisible = box.width && element.checkVisibility({visibilityProperty: true});
        if (!isVisible || element.closest(".sr-only, .skip, thead, .truncate")) continue;
        const text = element.textContent.trim().slice(0, 30);
        const name = `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} ${text}`;
        const overflow = getComputedStyle(element).overflowX;
        if (box.right > root.clientWidth + 1 || box.left < -1) places.push(`outside the window: ${name}`);
        const scrolls = ["auto", "scroll"].includes(overflow) && !element.matches("input, textarea");
        if (scrolls && element.scrollWidth > element.clientWidth + 1)
            places.push(`scrolls sideways: ${name}`);
    }
    return places;
}"""
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def find_chromium() -> str:
    """Return the path of Chromium. Without one the test is skipped, except in CI, where it fails."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        reason = "there is no Chromium: install Debian's package chromium, or name one in CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return executable


def find_headless_shell() -> str:
    """Return the path of Chromium without windows, at half the processor time; of the whole one where it is missing."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or find_chromium()


@contextmanager
def run_browser(playwright: Playwright) -> Iterator[Browser]:
    """Launch a headless browser; root can only run it without its sandbox."""
    chromium_browser = playwright.chromium.launch(
        executable_path=find_headless_shell(), args=FLAGS, chromium_sandbox=os.geteuid() != 0, timeout=2 * TIMEOUT_MS
    )
    try:
        yield chromium_browser
    finally:
        chromium_browser.close()


@dataclass
class LiveServer:
    """A server in this process, and its services."""

    base_url: str
    services: Services

    def create_sign_in_path(self, who: str) -> str:
        """Create a sign-in link of one of the sample's people, as mails have it, and return its path."""
        return f"/sign-in/{self.services.api_keys.create_sign_in_code(PEOPLE[who].id, read_clock())}"

    def create_session(self, who: str) -> str:
        """Create a session of one of the sample's people."""
        code = self.services.api_keys.create_sign_in_code(PEOPLE[who].id, read_clock())
        secret = self.services.sessions.begin_session(code, read_clock())
        assert secret
        return secret


@contextmanager
def run_live_server(settings: Settings, certificate: Path | None = None) -> Iterator[LiveServer]:
    """Run the service on a free port, in a thread; by https with a certificate, whose file has its key too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        app = build_app(settings.model_copy(update={"base_url": base_url}))
        options = {"access_log": False, "log_config": None, "timeout_graceful_shutdown": 2}
        server = uvicorn.Server(uvicorn.Config(app, ssl_certfile=certificate, **options))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            deadline = time.monotonic() + TIMEOUT_MS / 1000
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield LiveServer(base_url, app.state.services)
        finally:
            server.should_exit = True
            thread.join(TIMEOUT_MS / 1000)


@dataclass
class PageGuard:
    """Collects what no page may do: console errors, exceptions, requests to another origin."""

    base_url: str
    expected: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    other_url: str | None = None  # of another origin that pages may lead to

    def watch_context(self, context: BrowserContext) -> None:
        """Watch all pages of a browser context."""
        context.on("console", self.record_console_message)
        context.on("weberror", lambda error: self.problems.append(f"exception: {error.error}"))
        context.on("request", self.record_request)

    def record_console_message(self, message: ConsoleMessage) -> None:
        """Record an error or warning on the console."""
        if message.type in ("error", "warning") and not any(
            re.search(pattern, message.text) for pattern in self.expected
        ):
            self.problems.append(f"{message.type}: {message.text}")

    def record_request(self, request: Request) -> None:
        """Record a request to another origin."""
        if self.other_url and not request.is_navigation_request() and request.frame.url.startswith(self.other_url):
            return  # what the pages of another load is not ours
        own_urls = tuple(f"{url}/" for url in (self.base_url, self.other_url) if url)
        if not request.url.startswith((*own_urls, "data:", "blob:")):
            self.problems.append(f"foreign request: {urlsplit(request.url).netloc}")

    def expect_message(self, pattern: str) -> None:
        """Allow one kind of console message that the test provokes."""
        self.expected.append(pattern)


@dataclass
class BrowserWindows:
    """Windows of a browser in front of a live server."""

    live_server: LiveServer
    browser: Browser
    guard: PageGuard
    contexts: list[BrowserContext] = field(default_factory=list)
    reusable_pages: dict[str | None, Page] = field(default_factory=dict)

    def open_window(self, who: str | None = None, clipboard: bool = True, **settings: Any) -> Page:
        """A window of its own (no cookies shared), signed in as one of the sample's people, or as nobody."""
        settings.setdefault("reduced_motion", "reduce")  # nothing is looked at half-way
        context = self.browser.new_context(
            base_url=self.live_server.base_url, viewport=settings.pop("viewport", WIDE), **settings
        )
        context.set_default_timeout(TIMEOUT_MS)
        if clipboard:
            context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.live_server.base_url)
        if who:
            context.add_cookies(
                [
                    {
                        "name": SESSION_COOKIE,
                        "value": self.live_server.create_session(who),
                        "url": self.live_server.base_url,
                    }
                ]
            )
        self.guard.watch_context(context)
        self.contexts.append(context)
        return context.new_page()

    def share_window(self, who: str | None) -> Page:
        """The one window of this person, or of nobody: as a new one, but that its cache is warm."""
        page = self.reusable_pages.get(who) or self.open_window(who)
        self.reusable_pages[who] = page
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.mouse.move(0, 0)
        return page

    def close_windows(self) -> None:
        """Close all windows."""
        for context in self.contexts:
            context.close()


def find_overflow(page: Page, width: int) -> list[str]:
    """What is cut off, or scrolls sideways, in a window of this width (WCAG 2.2, 1.4.10), each with where."""
    page.set_viewport_size({"width": width, "height": PHONE["height"]})
    page.evaluate(TWO_FRAMES)
    return [f"{width} px: {place}" for place in page.evaluate(FIND_OVERFLOW)]


def read_clipboard(page: Page) -> str:
    """Return the clipboard's text."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def find_violations(page: Page, scheme: str, every_rule: bool = False) -> list[str]:
    """What axe finds on a page in light, or of its colours in dark (all else is the same), each with where.

    With `every_rule` it looks for all in dark, too: where the page has another width than it had in light.
    """
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.evaluate(TWO_FRAMES)  # even the shortest transition still shows the old colours in its first frame
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    page.evaluate(MARK_SIMILAR_ROWS)
    colours = {"runOnly": ["color-contrast", "link-in-text-block"]}
    rules = colours if scheme == "dark" and not every_rule else {}
    rows = page.evaluate(RUN_AXE, {"resultTypes": ["violations"], **rules})
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in rows
        for node in violation["nodes"]
    ]
