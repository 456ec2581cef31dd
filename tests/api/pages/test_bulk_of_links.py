"""Bulk actions in lists of links and on a link's page: disabling links, reassigning and cancelling meetings."""

from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.pages.test_handover_bulk import list_ids
from tests.api.refusals import fetch_list, find_last_position
from tests.api_driver import ApiDriver


@pytest.fixture
def link(api: ApiDriver) -> Any:
    """A link of the member."""
    return api.create_link("Intro call", slug="intro")


@pytest.fixture
def meetings(api: ApiDriver, link: Any) -> list[str]:
    """The ids of two meetings of it."""
    ids = [api.book_meeting("intro", start)["booking"]["id"] for start in api.list_slots("intro")[:2]]
    fetch_list(api, "/v1/meeting-log", "manager")
    fetch_list(api, "/v1/people", "manager")
    return ids


class TestDisable:
    """Check boxes in My Links and All Links."""

    def test_several(self, api: ApiDriver, link: Any) -> None:
        other_link = api.create_link("Other", "engineer", slug="other")
        for who, path in (("member", "/links"), ("manager", "/management/links")):
            fetch_list(api, "/v1/links", who)
            html = PageClient(api, who).get(path).text
            assert link["id"] in list_ids(html)
            assert html.count("<form") == html.count("</form>")
        page_client, form = PageClient(api, "member"), {"ids": [link["id"], other_link["id"]], "back": "/links?q=a"}
        question = page_client.post("/links/selected/disable/confirm", form)
        assert "Disable 2 links?" in extract_text(question)
        assert list_ids(question.text) == form["ids"]
        response = page_client.post("/links/selected/disable", form)
        assert (response.status_code, response.headers["location"]) == (303, "/links?q=a")
        page = page_client.get("/links")
        assert "Disabled 1 link. 1 was left as before" in extract_text(page)
        assert [api.get(f"/v1/links/{id}", "manager")["status"] for id in form["ids"]] == ["disabled", "active"]
        fetch_list(api, "/v1/links", "member")
        page = page_client.get("/links")
        assert f'formaction="/links/{link["id"]}/enable"' in page.text
        assert list_ids(page.text) == []
        response = page_client.post(f"/links/{link['id']}/enable", {"back": "/links"})
        assert (response.status_code, api.get(f"/v1/links/{link['id']}", "member")["status"]) == (303, "active")

    def test_nothing_selected_and_no_strange_address(self, api: ApiDriver) -> None:
        response = PageClient(api, "member").post("/links/selected/disable/confirm", {"back": "https://evil.example/"})
        assert (response.status_code, response.headers["location"]) == (303, "/")


class TestMeetings:
    """Check boxes of the meetings to come on a link's page."""

    def test_are_reassigned_and_cancelled(self, api: ApiDriver, link: Any, meetings: list[str]) -> None:
        page_client, path = PageClient(api, "member"), f"/links/{link['id']}"
        assert list_ids(page_client.get(path).text) == meetings
        question = page_client.post(f"{path}/meetings/reassign/confirm", {"ids": meetings})
        assert "Give away 2 meetings of Intro call?" in extract_text(question)
        form = {"ids": meetings, "message": "Kept"}
        refusal_page = page_client.post(f"{path}/meetings/reassign", form)
        assert (refusal_page.status_code, ">Kept</textarea>" in refusal_page.text) == (422, True)
        response = page_client.post(f"{path}/meetings/reassign", form | {"host_id": api.ids["engineer"]})
        assert (response.status_code, response.headers["location"]) == (303, path)
        assert "Gave away 2 meetings." in extract_text(page_client.get(path))
        assert {api.get(f"/v1/bookings/{id}", "manager")["host"]["name"] for id in meetings} == {"Engineer"}
        assert "Cancel 2 meetings" in extract_text(
            page_client.post(f"{path}/meetings/cancel/confirm", {"ids": meetings})
        )
        assert page_client.post(f"{path}/meetings/cancel", {"ids": meetings, "reason": "Ill"}).status_code == 303
        for id in meetings:
            booking = api.get(f"/v1/bookings/{id}", "manager")
            assert (booking["status"], booking["cancel_reason"]) == ("cancelled", "Ill")

    def test_others_change_nothing(self, api: ApiDriver, link: Any, meetings: list[str]) -> None:
        position_before = find_last_position(api)
        form = {"ids": meetings, "host_id": api.ids["manager"], "reason": "No"}
        for who, status in (("engineer", 404), ("auditor", 403)):
            page_client = PageClient(api, who)
            for action in ("reassign", "reassign/confirm", "cancel", "cancel/confirm"):
                assert page_client.post(f"/links/{link['id']}/meetings/{action}", form).status_code == status
        assert find_last_position(api) == position_before
        assert list_ids(PageClient(api, "auditor").get(f"/links/{link['id']}").text) == []


def test_several_are_revoked_after_a_question(api: ApiDriver, link: Any) -> None:
    api.post(f"/v1/links/{link['id']}/single-use", {"recipients": [{"name": "Ann"}]}, "member", 201)
    fetch_list(api, "/v1/single-use", "member")
    for path in ("/single-use", f"/links/{link['id']}"):
        html = PageClient(api, "member").get(path).text
        assert 'formaction="/single-use/revoke/confirm"' in html
        assert 'data-undo-action="/single-use/revoke"' not in html
