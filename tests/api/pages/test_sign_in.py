"""Signing in by a one-time link, and everything that ends a session."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.clock import now
from api.http.dependencies import SESSION
from store.credentials.api_keys import hashed
from tests.api.pages.page_client import OWN, Visitor, sign_in_path, text_of
from tests.api.refusals import head, refused
from tests.api_driver import House

FOREIGN = {"Origin": "https://evil.example"}


class TestTheLink:
    """`/sign-in/{code}`."""

    @pytest.fixture
    def house(self, shared_house: House) -> House:
        """The one of all: nothing here disturbs another test."""
        return shared_house

    def test_only_its_button_signs_in(self, house: House) -> None:
        visitor, path = Visitor(house), sign_in_path(house, "member")
        for _ in range(3):
            assert visitor.get(path).status_code == 200
            assert visitor.client.head(path).status_code == 200
        assert visitor.session is None
        assert visitor.post(path).headers["location"] == "/"
        assert visitor.signed_in()

    def test_works_once(self, house: House) -> None:
        path = sign_in_path(house, "member")
        assert Visitor(house).post(path).status_code == 303
        second = Visitor(house)
        assert second.post(path).status_code == 410
        assert second.session is None
        assert second.get(path).status_code == 410

    def test_is_gone_while_its_person_is_deactivated(self, house: House) -> None:
        visitor, path = Visitor(house), sign_in_path(house, "member")
        house.post(f"/v1/people/{house.ids['member']}/deactivate", None, "admin")
        assert visitor.get(path).status_code == 410
        assert visitor.post(path).status_code == 410
        assert visitor.session is None
        house.post(f"/v1/people/{house.ids['member']}/activate", None, "admin")
        assert not visitor.signed_in()

    def test_works_once_also_for_two_at_the_same_moment(self, house: House) -> None:
        path, together = sign_in_path(house, "member"), threading.Barrier(4)

        def press() -> int:
            visitor = Visitor(house)
            together.wait()
            return visitor.post(path).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(one.result() for one in [pool.submit(press) for _ in range(4)]) == [303, 410, 410, 410]

    def test_works_for_a_quarter_of_an_hour(self, house: House) -> None:
        sessions, keys = house.oncelink.sessions, house.oncelink.keys
        code = keys.sign_in_code(UUID(house.ids["member"]), now() - timedelta(minutes=14, seconds=50))
        assert sessions.begin(code, now())
        code = keys.sign_in_code(UUID(house.ids["member"]), now() - timedelta(minutes=15, seconds=1))
        visitor = Visitor(house)
        assert visitor.get(f"/sign-in/{code}").status_code == 410
        assert visitor.post(f"/sign-in/{code}").status_code == 410

    @pytest.mark.parametrize("code", ["x", "a" * 43, "%00", "é", "x" * 5000])
    def test_what_is_no_code_looks_like_a_used_one(self, house: House, code: str) -> None:
        used = sign_in_path(house, "member")
        Visitor(house).post(used)
        visitor = Visitor(house)
        assert text_of(visitor.get(f"/sign-in/{code}")) == text_of(visitor.get(used))

    def test_signs_in_only_from_our_own_page(self, house: House) -> None:
        path = sign_in_path(house, "member")
        for headers in (FOREIGN, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            assert Visitor(house).post(path, headers=headers).status_code == 403
        assert Visitor(house).post(path, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"}).status_code == 303

    @pytest.mark.parametrize(
        "next", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
    )
    def test_leads_nowhere_else(self, house: House, next: str) -> None:
        visitor = Visitor(house)
        assert visitor.post(sign_in_path(house, "member"), {"next": next}).headers["location"] == "/"

    def test_leads_back_to_the_page_asked_for(self, house: House) -> None:
        visitor = Visitor(house)
        asked = visitor.get("/links?status=active&q=a b")
        assert asked.status_code == 303
        page = visitor.get(asked.headers["location"]).text
        [wanted] = re.findall(r'name="next" value="([^"]*)"', page)
        assert wanted == "/links?status=active&amp;q=a%20b"


class TestAsking:
    """`POST /sign-in`."""

    @pytest.fixture
    def house(self, shared_house: House) -> House:
        """The one of all: nothing here disturbs another test."""
        return shared_house

    def test_prints_the_mail_where_none_is_set_up(self, house: House, capfd: pytest.CaptureFixture[str]) -> None:
        answer = Visitor(house).post("/sign-in", {"email": "Member@Nexora.example", "next": "/usage"})
        assert answer.status_code == 200
        [url] = re.findall(r"http://testserver(/sign-in/\S+)", capfd.readouterr().err)
        visitor = Visitor(house)
        assert "Hello Member" in text_of(visitor.get(url))
        assert visitor.post(url.partition("?")[0], {"next": "/usage"}).headers["location"] == "/usage"

    def test_says_the_same_whoever_has_the_address(self, house: House, capfd: pytest.CaptureFixture[str]) -> None:
        house.hire("gone", ["member"])
        house.post(f"/v1/people/{house.ids['gone']}/deactivate", None, "admin")
        known, unknown, gone = (
            text_of(Visitor(house).post("/sign-in", {"email": f"{who}@nexora.example"})).replace(who, "X")
            for who in ("member", "nobody", "gone")
        )
        assert known == unknown == gone
        assert re.findall(r"To: (\S+)", capfd.readouterr().err) == ["member@nexora.example"]

    @pytest.mark.parametrize("email", ["", "x", "a@b", "a\x00@b.example", "a" * 300 + "@b.example"])
    def test_says_what_is_wrong_with_an_address(self, house: House, email: str) -> None:
        answer = Visitor(house).post("/sign-in", {"email": email})
        assert answer.status_code == 422

    def test_appends_nothing(self, house: House) -> None:
        before = head(house)
        Visitor(house, "member").post("/sign-in", {"email": "member@nexora.example"})
        assert head(house) == before


class TestAskingTooOften:
    """Mails are bounded, by address and by place."""

    def test_is_bounded_also_for_addresses_that_nobody_has(self, house: House) -> None:
        for email in ("member@nexora.example", "nobody@nexora.example"):
            answers = [Visitor(house).post("/sign-in", {"email": email}) for _ in range(6)]
            assert [one.status_code for one in answers] == [200] * 5 + [429]
            assert answers[-1].headers["retry-after"]

    def test_is_bounded_for_a_place(self, house: House) -> None:
        answers = [Visitor(house).post("/sign-in", {"email": f"a{n}@nexora.example"}).status_code for n in range(31)]
        assert answers == [200] * 30 + [429]


class TestTheSession:
    """The cookie, and what ends it."""

    @pytest.fixture
    def house(self, shared_house: House) -> House:
        """The one of all: nothing here disturbs another test."""
        return shared_house

    @pytest.mark.parametrize(("base_url", "secure"), [("http://testserver", False), ("https://testserver", True)])
    def test_cookie_is_out_of_reach(self, house: House, base_url: str, secure: bool) -> None:
        path, settings = sign_in_path(house, "member"), house.oncelink.settings
        with TestClient(build(settings.model_copy(update={"base_url": base_url})), follow_redirects=False) as client:
            answer = client.post(path, headers={"Origin": base_url})
        [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith(SESSION)]
        attributes = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite", "path", "max-age"} <= attributes
        assert ("secure" in attributes) is secure
        assert "samesite=lax" in cookie.lower()

    def test_ends_by_signing_out(self, house: House) -> None:
        visitor, other = Visitor(house, "member"), Visitor(house, "member")
        secret = visitor.session
        assert visitor.post("/sign-out").headers["location"] == "/sign-in"
        assert visitor.session is None
        visitor.client.cookies.set(SESSION, secret or "")
        assert not visitor.signed_in()
        assert other.signed_in()

    def test_ends_everywhere(self, house: House) -> None:
        visitor, other, stranger = Visitor(house, "member"), Visitor(house, "member"), Visitor(house, "manager")
        waiting = sign_in_path(house, "member")
        assert visitor.post("/sign-out/everywhere").status_code == 303
        assert not other.signed_in()
        assert stranger.signed_in()
        assert Visitor(house).post(waiting).status_code == 410

    def test_ends_when_the_person_leaves_and_does_not_come_back(self, house: House) -> None:
        visitor = Visitor(house, "member")
        house.post(f"/v1/people/{house.ids['member']}/deactivate", None, "admin")
        assert not visitor.signed_in()
        house.post(f"/v1/people/{house.ids['member']}/activate", None, "admin")
        assert not visitor.signed_in()
        visitor.sign_in("member")
        assert visitor.signed_in()

    def test_ends_after_thirty_days(self, house: House) -> None:
        sessions = house.oncelink.sessions
        code = house.oncelink.keys.sign_in_code(UUID(house.ids["member"]), now())
        secret = sessions.begin(code, now())
        assert secret
        assert sessions.holder(secret, now() + timedelta(days=29))
        assert sessions.holder(secret, now() + timedelta(days=31)) is None


class TestWhereSessionsRest:
    """The database holds what is needed and no longer than that."""

    def test_rests_hashed(self, house: House) -> None:
        visitor = Visitor(house, "member")
        assert visitor.session
        assert len(visitor.session) >= 43
        rows = house.oncelink.database.rows("SELECT hash, s::text AS whole FROM {schema}.sessions s")
        assert [row["hash"] for row in rows] == [hashed(visitor.session)]
        assert visitor.session not in rows[0]["whole"]

    def test_is_forgotten_once_it_is_over(self, house: House) -> None:
        Visitor(house, "member")
        house.oncelink.sessions.forget(now() + timedelta(days=31))
        assert house.oncelink.database.rows("SELECT 1 FROM {schema}.sessions") == []


class TestTheApiByCookie:
    """`/v1` with the session's cookie."""

    @pytest.fixture
    def house(self, shared_house: House) -> House:
        """The one of all: nothing here disturbs another test."""
        return shared_house

    def test_answers(self, house: House) -> None:
        visitor = Visitor(house, "member")
        assert visitor.client.get("/v1/me").json()["email"] == "member@nexora.example"

    def test_changes_things_only_for_our_own_pages(self, house: House) -> None:
        visitor = Visitor(house, "member")
        body = {"name": "By cookie", "meeting_type_id": house.ids["type"]}
        before = head(house)
        for headers in (FOREIGN, {}, {"Origin": "null"}, {"Origin": "http://testserver.evil.example"}):
            refused(visitor.client.post("/v1/links", json=body, headers=headers), 403, "forbidden")
            refused(visitor.client.patch("/v1/me", json={"time_zone": "UTC"}, headers=headers), 403, "forbidden")
        assert head(house) == before
        assert visitor.client.post("/v1/links", json=body, headers=OWN).status_code == 201

    def test_an_api_key_goes_before_the_cookie(self, house: House) -> None:
        visitor = Visitor(house, "member")
        key = house.headers("admin")
        assert visitor.client.get("/v1/me", headers=key).json()["email"] == "admin@nexora.example"
        assert visitor.client.patch("/v1/me", json={"time_zone": "UTC"}, headers=key).status_code == 200
        refused(visitor.client.get("/v1/me", headers={"Authorization": "Bearer wrong"}), 401, "unauthorized")

    @pytest.mark.parametrize("secret", ["", "x", "a" * 43, "é"])
    def test_what_is_no_session_is_nobody(self, house: House, secret: str) -> None:
        answer = house.client.get("/v1/me", headers={"Cookie": f"{SESSION}={secret}".encode()})
        refused(answer, 401, "unauthorized")


NAMELESS = b"--x\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--x--\r\n"


def test_a_form_that_cannot_be_read_is_answered_by_a_page(shared_house: House) -> None:
    broken = {"Content-Type": "multipart/form-data; boundary=x", "Origin": "http://testserver"}
    answer = shared_house.client.post("/sign-in", content=NAMELESS, headers=broken)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "could not be read" in answer.text
