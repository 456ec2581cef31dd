"""My Single-Use Links: across core links, with who used them; and revoking several, without a script."""

import re
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_list, find_last_position
from tests.api_driver import GUEST, ApiDriver

FAR, SOON_DAYS = "2099-01-01T00:00:00Z", 3


def issue_for(api: ApiDriver, link: Any, name: str, who: str = "member") -> Any:
    """Issue a single-use link for somebody."""
    [issued] = api.post(f"/v1/links/{link['id']}/single-use", {"recipients": [{"name": name}]}, who, 201)["items"]
    return issued


@pytest.fixture
def issued(api: ApiDriver) -> dict[str, Any]:
    """Single-use links of two core links of the member: unused, used and revoked; and one of the manager."""
    first_link, second_link = api.create_link("Intro call"), api.create_link("Deep call", expires_at=FAR)
    rows = {
        "Ann": issue_for(api, first_link, "Ann"),
        "Bob": issue_for(api, second_link, "Bob"),
        "Cleo": issue_for(api, first_link, "Cleo"),
        "Dan": issue_for(api, first_link, "Dan"),
        "Eve": issue_for(api, first_link, "Eve", "manager"),
    }
    api.book_meeting(rows["Cleo"]["code"], api.list_slots(rows["Cleo"]["code"])[0])
    api.post(f"/v1/single-use/{rows['Dan']['id']}/revoke", {}, "member")
    fetch_list(api, "/v1/single-use", "manager")
    fetch_list(api, "/v1/meeting-log", "manager")
    return rows


def list_names(html: str) -> list[str]:
    """List the recipients on the page, as they stand."""
    return re.findall(r"data-question><bdi>(\w+)</bdi></a>", html)


def list_ticks(html: str) -> list[str]:
    """List the ids that can be selected."""
    return re.findall(r'name="ids" value="([^"]+)"', html)


class TestList:
    """GET /single-use"""

    def test_shows_what_one_issued_across_links(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        page = PageClient(api, "member").get("/single-use")
        assert list_names(page.text) == ["Dan", "Cleo", "Bob", "Ann"]
        text = extract_text(page)
        assert "Deep call" in text
        assert f"by {GUEST['name']}, for" in text
        assert page.text.count('data-copy="http://testserver/s/') == 2
        assert list_ticks(page.text) == [issued[name]["id"] for name in ("Bob", "Ann")]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("status=active", ["Bob", "Ann"]),
            ("status=booked", ["Cleo"]),
            ("status=revoked", ["Dan"]),
            ("status=expired", []),
            ("status=soon", []),
            ("q=deep", ["Bob"]),
            ("q=an", ["Ann"]),
            ("status=&q=&view=", ["Dan", "Cleo", "Bob", "Ann"]),
            ("view=all", ["Eve", "Dan", "Cleo", "Bob", "Ann"]),
        ],
    )
    def test_filters(self, api: ApiDriver, issued: dict[str, Any], query: str, names: list[str]) -> None:
        assert list_names(PageClient(api, "member").get(f"/single-use?{query}").text) == names

    def test_lapsing_soon_and_lapsed(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        [soon] = api.services.database.fetch_rows("SELECT now() + interval '3 days' AS at")
        api.patch(f"/v1/links/{issued['Ann']['link']['id']}", {"expires_at": soon["at"].isoformat()}, "member")
        fetch_list(api, "/v1/links", "member")
        page_client = PageClient(api, "member")
        assert list_names(page_client.get("/single-use?status=soon").text) == ["Ann"]
        api.patch(f"/v1/links/{issued['Ann']['link']['id']}", {"expires_at": "2020-01-01T00:00:00Z"}, "member")
        fetch_list(api, "/v1/links", "member")
        assert list_names(page_client.get("/single-use?status=expired").text) == ["Ann"]

    def test_others(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        assert list_names(PageClient(api, "manager").get("/single-use?view=all").text)[0] == "Eve"
        assert list_names(PageClient(api, "manager").get("/single-use").text) == ["Eve"]
        assert list_names(PageClient(api, "engineer").get("/single-use?view=all").text) == []
        auditor = PageClient(api, "auditor").get("/single-use?view=all")
        assert (len(list_names(auditor.text)), list_ticks(auditor.text)) == (5, [])
        assert PageClient(api, "analyst").get("/single-use").status_code == 403

    def test_offers_and_shows_a_replacement(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        host, id = PageClient(api, "member"), issued["Cleo"]["id"]
        action = f'formaction="/meeting-log/{id}/replacement"'
        assert action not in host.get("/single-use").text
        api.post(f"/v1/bookings/{id}/cancel", None, "member")
        fetch_list(api, "/v1/meeting-log", "manager")
        assert action in host.get("/single-use").text
        assert action not in PageClient(api, "auditor").get("/single-use?view=all").text
        made_path = host.post(f"/meeting-log/{id}/replacement", {"ids": [id]}).headers["location"]
        fetch_list(api, "/v1/single-use", "manager")
        page = host.get("/single-use")
        assert action not in page.text
        assert list_names(page.text)[0] == "Cleo"
        assert "In place of a meeting that fell through" in extract_text(page)
        assert "(cancelled, replaced)" in extract_text(page)
        assert "/single-use/" in made_path


class TestRevokeSelected:
    """POST /single-use/revoke, after a question."""

    def test_asks_first(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        page_client, position_before = PageClient(api, "member"), find_last_position(api)
        ids = [issued[name]["id"] for name in ("Ann", "Bob")]
        question = page_client.post("/single-use/revoke/confirm", {"ids": ids, "back": "/single-use?q=x"})
        assert "Revoke 2 single-use links?" in extract_text(question)
        assert list_ticks(question.text) == ids
        assert find_last_position(api) == position_before
        long_reason = page_client.post("/single-use/revoke", {"ids": ids, "reason": "r" * 2001})
        assert (long_reason.status_code, "r" * 2001 in long_reason.text) == (422, True)
        assert list_ticks(long_reason.text) == ids
        ids.append(issued["Cleo"]["id"])
        response = page_client.post("/single-use/revoke", {"ids": ids, "reason": "Over", "back": "/single-use?q=x"})
        assert (response.status_code, response.headers["location"]) == (303, "/single-use?q=x")
        notice = extract_text(page_client.get("/links"))
        assert api.get(f"/v1/single-use/{ids[0]}", "member")["status"] == "revoked"
        [_, event] = api.get(f"/v1/history/streams/{ids[1]}", "auditor")["items"]
        assert event["details"] == {"reason": "Over"}
        assert "Revoked 2 single-use links. 1 was left as before: This single-use link has been booked" in notice

    def test_what_is_not_ones_own_stays(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        page_client = PageClient(api, "engineer")
        page_client.post("/single-use/revoke", {"ids": [issued["Ann"]["id"]]})
        question = page_client.post("/single-use/revoke/confirm", {"ids": [issued["Ann"]["id"]]})
        assert "Ann" not in extract_text(question)
        assert api.get(f"/v1/single-use/{issued['Ann']['id']}", "member")["status"] == "active"
        assert PageClient(api, "auditor").post("/single-use/revoke", {"ids": [issued["Ann"]["id"]]}).status_code == 403

    def test_none_too_many_and_no_ids(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        page_client = PageClient(api, "member")
        response = page_client.post("/single-use/revoke/confirm", {"back": "https://evil.example"})
        assert (response.status_code, response.headers["location"]) == (303, "/")
        ids = [f"{number:032x}" for number in range(201)]
        for wrong_ids in (ids, ["x"]):
            assert page_client.post("/single-use/revoke", {"ids": wrong_ids}).status_code == 422


class TestApi:
    """GET /v1/single-use?view= and POST /v1/single-use/revoke"""

    def test_views(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        def list_ids(query: str, who: str) -> set[str]:
            return {row["id"] for row in api.get(f"/v1/single-use{query}", who)["items"]}

        own_ids = {row["id"] for name, row in issued.items() if name != "Eve"}
        assert list_ids("?view=mine", "member") == own_ids
        assert list_ids("", "member") == list_ids("?view=all", "member") == own_ids | {issued["Eve"]["id"]}
        assert list_ids("?view=mine", "manager") == {issued["Eve"]["id"]}
        path = f"/v1/single-use?view=mine&issued_by={api.ids['member']}"
        assert_problem(api.send_request("GET", path, who="manager"), 422, "invalid")
        assert len(api.get(path, "member")["items"]) == 4

    def test_what_lapses_before_an_instant(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        def list_ids(query: str) -> list[str]:
            return [row["id"] for row in api.get(f"/v1/single-use?view=mine&{query}", "member")["items"]]

        assert list_ids("expires_before=2099-01-02T00:00:00Z&status=active") == [issued["Bob"]["id"]]
        assert list_ids(f"expires_before={FAR}") == []

    def test_each_for_itself(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        unknown_id = "00000000-0000-4000-8000-000000000000"
        ids = [issued["Cleo"]["id"], unknown_id, issued["Ann"]["id"], issued["Dan"]["id"]]
        response = api.send_request("POST", "/v1/single-use/revoke", {"ids": ids, "reason": "Over"}, "member")
        assert response.json() == {
            "items": [
                {"id": ids[0], "code": "already_booked"},
                {"id": ids[1], "code": "not_found"},
                {"id": ids[2], "status": "revoked"},
                {"id": ids[3], "status": "revoked"},
            ]
        }
        position = find_last_position(api)
        assert response.headers["oncelink-position"] == str(position)
        again = api.send_request("POST", "/v1/single-use/revoke", {"ids": ids}, "member")
        assert again.json() == response.json()
        assert find_last_position(api) == position

    @pytest.mark.parametrize("count", [0, 201])
    def test_how_many(self, api: ApiDriver, count: int) -> None:
        body = {"ids": [f"00000000-0000-4000-8000-{number:012x}" for number in range(count)]}
        assert_problem(api.send_request("POST", "/v1/single-use/revoke", body, "member"), 422, "invalid")

    def test_twice_the_same(self, api: ApiDriver, issued: dict[str, Any]) -> None:
        body = {"ids": [issued["Ann"]["id"]] * 2}
        assert_problem(api.send_request("POST", "/v1/single-use/revoke", body, "member"), 422, "invalid")
