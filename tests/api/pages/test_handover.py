"""Handing over: who is free for a meeting, what somebody who leaves leaves behind, and what their guests are told."""

import re
from typing import Any

import pytest

from tests.api.pages.page_client import Visitor, text_of
from tests.api.refusals import head, listed, refused
from tests.api_driver import House, code_of


@pytest.fixture
def left(house: House) -> dict[str, Any]:
    """What is the member's: two links, one with the engineer, an open single-use link, meetings to come and gone."""
    link = house.link("Intro call", slug="intro")
    deep = house.link("Deep call", "engineer", slug="deep", co_host_ids=[house.ids["member"]])
    other = house.link("Other", "manager", slug="other")
    body = {"recipients": [{"name": "Ann Lee"}, {"name": "Rob Roy"}]}
    [issued, _] = house.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
    starts = house.slots("intro")
    meetings = [
        house.book(slug, start)["booking"]["id"]
        for slug, start in zip(("intro", "deep", "other", "intro"), starts, strict=False)
    ]
    house.post(f"/v1/bookings/{meetings[3]}/cancel", {}, "member")
    house.post(f"/v1/single-use/{issued['id']}/revoke", {}, "member")
    listed(house, "/v1/meeting-log", "manager")
    return {"link": link, "deep": deep, "other": other, "meetings": meetings, "starts": starts}


class TestCounted:
    """GET /v1/people/{id}/impact, and the question before deactivating."""

    def test_what_is_left_behind(self, house: House, left: dict[str, Any]) -> None:
        path = f"/v1/people/{house.ids['member']}/impact"
        assert house.get(path, "manager") == {"active_links": 2, "active_single_use": 1, "booked_upcoming": 2}
        assert house.get(path, "auditor")["active_links"] == 2
        house.post(f"/v1/links/{left['link']['id']}/disable", None, "member")
        listed(house, "/v1/meeting-log", "manager")
        assert house.get(path, "manager") == {"active_links": 1, "active_single_use": 0, "booked_upcoming": 2}
        refused(house.send("GET", f"/v1/people/{left['link']['id']}/impact", who="manager"), 404, "not_found")

    def test_deactivating_asks_first(self, house: House, left: dict[str, Any]) -> None:
        visitor = Visitor(house, "admin")
        asked = text_of(visitor.get(f"/admin/people/{house.ids['member']}/deactivate"))
        assert "2 active links need their time" in asked
        assert "1 open single-use link is theirs" in asked
        assert "2 meetings to come stay booked" in asked
        assert house.get(f"/v1/people/{house.ids['member']}", "admin")["active"] is True


class TestPage:
    """/management/people/{id}"""

    def test_shows_meetings_and_open_single_use_links(self, house: House, left: dict[str, Any]) -> None:
        house.post(f"/v1/people/{house.ids['member']}/deactivate", None, "admin")
        page = Visitor(house, "manager").get(f"/management/people/{house.ids['member']}")
        text = text_of(page)
        assert "Meetings to come (2)" in text
        assert "Open single-use links (1)" in text
        shown = re.findall(r'href="/meeting-log/([0-9a-f-]+)"', page.text)
        assert shown == left["meetings"][:2]
        assert ("Rob Roy" in text, "Ann Lee" in text) == (True, False)
        assert page.text.count("Revoke…") == 1
        auditor = Visitor(house, "auditor").get(f"/management/people/{house.ids['member']}")
        assert (auditor.status_code, auditor.text.count("Revoke…"), auditor.text.count(">Reassign<")) == (200, 0, 0)
        assert Visitor(house, "engineer").get(f"/management/people/{house.ids['member']}").status_code == 403

    def test_reassigns_and_comes_back(self, house: House, left: dict[str, Any]) -> None:
        """A co-host's place too, by the button of the list."""
        house.hire("spare", ["member"])
        house.post(f"/v1/people/{house.ids['member']}/deactivate", None, "admin")
        visitor, path = Visitor(house, "manager"), f"/management/people/{house.ids['member']}"
        listed(house, "/v1/people", "manager")
        buttons = re.findall(r'href="(/meeting-log/[^"]+/reassign[^"]*)"', visitor.get(path).text)
        assert len(buttons) == 2
        for button in buttons:
            page = visitor.get(button.replace("&amp;", "&"))
            assert page.status_code == 200
            form = {
                "host_id": house.ids["spare"],
                "instead_of": re.findall(r'name="instead_of" value="([^"]+)"', page.text)[-1],
                "back": re.findall(r'name="back" value="([^"]+)"', page.text)[-1],
            }
            answer = visitor.post(page.url.path, form)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
            listed(house, "/v1/meeting-log", "manager")
        assert "No meeting is to come" in text_of(visitor.get(path))
        first, second = (house.get(f"/v1/bookings/{id}", "manager") for id in left["meetings"][:2])
        assert (first["host"]["name"], first["co_hosts"]) == ("Spare", [])
        assert (second["host"]["name"], [one["name"] for one in second["co_hosts"]]) == ("Engineer", ["Spare"])


class TestChoosing:
    """/meeting-log/{id}/reassign"""

    def test_says_who_is_free(self, house: House, left: dict[str, Any]) -> None:
        house.book("deep", left["starts"][6])
        id = house.book("other", left["starts"][6])["booking"]["id"]
        house.post(f"/v1/people/{house.ids['analyst']}/deactivate", None, "admin")
        listed(house, "/v1/people", "manager")
        page = Visitor(house, "manager").get(f"/meeting-log/{id}/reassign")
        rows = dict(re.findall(r'font-semibold">(\w+)</span>.*?pill-\w+">(\w+)<', page.text, re.DOTALL))
        assert rows == {"Admin": "Free", "Auditor": "Free", "Engineer": "Busy", "Member": "Busy"}
        assert page.text.index("Auditor") < page.text.index("Engineer")
        assert page.text.count("Give it to them") == 2
        found = Visitor(house, "manager").get(f"/meeting-log/{id}/reassign?q=mem")
        assert ("Member" in text_of(found), "Auditor" in text_of(found)) == (True, False)

    def test_a_conflict_is_told_kindly(self, house: House, left: dict[str, Any]) -> None:
        id, before = left["meetings"][0], head(house)
        house.book("deep", left["starts"][9])
        theirs = house.book("other", left["starts"][9])["booking"]["id"]
        visitor = Visitor(house, "manager")
        answer = visitor.post(f"/meeting-log/{theirs}/reassign", {"host_id": house.ids["engineer"]})
        assert answer.status_code == 409
        assert "This person is not free at the time of the meeting" in text_of(answer)
        assert visitor.post(f"/meeting-log/{theirs}/reassign", {"host_id": "nobody"}).status_code == 422
        assert head(house) == before + 4
        assert house.get(f"/v1/bookings/{id}", "manager")["host"]["name"] == "Member"

    def test_its_host_gives_it_away_and_then_sees_it_no_more(self, house: House, left: dict[str, Any]) -> None:
        listed(house, "/v1/people", "manager")
        id = left["meetings"][2]
        house.post(f"/v1/bookings/{id}/reassign", {"host_id": house.ids["engineer"]}, "manager")
        visitor = Visitor(house, "engineer")
        assert "Reassign" in text_of(visitor.get(f"/meeting-log/{id}"))
        answer = visitor.post(f"/meeting-log/{id}/reassign", {"host_id": house.ids["member"]})
        assert (answer.status_code, answer.headers["location"]) == (303, "/meeting-log")
        assert visitor.get(f"/meeting-log/{id}").status_code == 404

    def test_who_may_not_is_not_asked(self, house: House, left: dict[str, Any]) -> None:
        id = left["meetings"][1]
        visitor = Visitor(house, "member")
        assert "Reassign" not in text_of(visitor.get(f"/meeting-log/{id}"))
        assert visitor.get(f"/meeting-log/{id}/reassign").status_code == 403


class TestGuests:
    """What guests are told of links and meetings whose host, or co-host, has left."""

    @pytest.mark.parametrize("leaver", ["member", "engineer"])
    def test_a_link_says_so_kindly_and_of_whom_nothing(self, house: House, leaver: str) -> None:
        link = house.link("Both", slug="both", co_host_ids=[house.ids["engineer"]])
        [code] = house.codes(link)
        form = {
            "start": house.slots("both")[0],
            "name": "Grace",
            "email": "g@guest.example",
            "time_zone": "UTC",
            "key": "k",
        }
        house.post(f"/v1/people/{house.ids[leaver]}/deactivate", None, "admin")
        guest = Visitor(house)
        for path in ("/book/both", f"/s/{code}"):
            page = guest.get(path)
            assert page.status_code == 410
            assert "This link is no longer in use" in text_of(page)
            assert "ask whoever sent it to you" in text_of(page)
            assert ("Member" in page.text, "Engineer" in page.text) == (False, False)
            assert guest.post(path, form).status_code == 410
            assert house.get(f"/v1/book/{code}/slots?from=2030-01-01&to=2030-01-02&time_zone=UTC")["slots"] == []
        house.post(f"/v1/people/{house.ids[leaver]}/activate", None, "admin")
        assert guest.get("/book/both").status_code == guest.get(f"/s/{code}").status_code == 200

    def test_a_meeting_stands_and_cannot_be_moved(self, house: House) -> None:
        house.link("Alone", slug="alone")
        made = house.book("alone", house.slots("alone")[0])
        house.post(f"/v1/people/{house.ids['member']}/deactivate", None, "admin")
        guest, path = Visitor(house), f"/m/{code_of(made['manage_url'])}"
        assert guest.get(path).status_code == 200
        moving = guest.get(f"{path}/reschedule")
        assert (moving.status_code, "Your meeting stands as it is" in text_of(moving)) == (409, True)
        given = {"host_id": house.ids["engineer"]}
        house.post(f"/v1/bookings/{made['booking']['id']}/reassign", given, "manager")
        assert guest.get(f"{path}/reschedule").status_code == 200
        assert "Engineer" in text_of(guest.get(path))
