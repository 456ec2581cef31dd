"""Handing over in bulk: several meetings given away or cancelled, several links disabled, after a question."""

import re
from typing import Any

import pytest

from replay.verify.verification import run_verification
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import fetch_list, find_last_position
from tests.api_driver import ApiDriver


@pytest.fixture
def departure(api: ApiDriver) -> dict[str, Any]:
    """Two links of the member, three meetings, and one of the engineer at the time of the first."""
    links = [api.create_link("Intro call", slug="intro"), api.create_link("Deep call", slug="deep")]
    api.create_link("Other", "engineer", slug="other")
    starts = api.list_slots("intro")[:3]
    meetings = [api.book_meeting("intro", start)["booking"]["id"] for start in starts]
    api.book_meeting("other", starts[0])
    fetch_list(api, "/v1/meeting-log", "manager")
    fetch_list(api, "/v1/people", "manager")
    return {
        "links": [link["id"] for link in links],
        "meetings": meetings,
        "path": f"/management/people/{api.ids['member']}",
    }


def list_ids(html: str) -> list[str]:
    """List the ids that a page can select, or that a question is about."""
    return re.findall(r'name="ids" value="([^"]+)"', html)


class TestReassign:
    """Reassign to…"""

    def test_gives_what_can_be_given(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        page_client, path, ids = PageClient(api, "manager"), departure["path"], departure["meetings"]
        assert set(ids) | set(departure["links"]) <= set(list_ids(page_client.get(path).text))
        position_before = find_last_position(api)
        question = page_client.post(f"{path}/reassign/confirm", {"ids": ids})
        assert "Give away 3 meetings of Member?" in extract_text(question)
        assert list_ids(question.text) == ids
        host_ids = re.findall(r'<option value="([0-9a-f-]+)"', question.text)
        assert set(host_ids) == {api.ids[who] for who in ("admin", "engineer", "manager")}
        refusal_page = page_client.post(f"{path}/reassign", {"ids": ids, "message": "Kept"})
        assert (refusal_page.status_code, ">Kept</textarea>" in refusal_page.text) == (422, True)
        assert 'aria-invalid="true"' in refusal_page.text
        assert find_last_position(api) == position_before
        form = {"ids": ids, "host_id": api.ids["engineer"], "message": "Engineer knows more"}
        response = page_client.post(f"{path}/reassign", form)
        assert (response.status_code, response.headers["location"]) == (303, path)
        text = extract_text(page_client.get("/links"))
        assert "Gave away 2 meetings. 1 was left as before: This person is not free" in text
        hosts = [api.get(f"/v1/bookings/{id}", "manager")["host"]["name"] for id in ids]
        assert hosts == ["Member", "Engineer", "Engineer"]
        events = api.get(f"/v1/history/streams/{ids[1]}", "auditor")["items"]
        assert any(event["details"] == {"message": "Engineer knows more"} for event in events)
        assert run_verification(api.services.database).problems == []


class TestCancelAndDisable:
    """Cancel… and Disable…"""

    def test_cancels_with_one_reason(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        page_client, path, ids = PageClient(api, "manager"), departure["path"], departure["meetings"][:2]
        assert "Cancel 2 meetings of Member?" in extract_text(page_client.post(f"{path}/cancel/confirm", {"ids": ids}))
        long_reason = page_client.post(f"{path}/cancel", {"ids": ids, "reason": "r" * 2001})
        assert (long_reason.status_code, "r" * 2001 in long_reason.text) == (422, True)
        assert page_client.post(f"{path}/cancel", {"ids": ids, "reason": "Ill"}).status_code == 303
        assert "Cancelled 2 meetings." in extract_text(page_client.get("/links"))
        for id in ids:
            booking = api.get(f"/v1/bookings/{id}", "manager")
            assert (booking["status"], booking["cancel_reason"]) == ("cancelled", "Ill")

    def test_disables(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        page_client, path, ids = PageClient(api, "manager"), departure["path"], departure["links"]
        assert "Disable 2 links of Member?" in extract_text(page_client.post(f"{path}/disable/confirm", {"ids": ids}))
        assert page_client.post(f"{path}/disable", {"ids": ids}).status_code == 303
        assert "Disabled 2 links." in extract_text(page_client.get("/links"))
        assert [api.get(f"/v1/links/{id}", "member")["status"] for id in ids] == ["disabled", "disabled"]
        fetch_list(api, "/v1/links", "member")
        assert "Links that need their time" not in extract_text(page_client.get(path))


class TestWho:
    """Managers; auditors look."""

    def test_others_change_nothing(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        path, position_before = departure["path"], find_last_position(api)
        for who in ("member", "auditor"):
            page_client = PageClient(api, who)
            for action in ("reassign/confirm", "reassign", "cancel", "disable"):
                form = {"ids": departure["meetings"], "host_id": api.ids["engineer"]}
                assert page_client.post(f"{path}/{action}", form).status_code == 403
        assert find_last_position(api) == position_before
        assert list_ids(PageClient(api, "auditor").get(path).text) == []

    def test_nothing_selected(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        for action in ("reassign", "cancel", "disable", "unheard-of"):
            response = PageClient(api, "manager").post(f"{departure['path']}/{action}/confirm", {})
            assert (response.status_code, response.headers["location"]) == (303, departure["path"])
