"""No page changes anything before a person presses a button: every page, every link on it, every script of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from api.app import ROUTERS
from api.clock import now
from api.demo.organisation import PEOPLE
from api.http.dependencies import SESSION
from tests.api.scriptless_browser import Reading
from tests.api_driver import House, code_of
from tests.browser.browsing import Browsing, Live
from tests.browser.hosting import hosting, in_days
from tests.browser.scanners import SCANNERS

STREAMS = {"/v1/read-models/progress"}
NOT_PAGES = ("/v1", "/static", "/openapi.json", "/healthz", "/readyz", "/metrics")
SIGNED_IN = ("tomasz", "julio")  # an admin, a member
MOST_LINKS = 120


@dataclass
class Bait:
    """Links that scanners open, and what must still be possible with them afterwards."""

    live: Live
    house: House
    code: str
    slug: str
    manage: str
    sign_in: str
    ids: dict[str, str]
    cookies: list[dict[str, str]]

    @classmethod
    def laid(cls, live: Live, house: House) -> "Bait":
        """A new link, a single-use link of it, a booking and a sign-in code."""
        link = house.link("Bait")
        issued = house.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"][0]
        made = house.book(link["slug"], house.slots(link["slug"])[3])
        ids = {
            "links": link["id"],
            "people": house.ids["member"],
            "meeting-types": house.ids["type"],
            "single-use": issued["id"],
            "bookings": made["booking"]["id"],
            "history": issued["id"],
        }
        sign_in = str(live.oncelink.keys.sign_in_code(PEOPLE["julio"].id, now()))
        cookies = [{SESSION: live.session(who)} for who in SIGNED_IN]
        return cls(live, house, issued["code"], link["slug"], code_of(made["manage_url"]), sign_in, ids, cookies)

    def path(self, template: str) -> str:
        """An address of a route, with what leads somewhere wherever a parameter stands."""
        beginning = template.strip("/").removeprefix("v1/").split("/")[0]
        values = {"s": self.code, "m": self.manage, "manage": self.manage, "book": self.slug, "sign-in": self.sign_in}
        value = values.get(beginning) or self.id_for(template)
        return re.sub(r"\{[^}]+\}", value, template)

    def id_for(self, template: str) -> str:
        """The id of a thing of the kind that a route speaks of; a link's where nothing else is known."""
        return next((id for kind, id in self.ids.items() if f"/{kind}/" in template), self.ids["links"])

    def works(self) -> None:
        """Everything can still be done, by pressing a button."""
        first, second, third, *_ = self.house.slots(self.code)
        assert self.live.oncelink.sessions.begin(self.sign_in, now())
        self.house.book(self.code, first)
        self.house.book(self.slug, second)
        moved = self.house.post(f"/v1/manage/{self.manage}/reschedule", {"start": third})
        assert moved["booking"]["status"] == "rescheduled"


@pytest.fixture
def bait(served: Live) -> Iterator[Bait]:
    """Links for the scanners, which have moved nothing and left everything usable when they are done."""
    with hosting(served) as house:
        found = Bait.laid(served, house)
        before = head(served)
        yield found
        assert head(served) == before
        found.works()


def head(live: Live) -> tuple[Any, ...]:
    """Where the log ends, and how many sessions, keys and used codes there are."""
    count = "(SELECT count(*) FROM {{schema}}.{0})"
    tables = ", ".join(
        count.format(name) + f" AS {name}" for name in ("sessions", "api_keys", "claims", "reservations")
    )
    query = "SELECT (SELECT max(position) FROM {schema}.events) AS at, " + tables
    return tuple(live.oncelink.database.rows(query)[0].values())


def templates() -> list[str]:
    """The path of every route that answers GET."""
    routes = [route for router in ROUTERS for route in router.routes]
    found = {str(getattr(route, "path", "")) for route in routes if "GET" in (getattr(route, "methods", None) or ())}
    return sorted(found - STREAMS)


def pages() -> list[str]:
    """The paths of routes that are pages."""
    found = [path for path in templates() if not path.startswith(NOT_PAGES)]
    assert len(found) >= 10
    assert {"/book/{slug:path}", "/s/{code:path}", "/m/{code:path}", "/sign-in/{code}"} <= set(found)
    return found


@pytest.fixture
def crawler(served: Live) -> Iterator[httpx2.Client]:
    """A client that follows redirects, as scanners do."""
    with httpx2.Client(base_url=served.base_url, timeout=60, follow_redirects=True) as client:
        yield client


class TestScanners:
    """GET, HEAD and OPTIONS by all of them."""

    def test_every_page_by_every_scanner(self, bait: Bait, crawler: httpx2.Client) -> None:
        assert len(SCANNERS) >= 20
        for template, headers in product(pages(), SCANNERS.values()):
            read = crawler.get(bait.path(template), headers=headers)
            looked = crawler.head(bait.path(template), headers=headers)
            assert read.status_code < 500
            assert looked.status_code == read.status_code
            assert looked.content == b""

    def test_every_route_by_people_who_are_signed_in(self, bait: Bait) -> None:
        ahead = SCANNERS["a browser that loads ahead"]
        for cookie in bait.cookies:
            with httpx2.Client(base_url=bait.live.base_url, cookies=cookie, timeout=60) as client:
                for template, method in product(templates(), ("GET", "HEAD", "OPTIONS")):
                    answer = client.request(method, bait.path(template), headers=ahead)
                    assert answer.status_code < 500, template

    def test_every_link_of_every_page_is_followed(self, bait: Bait, crawler: httpx2.Client) -> None:
        seen: set[str] = set()
        waiting = [bait.path(template) for template in pages()]
        while waiting and len(seen) < MOST_LINKS:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.add(path)
            answer = crawler.get(path, headers=SCANNERS["Microsoft Safe Links"])
            if answer.headers["content-type"].startswith("text/html"):
                links = [href for href in Reading(answer.text).links.values() if href.startswith("/")]
                waiting += sorted(links, key=lambda href: urlsplit(href).path in {urlsplit(one).path for one in seen})
        assert {f"/m/{bait.manage}/cancel", f"/m/{bait.manage}/reschedule"} <= {urlsplit(path).path for path in seen}
        assert len(seen) > 40


class TestScripts:
    """A browser that runs each page's scripts, and presses nothing."""

    def test_by_nobody(self, bait: Bait, browsing: Browsing) -> None:
        self.visit(bait, browsing, {})

    def test_by_somebody_signed_in(self, bait: Bait, browsing: Browsing) -> None:
        self.visit(bait, browsing, bait.cookies[0])

    def visit(self, bait: Bait, browsing: Browsing, cookie: dict[str, str]) -> None:
        """Opens every page, waits until it has done all that it does by itself, and moves the pointer over it."""
        browsing.guard.expect("the server responded with a status of 4")
        page = browsing.window(clipboard=False)
        for name, value in cookie.items():
            page.context.add_cookies([{"name": name, "value": value, "url": bait.live.base_url}])
        extra = [
            f"/s/{bait.code}?start={in_days(4)}T09:00:00Z",
            f"/m/{bait.manage}/reschedule?start={in_days(4)}T09:00:00Z",
        ]
        for path in [bait.path(template) for template in pages() if not template.endswith((".ics", ".csv"))] + extra:
            page.goto(path, wait_until="networkidle" if "/s/" in path or "/m/" in path else "load")
            page.mouse.move(200, 200)
            page.mouse.move(700, 400)
