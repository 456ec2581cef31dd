"""POST /v1/bookings/{id}/no-show, and its page: a guest who did not come, and came after all."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import ApiDriver, extract_code


def book_meeting(api: ApiDriver) -> tuple[str, datetime]:
    """Book a meeting on a core link. Return the path of the booking and its start."""
    start = api.list_slots("talk")[0]
    booking = api.book_meeting("talk", start)["booking"]
    return f"/v1/bookings/{booking['id']}", datetime.fromisoformat(start)


@pytest.fixture
def talk(api: ApiDriver) -> ApiDriver:
    """A service with a link."""
    api.create_link("Talk", slug="talk")
    return api


def test_a_host_marks_it_and_takes_it_back(talk: ApiDriver) -> None:
    path, start = book_meeting(talk)
    with talk.clock.stop_at(start):
        booking = talk.post(f"{path}/no-show", {"tell_guest": True}, "member")
        assert (booking["status"], booking["no_show_at"] is not None) == ("no_show", True)
        position = find_last_position(talk)
        assert talk.post(f"{path}/no-show", None, "manager") == booking
        assert talk.post(f"{path}/no-show", {"tell_guest": True}, "manager") == booking
        assert find_last_position(talk) == position
        [row] = talk.list_meetings("status=no_show")
        assert row["booking_id"] == booking["booking_id"]
        usage = talk.send_request("GET", "/v1/usage?group_by=link", who="analyst").json()["items"]
        assert [(one["booked"], one["no_shows"], one["cancelled"]) for one in usage] == [(1, 1, 0)]
        csv = talk.client.get("/v1/meeting-log", headers={**talk.build_headers("manager"), "Accept": "text/csv"}).text
        assert "no_show_at" in csv.splitlines()[0]
        manage_url = talk.services.build_manage_url(UUID(booking["booking_id"]))
        guest_booking = talk.get(f"/v1/manage/{extract_code(manage_url)}")["booking"]
        assert guest_booking["status"] == "scheduled"  # a guest is not told by a list
        undone = talk.post(f"{path}/no-show", {"undo": True}, "member")
        assert (undone["status"], undone["no_show_at"]) == ("scheduled", None)
        assert talk.list_meetings("status=no_show") == []
        mails = talk.get(f"{path}/mail", "member")["items"]
        assert {mail["state"] for mail in mails if mail["what"] == "no_show"} == {"superseded"}
        story = talk.get(f"/v1/history/streams/{booking['booking_id']}", "auditor")["items"]
        assert [row["sentence"] for row in story if row["type"].startswith("NoShow")] == [
            "Member marked “Intro” with the guest Grace Guest as a no-show, with a mail about it.",
            "Member said that the guest Grace Guest came after all.",
        ]


@pytest.mark.parametrize(
    ("after_start", "code"),
    [(-timedelta(seconds=1), "meeting_not_started"), (timedelta(days=14), "no_show_too_late")],
)
def test_only_from_the_start_until_two_weeks_after(talk: ApiDriver, after_start: timedelta, code: str) -> None:
    path, start = book_meeting(talk)
    with talk.clock.stop_at(start + after_start):
        for body in ({}, {"undo": True}):
            assert_problem(talk.send_request("POST", f"{path}/no-show", body, "member"), 409, code)


def test_refused(talk: ApiDriver) -> None:
    path, start = book_meeting(talk)
    problem = assert_problem(
        talk.send_request("POST", f"{path}/no-show", {"undo": True, "tell_guest": True}, "member"), 422, "invalid"
    )
    assert "one of the two" in str(problem["errors"])
    assert_problem(talk.send_request("POST", f"{path}/no-show", {}, "auditor"), 403, "forbidden")
    talk.post(f"{path}/cancel", {}, "member")
    with talk.clock.stop_at(start):
        assert_problem(talk.send_request("POST", f"{path}/no-show", {}, "member"), 409, "booking_cancelled")


def test_on_the_meetings_page(talk: ApiDriver) -> None:
    path, start = book_meeting(talk)
    page = path.replace("/v1/bookings", "/meeting-log")
    page_client = PageClient(talk, "member")
    assert "No-show…" not in page_client.get(page).text
    text = extract_text(page_client.get(page))
    assert "1 day before Scheduled" in text or "1 h before Scheduled" in text
    with talk.clock.stop_at(start + timedelta(minutes=5)):
        page_client = PageClient(talk)
        path = f"/sign-in/{talk.services.api_keys.create_sign_in_code(UUID(talk.ids['member']), talk.clock())}"
        assert page_client.post(path).status_code == 303
        assert "No-show…" in page_client.get(page).text
        form = page_client.get(f"{page}/no-show")
        assert "with a link to choose another time" in extract_text(form)
        assert page_client.post(f"{page}/no-show", {"tell_guest": "true"}).status_code == 303
        text = extract_text(page_client.get(page))
        assert "No-show" in text
        assert "They came after all" in text
        assert "as a no-show, with a mail about it" in text
        assert page_client.post(f"{page}/no-show/undo").status_code == 303
        assert "No-show…" in page_client.get(page).text
