"""Every route of the service, found in the service itself, under https: what is kept, which cookies, where it leads."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.http.dependencies import SESSION_COOKIE
from api.pages.rendering.flash_messages import NOTICE_COOKIE
from api.settings import Settings
from tests.api.pages.page_client import create_sign_in_path
from tests.api.pages.test_every_route import iterate_routes
from tests.api_driver import ApiDriver, extract_code
from tests.conftest import SchemaPools

BASE_URL = "https://testserver"
PUBLIC = ("/static/", "/favicon.ico", "/time-zones")  # the same for everybody
ENDLESS = "/v1/read-models/progress"  # with a session it never ends; as nobody it is answered
REQUESTS = sorted(
    {
        (route.path, method)
        for route in iterate_routes(build_app(Settings.model_construct()).routes)
        for method in route.methods or ()
    }
)


@pytest.fixture(scope="module")
def shared_api(schema_pools: SchemaPools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiDriver]:
    """A running service that people reach by https."""
    with schema_pools.run_service(tmp_path_factory.mktemp("data"), base_url=BASE_URL) as api:
        yield api


@pytest.fixture(scope="module")
def addresses(shared_api: ApiDriver, paths: dict[str, str]) -> dict[str, str]:
    """An address for each route, with ids and codes of what exists."""
    booking_id = paths["/v1/bookings/{id}"].rpartition("/")[2]
    ids = {
        "/links/": paths["/v1/links/{id}"].rpartition("/")[2],
        "/management/people/": shared_api.ids["member"],
        "/management/": paths["/v1/managed-links/{id}"].rpartition("/")[2],
        "/meeting-log/": booking_id,
        "/history/": booking_id,
        "/admin/meeting-types/": shared_api.ids["type"],
        "/book/": "target",
        "/s/": shared_api.create_codes({"id": paths["/v1/links/{id}"].rpartition("/")[2]})[0],
        "/m/": extract_code(paths["/v1/manage/{code}"]),
    }

    def fill_path(path: str) -> str:
        value = next((id for prefix, id in ids.items() if path.startswith(prefix)), "x")
        return "/".join(value if part.startswith("{") else part for part in path.split("/"))

    return {path: paths.get(path) or fill_path(path) for path, _ in REQUESTS}


def open_browser(api: ApiDriver, who: str | None = None) -> TestClient:
    """Open a browser in front of the service, signed in as somebody or as nobody."""
    client = TestClient(api.client.app, base_url=BASE_URL, raise_server_exceptions=False, follow_redirects=False)
    client.headers["Origin"] = BASE_URL
    if who:
        assert client.post(create_sign_in_path(api, who)).status_code == 303
    return client


def list_cookie_names(response: httpx2.Response) -> list[str]:
    """List the names of the cookies that a response sets."""
    return [cookie.partition("=")[0] for cookie in response.headers.get_list("set-cookie")]


def test_there_are_routes() -> None:
    assert {("/", "GET"), ("/v1/me", "PATCH"), ("/calendar/{code:path}", "GET"), ("/docs", "GET")} <= set(REQUESTS)
    assert len(REQUESTS) > 150


@pytest.mark.parametrize("who", [None, "admin"])
def test_every_answer(shared_api: ApiDriver, addresses: dict[str, str], who: str | None) -> None:
    browser, wrong = open_browser(shared_api, who), []
    for path, method in REQUESTS:
        if (path == ENDLESS and who) or path.startswith("/sign-out"):
            continue
        for headers in ({}, {"Accept": "text/html", "Host": "evil.example"}):
            response = browser.request(method, addresses[path], headers=headers)
            wrong += [(method, path, fault) for fault in list_faults(path, response)]
    assert wrong == []


def list_faults(path: str, response: httpx2.Response) -> Iterator[str]:
    """List what is wrong with a response's headers."""
    headers = response.headers
    if response.status_code >= 500 and response.status_code != 503:
        yield f"status {response.status_code}"
    if not path.startswith(PUBLIC) and headers.get("cache-control") != "no-store":
        yield f"kept: {headers.get('cache-control')}"
    if headers.get("strict-transport-security") != "max-age=31536000":
        yield "no HSTS"
    if headers.get("x-content-type-options") != "nosniff":
        yield "sniffed"
    if any("evil.example" in value for value in headers.values()):
        yield "leads to another host"
    for cookie in headers.get_list("set-cookie"):
        attributes = [part.strip().lower() for part in cookie.split(";")[1:]]
        is_host_only = "path=/" in attributes and not any(part.startswith("domain") for part in attributes)
        if not (cookie.startswith("__Host-oncelink_") and "secure" in attributes and is_host_only):
            yield f"a cookie: {cookie}"


@pytest.mark.parametrize(
    "path", ["/links/?q=a%26b", "/v1/me/", "/meeting-log/", "/book/target/x/", "/%2Fevil.example/"]
)
def test_a_slash_at_the_end_leads_to_a_path_of_this_site(shared_api: ApiDriver, path: str) -> None:
    response = open_browser(shared_api, "member").get(path, headers={"Host": "evil.example"})
    assert response.status_code in (200, 307, 404)
    assert response.headers.get("location", "/").startswith("/")
    assert not response.headers.get("location", "").startswith("//")


def test_a_slash_at_the_end_is_still_forgiven(shared_api: ApiDriver) -> None:
    browser = open_browser(shared_api, "member")
    assert browser.get("/links/?q=a%26b").headers["location"] == "/links?q=a%26b"
    assert browser.get("/v1/me/", follow_redirects=True).json()["email"] == "member@nexora.example"


def test_a_mistake_of_ours_has_the_headers_too(shared_api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(type(shared_api.services.sessions), "find_holder", fail)
    response = open_browser(shared_api).get("/v1/me", headers={"Cookie": f"__Host-{SESSION_COOKIE}=x"})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert list(list_faults("/v1/me", response)) == ["status 500"]
    assert response.headers["x-request-id"]


def test_a_request_is_logged_by_its_route(shared_api: ApiDriver, caplog: pytest.LogCaptureFixture) -> None:
    browser = open_browser(shared_api, "member")
    with caplog.at_level(logging.INFO):
        for method, path in (("GET", "/v1/me"), ("GET", "/links"), ("POST", "/sign-out")):
            browser.request(method, path)
    messages = [record.getMessage() for record in caplog.records if record.name == "oncelink"]
    assert [" ".join(line.split()[:2]) for line in messages] == ["GET /v1/me", "GET /links", "POST /sign-out"]


class TestCookies:
    """Under https a cookie of ours has the prefix, is Secure, and no other is read."""

    def test_a_session_has_the_prefix(self, shared_api: ApiDriver) -> None:
        browser = open_browser(shared_api, "member")
        assert list(browser.cookies) == [f"__Host-{SESSION_COOKIE}"]
        assert browser.get("/links").status_code == 200
        assert browser.get("/v1/me").status_code == 200
        response = browser.post("/sign-out")
        assert set(list_cookie_names(response)) == {f"__Host-{SESSION_COOKIE}", f"__Host-{NOTICE_COOKIE}"}
        assert list(browser.cookies) == [f"__Host-{NOTICE_COOKIE}"]
        page = browser.get(response.headers["location"]).text
        assert "You are signed out." in page
        assert 'data-cookie-prefix="__Host-"' in page
        assert list(browser.cookies) == []

    def test_one_from_before_the_upgrade_ends_kindly(self, shared_api: ApiDriver) -> None:
        secret = open_browser(shared_api, "member").cookies[f"__Host-{SESSION_COOKIE}"]
        browser = open_browser(shared_api)
        browser.cookies.set(SESSION_COOKIE, secret)
        response = browser.get("/links?status=active")
        assert response.headers["location"] == "/sign-in?next=/links%3Fstatus%3Dactive"
        [expired] = response.headers.get_list("set-cookie")
        assert expired == f"{SESSION_COOKIE}=; Max-Age=0; Path=/; Secure"

    def test_another_host_cannot_set_one(self, shared_api: ApiDriver) -> None:
        member, admin = (
            open_browser(shared_api, who).cookies[f"__Host-{SESSION_COOKIE}"] for who in ("member", "admin")
        )
        cookies = f"{SESSION_COOKIE}={admin}; a=b; __Host-{SESSION_COOKIE}={member}; {SESSION_COOKIE}={admin}"
        response = open_browser(shared_api).get("/v1/me", headers={"Cookie": cookies})
        assert response.json()["email"] == "member@nexora.example"
