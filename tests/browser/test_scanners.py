"""No page changes anything before a person presses a button: every page, every link on it, every script of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, product
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Page

from api.app import ROUTERS
from api.clock import read_clock
from api.demo.organisation import PEOPLE
from api.http.dependencies import SESSION_COOKIE
from tests.api.scriptless_browser import PageParser
from tests.api_driver import ApiDriver, extract_code
from tests.browser.browsing import BrowserWindows, LiveServer
from tests.browser.hosting import add_host, format_future_day
from tests.browser.scanners import SCANNERS

STREAMS = {"/v1/read-models/progress"}
NOT_PAGES = ("/v1", "/static", "/openapi.json", "/healthz", "/readyz", "/metrics")
SIGNED_IN = ("tomasz", "julio")  # an admin, a member
MOST_LINKS = 120


@dataclass
class ScannerTargets:
    """Links that scanners open, and checks that they are usable afterwards."""

    live_server: LiveServer
    api: ApiDriver
    code: str
    slug: str
    manage: str
    sign_in: str
    ids: dict[str, str]
    cookies: list[dict[str, str]]

    @classmethod
    def create_targets(cls, live: LiveServer, api: ApiDriver) -> "ScannerTargets":
        """Create a link, a single-use link, a booking and a sign-in code."""
        link = api.create_link("Bait")
        issue_result = api.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"][0]
        booking = api.book_meeting(link["slug"], api.list_slots(link["slug"])[3])
        ids = {
            "links": link["id"],
            "people": api.ids["member"],
            "meeting-types": api.ids["type"],
            "single-use": issue_result["id"],
            "bookings": booking["booking"]["id"],
            "history": issue_result["id"],
        }
        sign_in = str(live.services.api_keys.create_sign_in_code(PEOPLE["julio"].id, read_clock()))
        cookies = [{SESSION_COOKIE: live.create_session(who)} for who in SIGNED_IN]
        return cls(
            live, api, issue_result["code"], link["slug"], extract_code(booking["manage_url"]), sign_in, ids, cookies
        )

    def fill_path(self, template: str) -> str:
        """An address of a route, with what leads somewhere wherever a parameter stands."""
        prefix = template.strip("/").removeprefix("v1/").split("/")[0]
        values = {"s": self.code, "m": self.manage, "manage": self.manage, "book": self.slug, "sign-in": self.sign_in}
        value = values.get(prefix) or self.find_id(template)
        return re.sub(r"\{[^}]+\}", value, template)

    def find_id(self, template: str) -> str:
        """The id of a thing of the kind that a route speaks of; a link's where nothing else is known."""
        return next((id for kind, id in self.ids.items() if f"/{kind}/" in template), self.ids["links"])

    def list_open_paths(self, crawler: httpx2.Client) -> tuple[list[str], list[str]]:
        """The paths of pages for everybody, and of those that lead to signing in."""
        closed_paths = [
            template
            for template in list_page_paths()
            if crawler.get(self.fill_path(template), follow_redirects=False)
            .headers.get("Location", "")
            .startswith("/sign-in?")
        ]
        assert len(closed_paths) >= 10
        return [template for template in list_page_paths() if template not in closed_paths], closed_paths

    def assert_usable(self) -> None:
        """Assert that each link still works when a person presses its button."""
        first_start, second_start, third_start, *_ = self.api.list_slots(self.code)
        assert self.live_server.services.sessions.begin_session(self.sign_in, read_clock())
        self.api.book_meeting(self.code, first_start)
        self.api.book_meeting(self.slug, second_start)
        rescheduled = self.api.post(f"/v1/manage/{self.manage}/reschedule", {"start": third_start})
        assert rescheduled["booking"]["status"] == "rescheduled"


@pytest.fixture
def targets(live_server: LiveServer) -> Iterator[ScannerTargets]:
    """Links for scanners. Asserts afterwards that nothing has changed and every link is usable."""
    with add_host(live_server) as api:
        scanner_targets = ScannerTargets.create_targets(live_server, api)
        position_before = read_state(live_server)
        yield scanner_targets
        assert read_state(live_server) == position_before
        scanner_targets.assert_usable()


def read_state(live: LiveServer) -> tuple[Any, ...]:
    """Read the end of the log and the numbers of sessions, keys and used codes."""
    count = "(SELECT count(*) FROM {{schema}}.{0})"
    tables = ", ".join(
        count.format(name) + f" AS {name}" for name in ("sessions", "api_keys", "claims", "reservations")
    )
    query = "SELECT (SELECT max(position) FROM {schema}.events) AS at, " + tables
    return tuple(live.services.database.fetch_rows(query)[0].values())


def list_get_paths() -> list[str]:
    """The path of every route that answers GET."""
    routes = [route for router in ROUTERS for route in router.routes]
    paths = {str(getattr(route, "path", "")) for route in routes if "GET" in (getattr(route, "methods", None) or ())}
    return sorted(paths - STREAMS)


def list_page_paths() -> list[str]:
    """The paths of routes that are pages."""
    page_paths = [path for path in list_get_paths() if not path.startswith(NOT_PAGES)]
    assert len(page_paths) >= 10
    assert {"/book/{slug:path}", "/s/{code:path}", "/m/{code:path}", "/sign-in/{code}"} <= set(page_paths)
    return page_paths


def is_download(page: Page, path: str) -> bool:
    """Whether an address leads to a file."""
    return page.request.head(path).headers.get("content-disposition", "").startswith("attachment")


@pytest.fixture
def crawler(live_server: LiveServer) -> Iterator[httpx2.Client]:
    """A client that follows redirects, as scanners do."""
    with httpx2.Client(base_url=live_server.base_url, timeout=60, follow_redirects=True) as client:
        yield client


class TestScanners:
    """GET, HEAD and OPTIONS by all of them."""

    def test_every_page_by_every_scanner(self, targets: ScannerTargets, crawler: httpx2.Client) -> None:
        """Every page of guests by all; where nobody gets beyond signing in, each page by one of them in turn."""
        assert len(SCANNERS) >= 20
        open_paths, closed_paths = targets.list_open_paths(crawler)
        visits = [*product(open_paths, SCANNERS.values()), *zip(closed_paths, cycle(SCANNERS.values()), strict=False)]
        for template, headers in visits:
            get_response = crawler.get(targets.fill_path(template), headers=headers)
            head_response = crawler.head(targets.fill_path(template), headers=headers)
            assert get_response.status_code < 500
            assert head_response.status_code == get_response.status_code
            assert head_response.content == b""

    def test_every_route_by_people_who_are_signed_in(self, targets: ScannerTargets) -> None:
        headers = SCANNERS["a browser that loads ahead"]
        for cookie in targets.cookies:
            with httpx2.Client(base_url=targets.live_server.base_url, cookies=cookie, timeout=60) as client:
                for template, method in product(list_get_paths(), ("GET", "HEAD", "OPTIONS")):
                    response = client.request(method, targets.fill_path(template), headers=headers)
                    assert response.status_code < 500, template

    def test_every_link_of_every_page_is_followed(self, targets: ScannerTargets, crawler: httpx2.Client) -> None:
        visited: set[str] = set()
        waiting = [targets.fill_path(template) for template in list_page_paths()]
        while waiting and len(visited) < MOST_LINKS:
            path = waiting.pop(0)
            if path in visited:
                continue
            visited.add(path)
            response = crawler.get(path, headers=SCANNERS["Microsoft Safe Links"])
            if response.headers["content-type"].startswith("text/html"):
                links = [href for href in PageParser(response.text).links.values() if href.startswith("/")]
                waiting += sorted(
                    links,
                    key=lambda href: urlsplit(href).path in {urlsplit(visited_path).path for visited_path in visited},
                )
        assert {f"/m/{targets.manage}/cancel", f"/m/{targets.manage}/reschedule"} <= {
            urlsplit(path).path for path in visited
        }
        assert len(visited) > 40


class TestScripts:
    """A browser that runs each page's scripts, and presses nothing."""

    def test_of_pages_for_everybody_and_of_those_behind_signing_in(
        self, targets: ScannerTargets, windows: BrowserWindows, crawler: httpx2.Client
    ) -> None:
        open_paths, closed_paths = targets.list_open_paths(crawler)
        self.visit_pages(targets, windows, {}, [*open_paths, closed_paths[0]])
        self.visit_pages(targets, windows, targets.cookies[0], [*open_paths, *closed_paths])

    def visit_pages(
        self, targets: ScannerTargets, windows: BrowserWindows, cookie: dict[str, str], templates: list[str]
    ) -> None:
        """Opens pages, waits until each has done all that it does by itself, and moves the pointer over it."""
        windows.guard.expect_message("the server responded with a status of 4")
        page = windows.open_window(clipboard=False)
        for name, value in cookie.items():
            page.context.add_cookies([{"name": name, "value": value, "url": targets.live_server.base_url}])
        extra = [
            f"/s/{targets.code}?start={format_future_day(4)}T09:00:00Z",
            f"/m/{targets.manage}/reschedule?start={format_future_day(4)}T09:00:00Z",
        ]
        for path in [targets.fill_path(template) for template in templates] + extra:
            if is_download(page, path):
                continue  # a browser shows no page, and runs no script
            page.goto(path, wait_until="networkidle" if "/s/" in path or "/m/" in path else "load")
            page.mouse.move(200, 200)
            page.mouse.move(700, 400)
