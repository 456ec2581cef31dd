"""Signing in by a one-time link, and everything that ends a session."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.clock import read_clock
from api.http.dependencies import SESSION_COOKIE
from api.settings import CONSOLE
from store.credentials.api_keys import hash_secret
from tests.api.pages.page_client import OWN_ORIGIN, PageClient, create_sign_in_path, extract_text
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import ApiDriver

FOREIGN = {"Origin": "https://evil.example"}


@pytest.fixture
def demo(shared_api: ApiDriver) -> Iterator[None]:
    """The service of all as a demo, which prints mails."""
    services, state = shared_api.services, shared_api.client.app.state  # type: ignore[attr-defined]
    state.services = replace(services, settings=services.settings.model_copy(update={"smtp_url": CONSOLE}))
    yield
    state.services = services


class TestTheLink:
    """`/sign-in/{code}`."""

    @pytest.fixture
    def api(self, shared_api: ApiDriver) -> ApiDriver:
        """The one of all: nothing here disturbs another test."""
        return shared_api

    def test_only_its_button_signs_in(self, api: ApiDriver) -> None:
        page_client, path = PageClient(api), create_sign_in_path(api, "member")
        for _ in range(3):
            assert page_client.get(path).status_code == 200
            assert page_client.client.head(path).status_code == 200
        assert page_client.session_secret is None
        assert page_client.post(path).headers["location"] == "/"
        assert page_client.is_signed_in()

    def test_works_once(self, api: ApiDriver) -> None:
        path = create_sign_in_path(api, "member")
        assert PageClient(api).post(path).status_code == 303
        second_client = PageClient(api)
        assert second_client.post(path).status_code == 410
        assert second_client.session_secret is None
        assert second_client.get(path).status_code == 410

    def test_is_gone_while_its_person_is_deactivated(self, api: ApiDriver) -> None:
        page_client, path = PageClient(api), create_sign_in_path(api, "member")
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        assert page_client.get(path).status_code == 410
        assert page_client.post(path).status_code == 410
        assert page_client.session_secret is None
        api.post(f"/v1/people/{api.ids['member']}/activate", None, "admin")
        assert not page_client.is_signed_in()

    def test_works_once_also_for_two_at_the_same_moment(self, api: ApiDriver) -> None:
        path, start_barrier = create_sign_in_path(api, "member"), threading.Barrier(4)

        def press_button() -> int:
            page_client = PageClient(api)
            start_barrier.wait()
            return page_client.post(path).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(future.result() for future in [pool.submit(press_button) for _ in range(4)]) == [
                303,
                410,
                410,
                410,
            ]

    def test_works_for_a_quarter_of_an_hour(self, api: ApiDriver) -> None:
        sessions, keys = api.services.sessions, api.services.api_keys
        code = keys.create_sign_in_code(UUID(api.ids["member"]), read_clock() - timedelta(minutes=14, seconds=50))
        assert sessions.begin_session(code, read_clock())
        code = keys.create_sign_in_code(UUID(api.ids["member"]), read_clock() - timedelta(minutes=15, seconds=1))
        page_client = PageClient(api)
        assert page_client.get(f"/sign-in/{code}").status_code == 410
        assert page_client.post(f"/sign-in/{code}").status_code == 410

    @pytest.mark.parametrize("code", ["x", "a" * 43, "%00", "é", "x" * 5000])
    def test_what_is_no_code_looks_like_a_used_one(self, api: ApiDriver, code: str) -> None:
        used_path = create_sign_in_path(api, "member")
        PageClient(api).post(used_path)
        page_client = PageClient(api)
        assert extract_text(page_client.get(f"/sign-in/{code}")) == extract_text(page_client.get(used_path))

    def test_signs_in_only_from_our_own_page(self, api: ApiDriver) -> None:
        path = create_sign_in_path(api, "member")
        for headers in (FOREIGN, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            assert PageClient(api).post(path, headers=headers).status_code == 403
        assert (
            PageClient(api).post(path, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"}).status_code == 303
        )

    @pytest.mark.parametrize(
        "next", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
    )
    def test_leads_nowhere_else(self, api: ApiDriver, next: str) -> None:
        page_client = PageClient(api)
        assert page_client.post(create_sign_in_path(api, "member"), {"next": next}).headers["location"] == "/"

    def test_leads_back_to_the_page_asked_for(self, api: ApiDriver) -> None:
        page_client = PageClient(api)
        redirect = page_client.get("/links?status=active&q=a b")
        assert redirect.status_code == 303
        page = page_client.get(redirect.headers["location"]).text
        [next_path] = re.findall(r'name="next" value="([^"]*)"', page)
        assert next_path == "/links?status=active&amp;q=a%20b"


class TestAsking:
    """`POST /sign-in`."""

    @pytest.fixture
    def api(self, shared_api: ApiDriver) -> ApiDriver:
        """The one of all: nothing here disturbs another test."""
        return shared_api

    @pytest.mark.usefixtures("demo")
    def test_a_demo_prints_the_mail(self, api: ApiDriver, capfd: pytest.CaptureFixture[str]) -> None:
        response = PageClient(api).post("/sign-in", {"email": "Member@Nexora.example", "next": "/usage"})
        assert response.status_code == 200
        [url] = re.findall(r"http://testserver(/sign-in/\S+)", capfd.readouterr().err)
        page_client = PageClient(api)
        assert "Hello Member" in extract_text(page_client.get(url))
        assert page_client.post(url.partition("?")[0], {"next": "/usage"}).headers["location"] == "/usage"

    @pytest.mark.usefixtures("demo")
    def test_says_the_same_whoever_has_the_address(self, api: ApiDriver, capfd: pytest.CaptureFixture[str]) -> None:
        api.add_person("gone", ["member"])
        api.post(f"/v1/people/{api.ids['gone']}/deactivate", None, "admin")
        known_text, unknown_text, deactivated_text = (
            extract_text(PageClient(api).post("/sign-in", {"email": f"{who}@nexora.example"})).replace(who, "X")
            for who in ("member", "nobody", "gone")
        )
        assert known_text == unknown_text == deactivated_text
        assert re.findall(r"To: (\S+)", capfd.readouterr().err) == ["member@nexora.example"]

    @pytest.mark.parametrize("email", ["", "x", "a@b", "a\x00@b.example", "a" * 300 + "@b.example"])
    def test_says_what_is_wrong_with_an_address(self, api: ApiDriver, email: str) -> None:
        response = PageClient(api).post("/sign-in", {"email": email})
        assert response.status_code == 422

    def test_appends_nothing(self, api: ApiDriver) -> None:
        position_before = find_last_position(api)
        PageClient(api, "member").post("/sign-in", {"email": "member@nexora.example"})
        assert find_last_position(api) == position_before


class TestAskingTooOften:
    """Mails are bounded, by address and by place."""

    def test_is_bounded_also_for_addresses_that_nobody_has(self, api: ApiDriver) -> None:
        for email in ("member@nexora.example", "nobody@nexora.example"):
            responses = [PageClient(api).post("/sign-in", {"email": email}) for _ in range(6)]
            assert [response.status_code for response in responses] == [200] * 5 + [429]
            assert int(responses[-1].headers["retry-after"]) <= 900
            assert responses[-1].headers["ratelimit"].startswith('"sign-in";r=0;t=')

    def test_is_bounded_for_a_place(self, api: ApiDriver) -> None:
        client = PageClient(api)
        client.client.headers["X-Forwarded-For"] = "198.51.100.7"  # from a proxy; the operator's machine is not bounded
        statuses = [client.post("/sign-in", {"email": f"a{n}@nexora.example"}).status_code for n in range(31)]
        assert statuses == [200] * 30 + [429]


class TestTheSession:
    """The cookie, and what ends it."""

    @pytest.fixture
    def api(self, shared_api: ApiDriver) -> ApiDriver:
        """The one of all: nothing here disturbs another test."""
        return shared_api

    @pytest.mark.parametrize(("base_url", "secure"), [("http://testserver", False), ("https://testserver", True)])
    def test_cookie_is_out_of_reach(self, api: ApiDriver, base_url: str, secure: bool) -> None:
        path, settings = create_sign_in_path(api, "member"), api.services.settings
        with TestClient(
            build_app(settings.model_copy(update={"base_url": base_url})), follow_redirects=False
        ) as client:
            response = client.post(path, headers={"Origin": base_url})
        [cookie] = [
            cookie_header
            for cookie_header in response.headers.get_list("set-cookie")
            if SESSION_COOKIE in cookie_header
        ]
        attributes = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite", "path", "max-age"} <= attributes
        assert ("secure" in attributes) is secure
        assert "samesite=lax" in cookie.lower()

    def test_ends_by_signing_out(self, api: ApiDriver) -> None:
        page_client, other_client = PageClient(api, "member"), PageClient(api, "member")
        secret = page_client.session_secret
        assert page_client.post("/sign-out").headers["location"] == "/sign-in"
        assert page_client.session_secret is None
        page_client.client.cookies.set(SESSION_COOKIE, secret or "")
        assert not page_client.is_signed_in()
        assert other_client.is_signed_in()

    def test_ends_everywhere(self, api: ApiDriver) -> None:
        page_client, other_client, third_client = (
            PageClient(api, "member"),
            PageClient(api, "member"),
            PageClient(api, "manager"),
        )
        waiting = create_sign_in_path(api, "member")
        assert page_client.post("/sign-out/everywhere").status_code == 303
        assert not other_client.is_signed_in()
        assert third_client.is_signed_in()
        assert PageClient(api).post(waiting).status_code == 410

    def test_ends_when_the_person_leaves_and_does_not_come_back(self, api: ApiDriver) -> None:
        page_client = PageClient(api, "member")
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        assert not page_client.is_signed_in()
        api.post(f"/v1/people/{api.ids['member']}/activate", None, "admin")
        assert not page_client.is_signed_in()
        page_client.sign_in("member")
        assert page_client.is_signed_in()

    def test_ends_after_thirty_days(self, api: ApiDriver) -> None:
        sessions = api.services.sessions
        code = api.services.api_keys.create_sign_in_code(UUID(api.ids["member"]), read_clock())
        secret = sessions.begin_session(code, read_clock())
        assert secret
        for days in (6, 12, 18, 24, 29.9):  # it is used often enough
            assert sessions.find_holder(secret, read_clock() + timedelta(days=days))
        assert sessions.find_holder(secret, read_clock() + timedelta(days=30.1)) is None


class TestWhereSessionsRest:
    """The database holds what is needed and no longer than that."""

    def test_rests_hashed(self, api: ApiDriver) -> None:
        page_client = PageClient(api, "member")
        assert page_client.session_secret
        assert len(page_client.session_secret) >= 43
        rows = api.services.database.fetch_rows("SELECT hash, s::text AS whole FROM {schema}.sessions s")
        assert [row["hash"] for row in rows] == [hash_secret(page_client.session_secret)]
        assert page_client.session_secret not in rows[0]["whole"]

    def test_is_forgotten_once_it_is_over(self, api: ApiDriver) -> None:
        PageClient(api, "member")
        api.services.sessions.delete_expired(read_clock() + timedelta(days=31))
        assert api.services.database.fetch_rows("SELECT 1 FROM {schema}.sessions") == []


class TestTheApiByCookie:
    """`/v1` with the session's cookie."""

    @pytest.fixture
    def api(self, shared_api: ApiDriver) -> ApiDriver:
        """The one of all: nothing here disturbs another test."""
        return shared_api

    def test_answers(self, api: ApiDriver) -> None:
        page_client = PageClient(api, "member")
        assert page_client.client.get("/v1/me").json()["email"] == "member@nexora.example"

    def test_changes_things_only_for_our_own_pages(self, api: ApiDriver) -> None:
        page_client = PageClient(api, "member")
        body = {"name": "By cookie", "meeting_type_id": api.ids["type"]}
        position_before = find_last_position(api)
        for headers in (FOREIGN, {}, {"Origin": "null"}, {"Origin": "http://testserver.evil.example"}):
            assert_problem(page_client.client.post("/v1/links", json=body, headers=headers), 403, "forbidden")
            assert_problem(
                page_client.client.patch("/v1/me", json={"time_zone": "UTC"}, headers=headers), 403, "forbidden"
            )
        assert find_last_position(api) == position_before
        assert page_client.client.post("/v1/links", json=body, headers=OWN_ORIGIN).status_code == 201

    def test_an_api_key_goes_before_the_cookie(self, api: ApiDriver) -> None:
        page_client = PageClient(api, "member")
        key = api.build_headers("admin")
        assert page_client.client.get("/v1/me", headers=key).json()["email"] == "admin@nexora.example"
        assert page_client.client.patch("/v1/me", json={"time_zone": "UTC"}, headers=key).status_code == 200
        assert_problem(page_client.client.get("/v1/me", headers={"Authorization": "Bearer wrong"}), 401, "unauthorized")

    @pytest.mark.parametrize("secret", ["", "x", "a" * 43, "é"])
    def test_what_is_no_session_is_nobody(self, api: ApiDriver, secret: str) -> None:
        response = api.client.get("/v1/me", headers={"Cookie": f"{SESSION_COOKIE}={secret}".encode()})
        assert_problem(response, 401, "unauthorized")


NAMELESS = b"--x\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--x--\r\n"


def test_a_form_that_cannot_be_read_is_answered_by_a_page(shared_api: ApiDriver) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": "http://testserver"}
    response = shared_api.client.post("/sign-in", content=NAMELESS, headers=headers)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/html")
    assert "could not be read" in response.text


class TestAnEndedSession:
    """A form that is sent after the session's end: the sign-in page says that nothing was saved, and leads back."""

    @pytest.mark.parametrize(
        ("referrer", "next_path"),
        [
            ("http://testserver/teams/new", "/teams/new"),
            ("http://testserver/links?q=a%20b", "/links?q=a%20b"),
            ("http://testserver/links/selected/disable/confirm", "/"),  # which cannot be looked at
            ("http://evil.example/teams/new", "/"),
            ("http://testserver//evil.example", "/"),
            ("", "/"),
        ],
    )
    def test_leads_back_to_the_form(self, shared_api: ApiDriver, referrer: str, next_path: str) -> None:
        client = PageClient(shared_api)
        response = client.post("/teams/new", {"name": "Zebra"}, {**OWN_ORIGIN, "Referer": referrer})
        page = client.get(response.headers["location"])
        assert response.status_code == 303
        assert "what you sent was not saved" in page.text
        assert f'name="next" value="{next_path}"' in page.text
        assert "Zebra" not in page.text + response.headers["location"]

    def test_signing_out_twice_loses_nothing(self, shared_api: ApiDriver) -> None:
        assert PageClient(shared_api).post("/sign-out").headers["location"] == "/sign-in"
