"""A booking's own pages without JavaScript: moving it, cancelling it, and taking it into one's calendar."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from api.http import dependencies
from tests.api.refusals import head, listed
from tests.api.scriptless_browser import Browser
from tests.api_driver import GUEST, House, code_of


@pytest.fixture
def guest(shared_house: House) -> Browser:
    """A guest's browser."""
    return Browser(shared_house.client)


def own_page(house: House, number: int = 9, **properties: Any) -> tuple[str, str]:
    """The page of a new booking of a single-use link, and its start."""
    link = house.link(f"Own pages {number}", **properties)
    [code] = house.codes(link)
    start = house.slots(code)[number]
    return f"/m/{code_of(house.book(code, start)['manage_url'])}", start


def entry(guest: Browser, path: str) -> Any:
    """The entry of a booking's calendar file."""
    answer = guest.client.get(f"{path}/meeting.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75
    calendar = Calendar.from_ical(answer.content)
    assert "METHOD" not in calendar
    [found] = calendar.walk("VEVENT")
    return found


class TestMoving:
    """GET and POST /m/{code}/reschedule"""

    def test_to_another_time_and_again(self, shared_house: House, guest: Browser) -> None:
        path, start = own_page(shared_house)
        page = guest.open(guest.open(path).link("Reschedule"))
        assert start not in "".join(page.times().values())
        for _ in range(2):
            confirm = guest.choose(f"{path}/reschedule", 3)
            wanted = confirm.form.fields["start"]
            before = head(shared_house)
            done = guest.press(confirm.form)
            assert "Your meeting was moved" in done.text
            assert head(shared_house) == before + 1
            assert shared_house.get(f"/v1/manage/{path[3:]}")["booking"]["start"] == wanted
            assert guest.press(confirm.form).status == 200
            assert head(shared_house) == before + 1
        assert "Moved from" in guest.open(path).text

    def test_after_the_link_was_deleted_and_never_by_its_slug(self, shared_house: House, guest: Browser) -> None:
        path, _ = own_page(shared_house, 21, slug="own-pages-deleted")
        [link] = [
            one for one in listed(shared_house, "/v1/links?view=mine", "member")["items"] if "deleted" in one["slug"]
        ]
        shared_house.send("DELETE", f"/v1/links/{link['id']}", who="member")
        confirm = guest.choose(f"{path}/reschedule")
        assert "Your meeting was moved" in guest.press(confirm.form).text

    def test_a_time_that_went(self, shared_house: House, guest: Browser) -> None:
        path, _ = own_page(shared_house, 12)
        confirm = guest.choose(f"{path}/reschedule", 5)
        link = shared_house.link("In between")
        shared_house.book(link["slug"], confirm.form.fields["start"])
        back = guest.press(confirm.form)
        assert back.status == 409
        assert "has just been taken" in back.text
        assert "Your meeting was moved" in guest.press(back.form).text
        refused = guest.press(confirm.form, start="2001-01-01T00:00:00Z")
        assert refused.status == 422
        assert "not on offer" in refused.text
        assert guest.press(confirm.form, start="soon").status == 422


class TestCancelling:
    """GET and POST /m/{code}/cancel"""

    def test_asks_first_and_is_final(self, shared_house: House, guest: Browser) -> None:
        path, _ = own_page(shared_house, 15)
        before = head(shared_house)
        question = guest.open(guest.open(path).link("Cancel meeting"))
        assert "Cancel this meeting?" in question.text
        assert head(shared_house) == before
        done = guest.press(question.form, reason="Ill\r\nin bed")
        assert "This meeting was cancelled" in done.text
        assert head(shared_house) == before + 1
        assert "This meeting was cancelled" in guest.press(question.form).text
        for end in ("/reschedule", "/cancel"):
            late = guest.open(path + end)
            assert late.status == 409
            assert "stays cancelled" in late.text
        assert head(shared_house) == before + 1
        [row] = [one for one in shared_house.log("status=cancelled") if one["cancel_reason"] == "Ill\nin bed"]
        assert row["cancelled_by"] == "guest"
        assert [words for words in guest.open(path).read.links if "Reschedule" in words] == []

    def test_a_reason_that_cannot_be_kept(self, shared_house: House, guest: Browser) -> None:
        path, _ = own_page(shared_house, 18)
        before = head(shared_house)
        back = guest.press(guest.open(f"{path}/cancel").form, reason="n" * 2001)
        assert back.status == 422
        assert "This is too long." in back.text
        assert back.form.fields["reason"] == "n" * 2001
        assert head(shared_house) == before


class TestStarted:
    """A meeting that has begun."""

    def test_can_no_longer_change(self, shared_house: House, guest: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        path, start = own_page(shared_house, 33)
        confirm = guest.choose(f"{path}/reschedule", -1)
        question = guest.open(f"{path}/cancel")
        before = head(shared_house)
        monkeypatch.setattr(dependencies, "now", lambda: datetime.fromisoformat(start))
        assert "This meeting has begun" in guest.open(path).text
        for page in (guest.press(confirm.form), guest.press(question.form), guest.open(f"{path}/reschedule")):
            assert page.status == 409
            assert "already started" in page.text
        monkeypatch.setattr(dependencies, "now", lambda: datetime.fromisoformat(start) + timedelta(hours=1))
        assert "This meeting has taken place" in guest.open(path).text
        assert head(shared_house) == before


class TestCalendarFile:
    """GET /m/{code}/meeting.ics"""

    def test_follows_the_booking(self, shared_house: House, guest: Browser) -> None:
        about = {
            "name": "Ünïcode, and; more",
            "duration_minutes": 45,
            "location": "Room 7; left",
            "description": "A\nlong " + "description " * 30,
        }
        kind = shared_house.post("/v1/meeting-types", about, "admin", 201)["id"]
        engineer = shared_house.ids["engineer"]
        path, start = own_page(shared_house, 24, meeting_type_id=kind, co_host_ids=[engineer])
        booked = entry(guest, path)
        booking = shared_house.get(f"/v1/manage/{path[3:]}")["booking"]
        assert booked["UID"] == f"{booking['id']}@oncelink"
        assert booked["SEQUENCE"] == 0
        assert booked["DTSTART"].dt == datetime.fromisoformat(start)
        assert booked["DTEND"].dt - booked["DTSTART"].dt == timedelta(minutes=45)
        assert booked["SUMMARY"] == "Ünïcode, and; more with Member and Engineer"
        assert booked["LOCATION"] == "Room 7; left"
        assert booked["DESCRIPTION"].startswith(about["description"])
        assert booked["URL"] == f"http://testserver{path}"
        assert booked["STATUS"] == "CONFIRMED"
        takes_part = [str(one) for one in booked["ATTENDEE"]]
        people = [f"mailto:{who}@nexora.example" for who in ("member", "engineer")]
        assert takes_part == [*people, f"mailto:{GUEST['email']}"]
        assert booked["ORGANIZER"] == people[0]
        guest.press(guest.choose(f"{path}/reschedule", 1).form)
        moved = entry(guest, path)
        assert (moved["UID"], moved["SEQUENCE"]) == (booked["UID"], 1)
        assert moved["DTSTART"].dt != booked["DTSTART"].dt
        guest.press(guest.open(f"{path}/cancel").form)
        cancelled = entry(guest, path)
        assert (cancelled["UID"], cancelled["SEQUENCE"], cancelled["STATUS"]) == (booked["UID"], 2, "CANCELLED")

    def test_is_the_same_file_each_time(self, shared_house: House, guest: Browser) -> None:
        path, _ = own_page(shared_house, 30)
        first, second = (guest.client.get(f"{path}/meeting.ics").content for _ in range(2))
        assert first == second
