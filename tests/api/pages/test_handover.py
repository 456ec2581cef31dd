"""Handover: who is free for a meeting, what a person who leaves still owns, and what their guests see."""

import re
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_list, find_last_position
from tests.api_driver import ApiDriver, extract_code


@pytest.fixture
def departure(api: ApiDriver) -> dict[str, Any]:
    """Links, an open single-use link and meetings of the member."""
    link = api.create_link("Intro call", slug="intro")
    deep_link = api.create_link("Deep call", "engineer", slug="deep", co_host_ids=[api.ids["member"]])
    other_link = api.create_link("Other", "manager", slug="other")
    body = {"recipients": [{"name": "Ann Lee"}, {"name": "Rob Roy"}]}
    [issued_link, _] = api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
    starts = api.list_slots("intro")
    meetings = [
        api.book_meeting(slug, start)["booking"]["id"]
        for slug, start in zip(("intro", "deep", "other", "intro"), starts, strict=False)
    ]
    api.post(f"/v1/bookings/{meetings[3]}/cancel", {}, "member")
    api.post(f"/v1/single-use/{issued_link['id']}/revoke", {}, "member")
    fetch_list(api, "/v1/meeting-log", "manager")
    return {"link": link, "deep": deep_link, "other": other_link, "meetings": meetings, "starts": starts}


class TestCounted:
    """GET /v1/people/{id}/impact, and the question before deactivating."""

    def test_what_is_left_behind(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        path = f"/v1/people/{api.ids['member']}/impact"
        assert api.get(path, "manager") == {"active_links": 2, "active_single_use": 1, "booked_upcoming": 2, "teams": 0}
        assert api.get(path, "auditor")["active_links"] == 2
        api.post(f"/v1/links/{departure['link']['id']}/disable", None, "member")
        fetch_list(api, "/v1/meeting-log", "manager")
        assert api.get(path, "manager") == {"active_links": 1, "active_single_use": 0, "booked_upcoming": 2, "teams": 0}
        assert_problem(
            api.send_request("GET", f"/v1/people/{departure['link']['id']}/impact", who="manager"), 404, "not_found"
        )

    def test_deactivating_asks_first(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        page_client = PageClient(api, "admin")
        page_text = extract_text(page_client.get(f"/admin/people/{api.ids['member']}/deactivate"))
        assert "2 active links need their time" in page_text
        assert "1 open single-use link is theirs" in page_text
        assert "2 meetings to come stay booked" in page_text
        assert api.get(f"/v1/people/{api.ids['member']}", "admin")["active"] is True


class TestPage:
    """/management/people/{id}"""

    def test_shows_meetings_and_open_single_use_links(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        page = PageClient(api, "manager").get(f"/management/people/{api.ids['member']}")
        text = extract_text(page)
        assert "Meetings to come (2)" in text
        assert "Open single-use links (1)" in text
        meeting_ids = re.findall(r'href="/meeting-log/([0-9a-f-]+)"', page.text)
        assert meeting_ids == departure["meetings"][:2]
        assert ("Rob Roy" in text, "Ann Lee" in text) == (True, False)
        assert page.text.count("Revoke…") == 1
        auditor = PageClient(api, "auditor").get(f"/management/people/{api.ids['member']}")
        assert (auditor.status_code, auditor.text.count("Revoke…"), auditor.text.count(">Reassign<")) == (200, 0, 0)
        assert PageClient(api, "engineer").get(f"/management/people/{api.ids['member']}").status_code == 403

    def test_reassigns_and_comes_back(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        """A co-host's place too, by the button of the list."""
        api.add_person("spare", ["member"])
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        page_client, path = PageClient(api, "manager"), f"/management/people/{api.ids['member']}"
        fetch_list(api, "/v1/people", "manager")
        buttons = re.findall(r'href="(/meeting-log/[^"]+/reassign[^"]*)"', page_client.get(path).text)
        assert len(buttons) == 2
        for button in buttons:
            page = page_client.get(button.replace("&amp;", "&"))
            assert page.status_code == 200
            form = {
                "host_id": api.ids["spare"],
                "instead_of": re.findall(r'name="instead_of" value="([^"]+)"', page.text)[-1],
                "back": re.findall(r'name="back" value="([^"]+)"', page.text)[-1],
            }
            response = page_client.post(page.url.path, form)
            assert (response.status_code, response.headers["location"]) == (303, path)
            fetch_list(api, "/v1/meeting-log", "manager")
        assert "No meeting is to come" in extract_text(page_client.get(path))
        first_booking, second_booking = (api.get(f"/v1/bookings/{id}", "manager") for id in departure["meetings"][:2])
        assert (first_booking["host"]["name"], first_booking["co_hosts"]) == ("Spare", [])
        assert (second_booking["host"]["name"], [co_host["name"] for co_host in second_booking["co_hosts"]]) == (
            "Engineer",
            ["Spare"],
        )


class TestChoosing:
    """/meeting-log/{id}/reassign"""

    def test_says_who_is_free(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        api.book_meeting("deep", departure["starts"][6])
        id = api.book_meeting("other", departure["starts"][6])["booking"]["id"]
        api.post(f"/v1/people/{api.ids['analyst']}/deactivate", None, "admin")
        fetch_list(api, "/v1/people", "manager")
        page = PageClient(api, "manager").get(f"/meeting-log/{id}/reassign")
        assert re.findall(r'aria-label="Give the meeting to (\w+)"', page.text) == ["Admin"]
        text = extract_text(page)
        assert "Busy at that time (2) Engineer, Member" in text
        assert "Auditor" not in text
        response = PageClient(api, "manager").get(f"/meeting-log/{id}/reassign?q=mem")
        assert "Busy at that time (1) Member" in extract_text(response)

    def test_a_conflict_is_told_kindly(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        id, position_before = departure["meetings"][0], find_last_position(api)
        api.book_meeting("deep", departure["starts"][9])
        other_id = api.book_meeting("other", departure["starts"][9])["booking"]["id"]
        page_client = PageClient(api, "manager")
        response = page_client.post(f"/meeting-log/{other_id}/reassign", {"host_id": api.ids["engineer"]})
        assert response.status_code == 409
        assert "This person is not free at the time of the meeting" in extract_text(response)
        assert page_client.post(f"/meeting-log/{other_id}/reassign", {"host_id": "nobody"}).status_code == 422
        assert find_last_position(api) == position_before + 4
        assert api.get(f"/v1/bookings/{id}", "manager")["host"]["name"] == "Member"

    def test_its_host_gives_it_away_and_then_sees_it_no_more(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        fetch_list(api, "/v1/people", "manager")
        id = departure["meetings"][2]
        api.post(f"/v1/bookings/{id}/reassign", {"host_id": api.ids["engineer"]}, "manager")
        page_client = PageClient(api, "engineer")
        assert "Reassign" in extract_text(page_client.get(f"/meeting-log/{id}"))
        response = page_client.post(f"/meeting-log/{id}/reassign", {"host_id": api.ids["member"]})
        assert (response.status_code, response.headers["location"]) == (303, "/meeting-log")
        assert page_client.get(f"/meeting-log/{id}").status_code == 404

    def test_who_may_not_is_not_asked(self, api: ApiDriver, departure: dict[str, Any]) -> None:
        id = departure["meetings"][1]
        page_client = PageClient(api, "member")
        assert "Reassign" not in extract_text(page_client.get(f"/meeting-log/{id}"))
        assert page_client.get(f"/meeting-log/{id}/reassign").status_code == 403


class TestGuests:
    """What guests see of links and meetings whose host or co-host has left."""

    @pytest.mark.parametrize("leaver", ["member", "engineer"])
    def test_a_link_says_so_kindly_and_of_whom_nothing(self, api: ApiDriver, leaver: str) -> None:
        link = api.create_link("Both", slug="both", co_host_ids=[api.ids["engineer"]])
        [code] = api.create_codes(link)
        form = {
            "start": api.list_slots("both")[0],
            "name": "Grace",
            "email": "g@guest.example",
            "time_zone": "UTC",
            "key": "k",
        }
        api.post(f"/v1/people/{api.ids[leaver]}/deactivate", None, "admin")
        guest = PageClient(api)
        for path in ("/book/both", f"/s/{code}"):
            page = guest.get(path)
            assert page.status_code == 410
            assert "This link is no longer in use" in extract_text(page)
            assert "ask whoever sent it to you" in extract_text(page)
            assert ("Member" in page.text, "Engineer" in page.text) == (False, False)
            assert guest.post(path, form).status_code == 410
            assert api.get(f"/v1/book/{code}/slots?from=2030-01-01&to=2030-01-02&time_zone=UTC")["slots"] == []
        api.post(f"/v1/people/{api.ids[leaver]}/activate", None, "admin")
        assert guest.get("/book/both").status_code == guest.get(f"/s/{code}").status_code == 200

    def test_a_meeting_stands_and_cannot_be_moved(self, api: ApiDriver) -> None:
        api.create_link("Alone", slug="alone")
        booking = api.book_meeting("alone", api.list_slots("alone")[0])
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        guest, path = PageClient(api), f"/m/{extract_code(booking['manage_url'])}"
        assert guest.get(path).status_code == 200
        moving = guest.get(f"{path}/reschedule")
        assert (moving.status_code, "Your meeting stands as it is" in extract_text(moving)) == (409, True)
        body = {"host_id": api.ids["engineer"]}
        api.post(f"/v1/bookings/{booking['booking']['id']}/reassign", body, "manager")
        assert guest.get(f"{path}/reschedule").status_code == 200
        assert "Engineer" in extract_text(guest.get(path))
