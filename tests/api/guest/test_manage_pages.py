"""A booking's own pages without JavaScript: moving it, cancelling it, and taking it into one's calendar."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from icalendar import Calendar

from tests.api.refusals import fetch_list, find_last_position
from tests.api.scriptless_browser import Page, ScriptlessBrowser
from tests.api_driver import GUEST, ApiDriver, extract_code


@pytest.fixture
def guest(shared_api: ApiDriver) -> ScriptlessBrowser:
    """A guest's browser."""
    return ScriptlessBrowser(shared_api.client)


def create_manage_page(api: ApiDriver, number: int = 9, **properties: Any) -> tuple[str, str]:
    """Create a booking of a single-use link. Returns the path of its manage page and its start."""
    link = api.create_link(f"Own pages {number}", **properties)
    [code] = api.create_codes(link)
    start = api.list_slots(code)[number]
    return f"/m/{extract_code(api.book_meeting(code, start)['manage_url'])}", start


def list_offered_days(page: Page) -> set[str]:
    """List the days of the times that a page offers."""
    return {parse_qs(urlsplit(href).query)["start"][0][:10] for href in page.list_times().values()}


def fetch_calendar_entry(guest: ScriptlessBrowser, path: str) -> Any:
    """Fetch the event of a booking's calendar file."""
    response = guest.client.get(f"{path}/meeting.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "attachment" in response.headers["content-disposition"]
    assert max(len(line) for line in response.content.split(b"\r\n")) <= 75
    calendar = Calendar.from_ical(response.content)
    assert "METHOD" not in calendar
    [event] = calendar.walk("VEVENT")
    return event


class TestMoving:
    """GET and POST /m/{code}/reschedule"""

    def test_to_another_time_and_again(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, start = create_manage_page(shared_api)
        page = guest.open_page(guest.open_page(path).find_link("Reschedule"))
        assert start not in "".join(page.list_times().values())
        for _ in range(2):
            confirm = guest.choose_time(f"{path}/reschedule", 3)
            chosen_start = confirm.form.fields["start"]
            position_before = find_last_position(shared_api)
            result_page = guest.submit_form(confirm.form)
            assert "Your meeting was moved" in result_page.text
            assert find_last_position(shared_api) == position_before + 1
            assert shared_api.get(f"/v1/manage/{path[3:]}")["booking"]["start"] == chosen_start
            assert guest.submit_form(confirm.form).status == 200
            assert find_last_position(shared_api) == position_before + 1
        assert "Moved from" in guest.open_page(path).text

    def test_begins_at_the_day_of_the_meeting(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path = f"/book/{shared_api.create_link('Weeks away')['slug']}"
        day = (datetime.now(UTC) + timedelta(days=40)).date()
        form = guest.choose_time(path, 3, days=40).form
        page = guest.submit_form(form, name="Grace Guest", email="grace@guest.example")
        assert list_offered_days(guest.open_page(f"{page.path}/reschedule")) == {str(day)}
        shared_api.patch("/v1/me", {"date_overrides": {str(day): []}}, "member")
        next_page = guest.open_page(f"{page.path}/reschedule")
        shared_api.patch("/v1/me", {"date_overrides": {}}, "member")
        nearest = day + timedelta(days=1)
        expected_day = nearest if nearest.month == day.month else day.replace(day=1)
        assert list_offered_days(next_page) == {str(expected_day)}

    def test_after_the_link_was_deleted_and_never_by_its_slug(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser
    ) -> None:
        path, _ = create_manage_page(shared_api, 21, slug="own-pages-deleted")
        [link] = [
            link_row
            for link_row in fetch_list(shared_api, "/v1/links?view=mine", "member")["items"]
            if "deleted" in link_row["slug"]
        ]
        shared_api.send_request("DELETE", f"/v1/links/{link['id']}", who="member")
        confirm = guest.choose_time(f"{path}/reschedule")
        assert "Your meeting was moved" in guest.submit_form(confirm.form).text

    def test_a_time_that_went(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, _ = create_manage_page(shared_api, 12)
        confirm = guest.choose_time(f"{path}/reschedule", 5)
        link = shared_api.create_link("In between")
        shared_api.book_meeting(link["slug"], confirm.form.fields["start"])
        form_page = guest.submit_form(confirm.form)
        assert form_page.status == 409
        assert "has just been taken" in form_page.text
        assert "Your meeting was moved" in guest.submit_form(form_page.form).text
        refused_page = guest.submit_form(confirm.form, start="2001-01-01T00:00:00Z")
        assert refused_page.status == 422
        assert "not on offer" in refused_page.text
        assert guest.submit_form(confirm.form, start="soon").status == 422


class TestCancelling:
    """GET and POST /m/{code}/cancel"""

    def test_asks_first_and_is_final(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, _ = create_manage_page(shared_api, 15)
        position_before = find_last_position(shared_api)
        confirm_page = guest.open_page(guest.open_page(path).find_link("Cancel meeting"))
        assert "Cancel this meeting?" in confirm_page.text
        assert find_last_position(shared_api) == position_before
        result_page = guest.submit_form(confirm_page.form, reason="Ill\r\nin bed")
        assert "This meeting was cancelled" in result_page.text
        assert find_last_position(shared_api) == position_before + 1
        assert "This meeting was cancelled" in guest.submit_form(confirm_page.form).text
        for end in ("/reschedule", "/cancel"):
            late_page = guest.open_page(path + end)
            assert late_page.status == 409
            assert "stays cancelled" in late_page.text
        assert find_last_position(shared_api) == position_before + 1
        [row] = [
            meeting
            for meeting in shared_api.list_meetings("status=cancelled")
            if meeting["cancel_reason"] == "Ill\nin bed"
        ]
        assert row["cancelled_by"] == "guest"
        assert [text for text in guest.open_page(path).parser.links if "Reschedule" in text] == []

    def test_a_reason_that_cannot_be_kept(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, _ = create_manage_page(shared_api, 18)
        position_before = find_last_position(shared_api)
        form_page = guest.submit_form(guest.open_page(f"{path}/cancel").form, reason="n" * 2001)
        assert form_page.status == 422
        assert "This is too long." in form_page.text
        assert form_page.form.fields["reason"] == "n" * 2001
        assert find_last_position(shared_api) == position_before


class TestStarted:
    """A meeting that has begun."""

    def test_can_no_longer_change(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, start = create_manage_page(shared_api, 33)
        confirm = guest.choose_time(f"{path}/reschedule", -1)
        confirm_page = guest.open_page(f"{path}/cancel")
        position_before = find_last_position(shared_api)
        with shared_api.clock.stop_at(datetime.fromisoformat(start)):
            assert "This meeting has begun" in guest.open_page(path).text
            for page in (
                guest.submit_form(confirm.form),
                guest.submit_form(confirm_page.form),
                guest.open_page(f"{path}/reschedule"),
            ):
                assert page.status == 409
                assert "already started" in page.text
        with shared_api.clock.stop_at(datetime.fromisoformat(start) + timedelta(hours=1)):
            assert "This meeting has taken place" in guest.open_page(path).text
        assert find_last_position(shared_api) == position_before


class TestCalendarFile:
    """GET /m/{code}/meeting.ics"""

    def test_follows_the_booking(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        details = {
            "name": "Ünïcode, and; more",
            "duration_minutes": 45,
            "location": "Room 7; left",
            "description": "A\nlong " + "description " * 30,
        }
        kind = shared_api.post("/v1/meeting-types", details, "admin", 201)["id"]
        engineer = shared_api.ids["engineer"]
        path, start = create_manage_page(shared_api, 24, meeting_type_id=kind, co_host_ids=[engineer])
        booked_entry = fetch_calendar_entry(guest, path)
        booking = shared_api.get(f"/v1/manage/{path[3:]}")["booking"]
        assert booked_entry["UID"] == f"{booking['id']}@oncelink"
        assert booked_entry["SEQUENCE"] == 0
        assert booked_entry["DTSTART"].dt == datetime.fromisoformat(start)
        assert booked_entry["DTEND"].dt - booked_entry["DTSTART"].dt == timedelta(minutes=45)
        assert booked_entry["SUMMARY"] == "Ünïcode, and; more with Member and Engineer"
        assert booked_entry["LOCATION"] == "Room 7; left"
        assert booked_entry["DESCRIPTION"].startswith(details["description"])
        assert booked_entry["URL"] == f"http://testserver{path}"
        assert booked_entry["STATUS"] == "CONFIRMED"
        attendees = [str(attendee) for attendee in booked_entry["ATTENDEE"]]
        people = [f"mailto:{who}@nexora.example" for who in ("member", "engineer")]
        assert attendees == [*people, f"mailto:{GUEST['email']}"]
        assert booked_entry["ORGANIZER"] == people[0]
        guest.submit_form(guest.choose_time(f"{path}/reschedule", 1).form)
        moved_entry = fetch_calendar_entry(guest, path)
        assert (moved_entry["UID"], moved_entry["SEQUENCE"]) == (booked_entry["UID"], 1)
        assert moved_entry["DTSTART"].dt != booked_entry["DTSTART"].dt
        guest.submit_form(guest.open_page(f"{path}/cancel").form)
        cancelled_entry = fetch_calendar_entry(guest, path)
        assert (cancelled_entry["UID"], cancelled_entry["SEQUENCE"], cancelled_entry["STATUS"]) == (
            booked_entry["UID"],
            2,
            "CANCELLED",
        )

    def test_is_the_same_file_each_time(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, _ = create_manage_page(shared_api, 30)
        first_file, second_file = (guest.client.get(f"{path}/meeting.ics").content for _ in range(2))
        assert first_file == second_file
