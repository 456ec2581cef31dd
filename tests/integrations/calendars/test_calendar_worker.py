"""Meetings in their hosts' own calendars: written, moved, removed by CalDAV, and a bug in that would be seen."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from icalendar import Calendar

from api.app import build
from api.settings import Settings
from domain.notifications.outbox import BACK_OFF
from integrations import outbox_worker
from integrations.calendars import calendar_worker
from integrations.calendars.calendar_worker import CalendarCourier
from tests.api.pages.page_client import Visitor
from tests.api_driver import GUEST, House, code_of
from tests.integrations.calendars.caldav_server import CalDavServer
from tests.integrations.calendars.calendar_outbox_driver import HOSTS, Desk
from tests.torture.calendars import torture

INSIDE = {"calendar_allowed_networks": "127.0.0.0/8", "couriers": 0}


@pytest.fixture
def desk(settings: Settings, radicale: CalDavServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A house whose member, engineer and manager have a calendar each, which a test's courier keeps."""
    with TestClient(build(settings.model_copy(update=INSIDE)), raise_server_exceptions=False) as client:
        found = Desk(House.furnished(client), radicale)
        monkeypatch.setattr(outbox_worker, "now", found.now)
        found.house.link("Alone", slug="alone")
        found.house.link("Both", slug="both", co_host_ids=[found.house.ids["engineer"]])
        for who in HOSTS:
            found.connect(who)
        yield found


def booked(desk: Desk, slug: str, place: int = 3) -> tuple[str, str, str]:
    """A booking: its id, the code of its page, and a time that it can be moved to."""
    starts = desk.house.slots(slug)
    made = desk.house.book(slug, starts[place])
    return made["booking"]["id"], code_of(made["manage_url"]), starts[(place + 9) % len(starts)]


def said(desk: Desk, id: str) -> list[str]:
    """What the history says of calendars."""
    rows = desk.house.get(f"/v1/history/streams/{id}", "auditor")["items"]
    return [row["sentence"] for row in rows if row["type"].startswith("Calendar")]


class TestKeeps:
    """A host's calendar says what the log says."""

    def test_through_the_life_of_a_meeting(self, desk: Desk) -> None:
        id, manage, later = booked(desk, "both")
        for change in (
            lambda: None,
            lambda: desk.house.post(f"/v1/manage/{manage}/reschedule", {"start": later}),
            lambda: desk.house.post(f"/v1/bookings/{id}/reassign", {"host_id": desk.house.ids["manager"]}, "manager"),
            lambda: desk.house.post(f"/v1/bookings/{id}/reassign", {"host_id": desk.house.ids["member"]}, "manager"),
            lambda: desk.house.post(f"/v1/manage/{manage}/cancel", {}),
        ):
            change()
            desk.keep()
            assert desk.differences([id]) == {}
        assert all(desk.shows(who) == {} for who in HOSTS)
        assert set(said(desk, id)[:2]) == {
            "The system wrote the meeting into the calendar of Engineer.",
            "The system wrote the meeting into the calendar of Member.",
        }
        assert "The system removed the meeting from the calendar of Member." in said(desk, id)
        desk.keep()
        assert desk.differences([id]) == {}

    def test_only_the_latest(self, desk: Desk) -> None:
        id, manage, later = booked(desk, "alone")
        desk.house.post(f"/v1/manage/{manage}/reschedule", {"start": later})
        desk.keep()
        assert (desk.differences([id]), len(said(desk, id))) == ({}, 1)

    def test_invites_nobody_and_says_who_comes(self, desk: Desk) -> None:
        id, _, _ = booked(desk, "both")
        desk.keep()
        [text] = desk.radicale.stored(desk.calendars["member"]).values()
        [event] = Calendar.from_ical(text).walk("VEVENT")
        assert ("attendee" in event, "organizer" in event, "METHOD" in text) == (False, False, False)
        assert str(event["summary"]) == f"Intro with {GUEST['name']}"
        assert GUEST["email"] in str(event["description"])
        assert f"/meeting-log/{id}" in str(event["description"])

    def test_what_somebody_did_to_the_entry_is_put_right_with_the_next_change(self, desk: Desk) -> None:
        id, manage, later = booked(desk, "alone")
        desk.keep()
        desk.radicale.remove(desk.calendars["member"], f"{id}@oncelink")
        desk.house.post(f"/v1/manage/{manage}/reschedule", {"start": later})
        desk.keep()
        assert desk.differences([id]) == {}

    def test_nothing_is_written_to_who_has_left(self, desk: Desk) -> None:
        """Not even a change of a meeting that is still theirs: the entry goes instead."""
        id, _, _ = booked(desk, "both")
        desk.keep()
        desk.house.post(f"/v1/people/{desk.house.ids['member']}/deactivate", None, "admin")
        given = {"host_id": desk.house.ids["manager"], "instead_of": desk.house.ids["engineer"]}
        desk.house.post(f"/v1/bookings/{id}/reassign", given, "manager")
        desk.keep()
        assert {who: list(desk.shows(who)) for who in HOSTS} == {"member": [], "engineer": [], "manager": [id]}

    def test_nothing_is_owed_to_who_has_no_such_calendar(self, desk: Desk) -> None:
        house = desk.house
        house.send("DELETE", f"/v1/me/calendars/{desk.ids.pop('member')}", who="member")
        url = desk.calendars.pop("member")
        id, _, _ = booked(desk, "alone")
        desk.keep()
        assert (said(desk, id), desk.radicale.stored(url)) == ([], {})
        told = house.get(f"/v1/bookings/{id}/mail", "manager")["items"]
        assert {one["channel"] for one in told} == {"mail"}

    def test_meetings_to_come_appear_when_a_calendar_is_given(self, desk: Desk) -> None:
        house = desk.house
        choose = f"/v1/me/calendars/{desk.ids['member']}/choose"
        house.post(choose, {"write_to": None}, "member")
        id, _, _ = booked(desk, "alone")
        desk.keep()
        assert desk.shows("member") == {}
        house.post(choose, {"write_to": desk.calendars["member"]}, "member")
        desk.keep()
        assert desk.differences([id]) == {}


class TestFails:
    """Servers that are gone, and logins that are refused."""

    def test_goes_on_when_the_server_is_back(self, desk: Desk) -> None:
        id, _, _ = booked(desk, "alone")
        desk.radicale.stop()
        desk.keep()
        desk.keep()
        assert said(desk, id) == [
            "The system could not bring the calendar of Member up to date, because the calendar's server could not be"
            " reached, and tries again later."
        ]
        desk.radicale.start()
        desk.ahead += outbox_worker.LEASE
        desk.keep()
        assert desk.differences([id]) == {}

    def test_a_wrong_password_is_given_up_visibly_and_asked_for_again(self, desk: Desk) -> None:
        id, _, _ = booked(desk, "alone", 140)
        users = desk.radicale.folder / "users"
        right = users.read_text(encoding="utf-8")
        users.write_text("julio:other\n", encoding="utf-8")
        for seconds in (0, *BACK_OFF):
            desk.ahead += timedelta(seconds=seconds + 1)
            desk.keep()
        [row] = [one for one in told_of(desk, id) if one["channel"] == "calendar"]
        assert (row["state"], row["failure"]) == ("failed", "sign_in_refused")
        users.write_text(right, encoding="utf-8")
        desk.house.post(f"/v1/bookings/{id}/mail/{row['id']}/send-again", None, "manager")
        desk.keep()
        assert desk.differences([id]) == {}


class TestReassigning:
    """Who is given a meeting must be free in their own calendars too."""

    def test_a_calendar_makes_somebody_busy(self, desk: Desk) -> None:
        id, _, _ = booked(desk, "alone", 20)
        start = datetime.fromisoformat(desk.house.get(f"/v1/bookings/{id}", "manager")["starts_at"])
        lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", "BEGIN:VEVENT", "UID:dentist@x")
        when = (f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}", f"DTSTART:{start:%Y%m%dT%H%M%SZ}", "DURATION:PT1H")
        entry = "\r\n".join((*lines, *when, "SUMMARY:x", "END:VEVENT", "END:VCALENDAR", ""))
        desk.radicale.put(desk.calendars["engineer"], "dentist", entry)
        desk.house.post(f"/v1/me/calendars/{desk.ids['engineer']}/refresh", None, "engineer")
        path, to = f"/v1/bookings/{id}/reassign", desk.house.ids
        desk.house.log()
        page = Visitor(desk.house, "manager").get(f"/meeting-log/{id}/reassign").text
        assert re.findall(r'font-semibold">Engineer<.*?pill-\w+">(\w+)<', page, re.DOTALL) == ["Busy"]
        assert desk.house.post(path, {"host_id": to["engineer"]}, "manager", 409)["code"] == "slot_taken"
        assert desk.house.post(path, {"host_id": to["manager"]}, "manager")["host"]["name"] == "Manager"

    def test_a_co_host_who_stays_is_not_asked(self, desk: Desk) -> None:
        """They have the meeting already, whatever their calendar says now; and may become its host."""
        id, _, _ = booked(desk, "both", 20)
        start = datetime.fromisoformat(desk.house.get(f"/v1/bookings/{id}", "manager")["starts_at"])
        desk.house.oncelink.database.rows(
            """INSERT INTO {schema}.busy_intervals (calendar_id, number, person_id, during)
            VALUES (%s, 999, %s, tstzrange(%s, %s)) RETURNING 1""",
            (desk.ids["engineer"], desk.house.ids["engineer"], start, start + timedelta(hours=1)),
        )
        path, to = f"/v1/bookings/{id}/reassign", desk.house.ids
        found = desk.house.post(path, {"host_id": to["manager"]}, "manager")
        assert (found["host"]["name"], [one["name"] for one in found["co_hosts"]]) == ("Manager", ["Engineer"])
        assert desk.house.post(path, {"host_id": to["engineer"]}, "manager")["host"]["name"] == "Engineer"
        desk.house.post(path, {"host_id": to["member"]}, "manager")
        desk.house.post(path, {"host_id": to["engineer"]}, "manager", 409)


class TestCanFail:
    """Seeded bugs are seen by the same comparison."""

    def test_an_entry_that_stays_with_the_former_host(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        id, _, _ = booked(desk, "alone")
        desk.keep()
        written = CalendarCourier.written

        def forgetful(self: Any, token: Any, one: Any, account: Any) -> str:
            return "removed" if one.telling.to == "former_host" else written(self, token, one, account)

        monkeypatch.setattr(CalendarCourier, "written", forgetful)
        desk.house.post(f"/v1/bookings/{id}/reassign", {"host_id": desk.house.ids["engineer"]}, "manager")
        desk.keep()
        assert desk.differences([id]).keys() == {"member"}

    def test_an_entry_under_another_id_each_time(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        id, manage, later = booked(desk, "alone")
        desk.keep()
        monkeypatch.setattr(calendar_worker, "uid", lambda token_id: f"{token_id}-again@oncelink")
        desk.house.post(f"/v1/manage/{manage}/reschedule", {"start": later})
        desk.keep()
        with pytest.raises(AssertionError):
            assert desk.differences([id]) == {}


def told_of(desk: Desk, id: str) -> list[Any]:
    """What is and was owed because of a booking."""
    items: list[Any] = desk.house.get(f"/v1/bookings/{id}/mail", "manager")["items"]
    return items


def test_nothing_is_missing_and_nothing_twice(settings: Settings, tmp_path: Path) -> None:
    """At random: everything that happens to meetings, servers that go and come back, couriers that are killed.

    A longer one: `python -m tests.torture.calendars`.
    """
    folder = tmp_path / "servers"
    folder.mkdir()
    with torture(settings, folder, seed=7) as found:
        found.run(45)
        assert found.problems() == []
    assert min(found.done[what] for what in ("booked", "rescheduled", "reassigned", "cancelled")) > 0
    assert min(found.done[what] for what in ("mail server down", "calendar server down", "killed")) > 0
