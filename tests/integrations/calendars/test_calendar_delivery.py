"""Meetings in their hosts' own calendars: written, moved, removed by CalDAV, and a bug in that would be seen."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from icalendar import Calendar

from api.app import build_app
from api.settings import Settings
from domain.notifications.rules import RETRY_DELAYS_SECONDS
from integrations.calendars import calendar_delivery
from integrations.calendars.accounts import Account
from integrations.calendars.calendar_delivery import CalendarDelivery
from integrations.delivery import DeliveryAttempt
from integrations.outbox_worker import LEASE
from tests.api.pages.page_client import PageClient
from tests.api_driver import GUEST, ApiDriver, extract_code
from tests.integrations.calendars.caldav_server import CalDavServer
from tests.integrations.calendars.calendar_outbox_driver import HOSTS, CalendarOutboxDriver
from tests.torture.calendars import run_torture

INSIDE = {"calendar_allowed_networks": "127.0.0.0/8", "couriers": 0}


@pytest.fixture
def calendar_outbox(settings: Settings, radicale: CalDavServer) -> Iterator[CalendarOutboxDriver]:
    """Member, engineer and manager with a calendar each, and a worker that the test runs."""
    with TestClient(build_app(settings.model_copy(update=INSIDE)), raise_server_exceptions=False) as client:
        driver = CalendarOutboxDriver(ApiDriver.create_organisation(client), radicale)
        driver.api.create_link("Alone", slug="alone")
        driver.api.create_link("Both", slug="both", co_host_ids=[driver.api.ids["engineer"]])
        for who in HOSTS:
            driver.connect_calendar(who)
        yield driver


def book_slot(calendar_outbox: CalendarOutboxDriver, slug: str, number: int = 3) -> tuple[str, str, str]:
    """Book a free slot. Returns the booking's id, its manage code and a later start."""
    starts = calendar_outbox.api.list_slots(slug)
    booking = calendar_outbox.api.book_meeting(slug, starts[number])
    return booking["booking"]["id"], extract_code(booking["manage_url"]), starts[(number + 9) % len(starts)]


def list_sentences(calendar_outbox: CalendarOutboxDriver, id: str) -> list[str]:
    """List the sentences about calendars in a booking's history."""
    rows = calendar_outbox.api.get(f"/v1/history/streams/{id}", "auditor")["items"]
    return [row["sentence"] for row in rows if row["type"].startswith("Calendar")]


class TestWrites:
    """A host's calendar says what the log says."""

    def test_through_the_life_of_a_meeting(self, calendar_outbox: CalendarOutboxDriver) -> None:
        id, manage, later_start = book_slot(calendar_outbox, "both")
        for change in (
            lambda: None,
            lambda: calendar_outbox.api.post(f"/v1/manage/{manage}/reschedule", {"start": later_start}),
            lambda: calendar_outbox.api.post(
                f"/v1/bookings/{id}/reassign", {"host_id": calendar_outbox.api.ids["manager"]}, "manager"
            ),
            lambda: calendar_outbox.api.post(
                f"/v1/bookings/{id}/reassign", {"host_id": calendar_outbox.api.ids["member"]}, "manager"
            ),
            lambda: calendar_outbox.api.post(f"/v1/manage/{manage}/cancel", {}),
        ):
            change()
            calendar_outbox.deliver_all()
            assert calendar_outbox.find_differences([id]) == {}
        assert all(calendar_outbox.read_calendar(who) == {} for who in HOSTS)
        assert set(list_sentences(calendar_outbox, id)[:2]) == {
            "The system wrote the meeting into the calendar of Engineer.",
            "The system wrote the meeting into the calendar of Member.",
        }
        assert "The system removed the meeting from the calendar of Member." in list_sentences(calendar_outbox, id)
        calendar_outbox.deliver_all()
        assert calendar_outbox.find_differences([id]) == {}

    def test_only_the_latest(self, calendar_outbox: CalendarOutboxDriver) -> None:
        id, manage, later_start = book_slot(calendar_outbox, "alone")
        calendar_outbox.api.post(f"/v1/manage/{manage}/reschedule", {"start": later_start})
        calendar_outbox.deliver_all()
        assert (calendar_outbox.find_differences([id]), len(list_sentences(calendar_outbox, id))) == ({}, 1)

    def test_invites_nobody_and_says_who_comes(self, calendar_outbox: CalendarOutboxDriver) -> None:
        id, _, _ = book_slot(calendar_outbox, "both")
        calendar_outbox.deliver_all()
        [text] = calendar_outbox.radicale.read_entries(calendar_outbox.calendars["member"]).values()
        [event] = Calendar.from_ical(text).walk("VEVENT")
        assert ("attendee" in event, "organizer" in event, "METHOD" in text) == (False, False, False)
        assert str(event["summary"]) == f"Intro with {GUEST['name']}"
        assert GUEST["email"] in str(event["description"])
        assert f"/meeting-log/{id}" in str(event["description"])

    def test_what_somebody_did_to_the_entry_is_put_right_with_the_next_change(
        self, calendar_outbox: CalendarOutboxDriver
    ) -> None:
        id, manage, later_start = book_slot(calendar_outbox, "alone")
        calendar_outbox.deliver_all()
        calendar_outbox.radicale.remove_entry(calendar_outbox.calendars["member"], f"{id}@oncelink")
        calendar_outbox.api.post(f"/v1/manage/{manage}/reschedule", {"start": later_start})
        calendar_outbox.deliver_all()
        assert calendar_outbox.find_differences([id]) == {}

    def test_nothing_is_written_to_who_has_left(self, calendar_outbox: CalendarOutboxDriver) -> None:
        """Not even a change of a meeting that is still theirs: the entry goes instead."""
        id, _, _ = book_slot(calendar_outbox, "both")
        calendar_outbox.deliver_all()
        calendar_outbox.api.post(f"/v1/people/{calendar_outbox.api.ids['member']}/deactivate", None, "admin")
        change_body = {"host_id": calendar_outbox.api.ids["manager"], "instead_of": calendar_outbox.api.ids["engineer"]}
        calendar_outbox.api.post(f"/v1/bookings/{id}/reassign", change_body, "manager")
        calendar_outbox.deliver_all()
        assert {who: list(calendar_outbox.read_calendar(who)) for who in HOSTS} == {
            "member": [],
            "engineer": [],
            "manager": [id],
        }

    def test_nothing_is_owed_to_who_has_no_such_calendar(self, calendar_outbox: CalendarOutboxDriver) -> None:
        api = calendar_outbox.api
        api.send_request("DELETE", f"/v1/me/calendars/{calendar_outbox.ids.pop('member')}", who="member")
        url = calendar_outbox.calendars.pop("member")
        id, _, _ = book_slot(calendar_outbox, "alone")
        calendar_outbox.deliver_all()
        assert (list_sentences(calendar_outbox, id), calendar_outbox.radicale.read_entries(url)) == ([], {})
        notifications = api.get(f"/v1/bookings/{id}/mail", "manager")["items"]
        assert {notification["channel"] for notification in notifications} == {"mail"}

    def test_meetings_to_come_appear_when_a_calendar_is_given(self, calendar_outbox: CalendarOutboxDriver) -> None:
        api = calendar_outbox.api
        choose = f"/v1/me/calendars/{calendar_outbox.ids['member']}/choose"
        api.post(choose, {"write_to": None}, "member")
        id, _, _ = book_slot(calendar_outbox, "alone")
        calendar_outbox.deliver_all()
        assert calendar_outbox.read_calendar("member") == {}
        api.post(choose, {"write_to": calendar_outbox.calendars["member"]}, "member")
        calendar_outbox.deliver_all()
        assert calendar_outbox.find_differences([id]) == {}


class TestFails:
    """Servers that are gone, and logins that are refused."""

    def test_goes_on_when_the_server_is_back(self, calendar_outbox: CalendarOutboxDriver) -> None:
        id, _, _ = book_slot(calendar_outbox, "alone")
        calendar_outbox.radicale.stop_server()
        calendar_outbox.deliver_all()
        calendar_outbox.deliver_all()
        assert list_sentences(calendar_outbox, id) == [
            "The system could not bring the calendar of Member up to date, because the calendar's server could not be"
            " reached, and tries again later."
        ]
        calendar_outbox.radicale.start_server()
        calendar_outbox.clock.offset += LEASE
        calendar_outbox.deliver_all()
        assert calendar_outbox.find_differences([id]) == {}

    def test_a_wrong_password_is_given_up_visibly_and_asked_for_again(
        self, calendar_outbox: CalendarOutboxDriver
    ) -> None:
        id, _, _ = book_slot(calendar_outbox, "alone", 140)
        users = calendar_outbox.radicale.folder / "users"
        password_file_text = users.read_text(encoding="utf-8")
        users.write_text("julio:other\n", encoding="utf-8")
        for seconds in (0, *RETRY_DELAYS_SECONDS):
            calendar_outbox.clock.advance(seconds=seconds + 1)
            calendar_outbox.deliver_all()
        [row] = [
            notification
            for notification in list_notifications(calendar_outbox, id)
            if notification["channel"] == "calendar"
        ]
        assert (row["state"], row["failure"]) == ("failed", "sign_in_refused")
        users.write_text(password_file_text, encoding="utf-8")
        calendar_outbox.api.post(f"/v1/bookings/{id}/mail/{row['id']}/send-again", None, "manager")
        calendar_outbox.deliver_all()
        assert calendar_outbox.find_differences([id]) == {}


class TestReassigning:
    """Who is given a meeting must be free in their own calendars too."""

    def test_a_calendar_makes_somebody_busy(self, calendar_outbox: CalendarOutboxDriver) -> None:
        id, _, _ = book_slot(calendar_outbox, "alone", 20)
        start = datetime.fromisoformat(calendar_outbox.api.get(f"/v1/bookings/{id}", "manager")["starts_at"])
        lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", "BEGIN:VEVENT", "UID:dentist@x")
        time_lines = (f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}", f"DTSTART:{start:%Y%m%dT%H%M%SZ}", "DURATION:PT1H")
        entry = "\r\n".join((*lines, *time_lines, "SUMMARY:x", "END:VEVENT", "END:VCALENDAR", ""))
        calendar_outbox.radicale.put_entry(calendar_outbox.calendars["engineer"], "dentist", entry)
        calendar_outbox.api.post(f"/v1/me/calendars/{calendar_outbox.ids['engineer']}/refresh", None, "engineer")
        path, to = f"/v1/bookings/{id}/reassign", calendar_outbox.api.ids
        calendar_outbox.api.list_meetings()
        page = PageClient(calendar_outbox.api, "manager").get(f"/meeting-log/{id}/reassign").text
        assert re.findall(r"Busy at that time.*?</details>", page, re.DOTALL)[0].count("<bdi>Engineer</bdi>") == 1
        assert calendar_outbox.api.post(path, {"host_id": to["engineer"]}, "manager", 409)["code"] == "slot_taken"
        assert calendar_outbox.api.post(path, {"host_id": to["manager"]}, "manager")["host"]["name"] == "Manager"

    def test_a_co_host_who_stays_is_not_asked(self, calendar_outbox: CalendarOutboxDriver) -> None:
        """They have the meeting already, whatever their calendar says now; and may become its host."""
        id, _, _ = book_slot(calendar_outbox, "both", 20)
        start = datetime.fromisoformat(calendar_outbox.api.get(f"/v1/bookings/{id}", "manager")["starts_at"])
        calendar_outbox.api.services.database.fetch_rows(
            """INSERT INTO {schema}.busy_intervals (calendar_id, number, person_id, during)
            VALUES (%s, 999, %s, tstzrange(%s, %s)) RETURNING 1""",
            (calendar_outbox.ids["engineer"], calendar_outbox.api.ids["engineer"], start, start + timedelta(hours=1)),
        )
        path, to = f"/v1/bookings/{id}/reassign", calendar_outbox.api.ids
        meeting = calendar_outbox.api.post(path, {"host_id": to["manager"]}, "manager")
        assert (meeting["host"]["name"], [co_host["name"] for co_host in meeting["co_hosts"]]) == (
            "Manager",
            ["Engineer"],
        )
        assert calendar_outbox.api.post(path, {"host_id": to["engineer"]}, "manager")["host"]["name"] == "Engineer"
        calendar_outbox.api.post(path, {"host_id": to["member"]}, "manager")
        calendar_outbox.api.post(path, {"host_id": to["engineer"]}, "manager", 409)


class TestCanFail:
    """Seeded bugs are seen by the same comparison."""

    def test_an_entry_that_stays_with_the_former_host(self, calendar_outbox: CalendarOutboxDriver) -> None:
        class LeavingDelivery(CalendarDelivery):
            def update_calendar(self, attempt: DeliveryAttempt, account: Account) -> str:
                return (
                    "removed" if attempt.notification.to == "former_host" else super().update_calendar(attempt, account)
                )

        id, _, _ = book_slot(calendar_outbox, "alone")
        calendar_outbox.deliver_all()
        calendar_outbox.api.post(
            f"/v1/bookings/{id}/reassign", {"host_id": calendar_outbox.api.ids["engineer"]}, "manager"
        )
        services = calendar_outbox.api.services
        calendar_outbox.deliver_all(LeavingDelivery(services.calendar_sync, services.meeting_details))
        assert calendar_outbox.find_differences([id]).keys() == {"member"}
        assert "The system removed the meeting from the calendar of Member." in list_sentences(calendar_outbox, id)

    def test_an_entry_under_another_id_each_time(
        self, calendar_outbox: CalendarOutboxDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        id, manage, later_start = book_slot(calendar_outbox, "alone")
        calendar_outbox.deliver_all()
        monkeypatch.setattr(calendar_delivery, "build_uid", lambda token_id: f"{token_id}-again@oncelink")
        calendar_outbox.api.post(f"/v1/manage/{manage}/reschedule", {"start": later_start})
        calendar_outbox.deliver_all()
        with pytest.raises(AssertionError):
            assert calendar_outbox.find_differences([id]) == {}


def list_notifications(calendar_outbox: CalendarOutboxDriver, id: str) -> list[Any]:
    """List a booking's notifications."""
    items: list[Any] = calendar_outbox.api.get(f"/v1/bookings/{id}/mail", "manager")["items"]
    return items


def test_nothing_is_missing_and_nothing_twice(settings: Settings, tmp_path: Path) -> None:
    """At random: everything that happens to meetings, servers that go and come back, outbox workers that are killed.

    A longer one: `python -m tests.torture.calendars`.
    """
    folder = tmp_path / "servers"
    folder.mkdir()
    with run_torture(settings, folder, seed=7) as result:
        result.run_rounds(45)
        assert result.find_problems() == []
    assert min(result.counts[what] for what in ("booked", "rescheduled", "reassigned", "cancelled", "reminded")) > 0
    assert min(result.counts[fault] for fault in ("mail server down", "calendar server down", "killed")) > 0
