"""Mails parsed back by independent parsers: who, what, when and where, for each reader in their own zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Timezone

from api import clock
from domain.token import CalendarConflictFound, Token
from integrations.outbox_worker import by_system
from tests.api_driver import GUEST, House
from tests.integrations.mail.conftest import Desk
from tests.integrations.mail.smtp_server import calendar_of, part

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")  # the last one moves by half an hour


def entry(mail: Any) -> Any:
    """The one entry of a mail's calendar."""
    [found] = calendar_of(mail).walk("VEVENT")
    return found


def next_change(zone: str) -> datetime:
    """The next instant at which a zone's distance from UTC changes, to the hour before it."""
    at = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    there = ZoneInfo(zone)
    while at.astimezone(there).utcoffset() == (at + timedelta(hours=1)).astimezone(there).utcoffset():
        at += timedelta(hours=1)
    return at


def by_its_own_rules(calendar: Calendar, name: str) -> datetime:
    """A time of the entry, by the rules that the calendar itself brings, and not those of this machine."""
    [found] = calendar.walk("VEVENT")
    wall = found[name].dt.replace(tzinfo=None)
    [zone] = calendar.walk("VTIMEZONE")
    assert isinstance(zone, Timezone)
    assert str(zone["TZID"]) == found[name].params["TZID"]
    changes = []
    for rule in zone.subcomponents:
        more = rule.get("RDATE")
        lists = more if isinstance(more, list) else [more] if more else []
        starts = [rule["DTSTART"].dt, *(one.dt for each in lists for one in each.dts)]
        changes += [(start, rule["TZOFFSETTO"].td) for start in starts]
    offset = max(change for change in changes if change[0] <= wall)[1]
    return (wall - offset).replace(tzinfo=UTC)


class TestStory:
    """Booked, moved twice, cancelled."""

    def test_for_everybody(self, desk: Desk) -> None:
        id, code = desk.book(co_host_ids=[desk.house.ids["engineer"]])
        desk.deliver()
        for number in (6, 9):
            desk.house.post(f"/v1/manage/{code}/reschedule", {"start": slot(desk.house, code, number)})
            desk.deliver()
        desk.house.post(f"/v1/bookings/{id}/cancel", {"reason": "ill"}, "member")
        desk.deliver()
        readers = (GUEST["email"], "member@nexora.example", "engineer@nexora.example")
        assert len(desk.box.mails) == 4 * len(readers)
        for email in readers:
            mails = desk.box.to(email)
            entries = [entry(mail) for mail in mails]
            assert [str(calendar_of(mail)["METHOD"]) for mail in mails] == ["REQUEST"] * 3 + ["CANCEL"]
            assert {str(one["UID"]) for one in entries} == {f"{id}@oncelink"}
            assert [one["SEQUENCE"] for one in entries] == [0, 1, 2, 3]
            assert [str(one["STATUS"]) for one in entries] == ["CONFIRMED"] * 3 + ["CANCELLED"]
            for one in entries:
                assert str(one["ORGANIZER"]) == "mailto:member@nexora.example"
                assert one["ORGANIZER"].params["SENT-BY"] == "mailto:book@nexora.example"
                assert {str(who) for who in one["ATTENDEE"]} == {f"mailto:{reader}" for reader in readers}
            booking = desk.house.get(f"/v1/bookings/{id}", "member")
            assert entries[2]["DTSTART"].dt == datetime.fromisoformat(booking["starts_at"])
        assert len(set(desk.box.ids())) == len(desk.box.mails)

    def test_each_says_its_news_first(self, desk: Desk) -> None:
        id, code = desk.book()
        desk.deliver()
        desk.house.post(f"/v1/manage/{code}/reschedule", {"start": slot(desk.house, code, 6)})
        desk.deliver()
        desk.house.post(f"/v1/bookings/{id}/cancel", {"reason": "I am ill"}, "member")
        desk.deliver()
        booked, moved, cancelled = desk.box.to(GUEST["email"])
        assert booked["Subject"].startswith("Booked: Intro with Member, ")
        assert moved["Subject"].startswith("Moved: Intro with Member, ")
        assert cancelled["Subject"].startswith("Cancelled: Intro with Member, ")
        assert "(before: " in part(moved, "text/plain")
        assert "cancelled by Member" in part(cancelled, "text/plain")
        assert "> I am ill" in part(cancelled, "text/plain")
        assert "I am ill" not in part(desk.box.to("member@nexora.example")[2], "text/plain")

    def test_what_is_in_the_first_screen(self, desk: Desk) -> None:
        type_id = desk.house.post(
            "/v1/meeting-types", {"name": "Demo", "duration_minutes": 30, "location": "Room 7"}, "admin", 201
        )["id"]
        id, code = desk.book(meeting_type_id=type_id)
        desk.deliver()
        [guests], [hosts] = desk.box.to(GUEST["email"]), desk.box.to("member@nexora.example")
        manage, page = f"http://testserver/m/{code}", f"http://testserver/meeting-log/{id}"
        for mail, words, url, other in (
            (guests, ("Demo", "(Europe/Berlin, GMT", "Member", "Room 7"), manage, page),
            (hosts, ("Demo", "(UTC, GMT)", "Grace Guest", "Room 7"), page, manage),
        ):
            for kind in ("text/plain", "text/html"):
                text = part(mail, kind)
                assert all(word in text for word in words), text
                assert url in text
                assert other not in text
            assert str(entry(mail)["URL"]) == url
            assert other not in entry(mail).to_ical().decode().replace("\r\n ", "")
            assert mail["Auto-Submitted"] == "auto-generated"
            assert mail["From"] == "Nexora Bookings <book@nexora.example>"
        assert guests["Reply-To"].addresses[0].addr_spec == "member@nexora.example"
        assert hosts["Reply-To"].addresses[0].addr_spec == GUEST["email"]
        assert [one.get_content_type() for one in guests.iter_parts()] == ["multipart/alternative", "application/ics"]

    def test_old_links_lead_to_the_booking_as_it_is_now(self, desk: Desk) -> None:
        _, code = desk.book()
        desk.deliver()
        [first] = desk.box.to(GUEST["email"])
        start = slot(desk.house, code, 6)
        desk.house.post(f"/v1/manage/{code}/reschedule", {"start": start})
        path = str(entry(first)["URL"]).removeprefix("http://testserver/m/")
        assert desk.house.get(f"/v1/manage/{path}")["booking"]["start"] == start
        file = Calendar.from_ical(desk.house.client.get(f"/m/{path}/meeting.ics").content)
        desk.deliver()
        [mine], theirs = file.walk("VEVENT"), entry(desk.box.to(GUEST["email"])[-1])
        for name in ("UID", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "URL", "DTSTAMP"):
            assert mine[name] == theirs[name]

    def test_to_those_whose_meeting_it_was_and_becomes(self, desk: Desk) -> None:
        id, _ = desk.book(co_host_ids=[])
        desk.deliver()
        oncelink = desk.house.oncelink
        token = oncelink.tellings.get(Token, UUID(id))
        edited = token.after(())
        manager = UUID(desk.house.ids["manager"])
        edited.reassign(by_system(), (manager,), (2,))
        oncelink.tellings.append(edited)
        desk.deliver()
        old, new = desk.box.to("member@nexora.example")[-1], desk.box.to("manager@nexora.example")[-1]
        guests = desk.box.to(GUEST["email"])[-1]
        assert [str(calendar_of(mail)["METHOD"]) for mail in (old, new, guests)] == ["CANCEL", "REQUEST", "REQUEST"]
        assert {entry(mail)["SEQUENCE"] for mail in (old, new, guests)} == {1}
        assert {str(entry(mail)["ORGANIZER"]) for mail in (new, guests)} == {"mailto:manager@nexora.example"}
        assert "given to another host" in part(old, "text/plain")
        assert "given to you" in part(new, "text/plain")
        assert "another host" in part(guests, "text/plain")


def test_a_calendar_that_filled_the_time_is_told_to_its_host_and_the_guest(desk: Desk) -> None:
    engineer = desk.house.ids["engineer"]
    id, _ = desk.book(co_host_ids=[engineer])
    desk.deliver()
    tellings = desk.house.oncelink.tellings
    token = tellings.get(Token, UUID(id)).after(())
    assert token.meeting is not None
    about = {"host_id": UUID(engineer), "starts_at": token.meeting.starts_at}
    token.record(CalendarConflictFound, by_system(), **about)
    tellings.append(token)
    desk.deliver()
    assert len(desk.box.mails) == 3 + 2
    [guests, engineers] = [desk.box.to(email)[-1] for email in (GUEST["email"], "engineer@nexora.example")]
    for mail in (guests, engineers):
        assert mail["Subject"].startswith("Still booked: ")
        assert [one.get_content_type() for one in mail.walk()][1:] == ["text/plain", "text/html"]
    assert "The calendar of Engineer now has something else" in part(guests, "text/plain")
    assert "Your calendar has something else" in part(engineers, "text/plain")


@pytest.mark.parametrize("zone", ZONES)
def test_the_hours_around_a_change_of_the_clock(desk: Desk, zone: str) -> None:
    """Each side of it in the reader's zone, and right by the calendar's own rules as by this machine's."""
    change = next_change(zone)
    long = {"name": "Long ahead", "duration_minutes": 30, "booking_window_days": 400}
    type_id = desk.house.post("/v1/meeting-types", long, "admin", 201)["id"]
    starts = [change - timedelta(minutes=30), change + timedelta(hours=2)]
    for number, start in enumerate(starts):
        desk.house.link("Ahead", slug=f"ahead-{number}", meeting_type_id=type_id)
        guest = {**GUEST, "time_zone": zone}
        desk.house.post(f"/v1/book/ahead-{number}", {"start": start.isoformat(), "guest": guest}, None, 201)
        desk.deliver()
    mails = desk.box.to(GUEST["email"])
    offsets = set()
    for mail, start in zip(mails, starts, strict=True):
        calendar = calendar_of(mail)
        found = entry(mail)
        there = start.astimezone(ZoneInfo(zone))
        offsets.add(there.utcoffset())
        assert found["DTSTART"].params["TZID"] == zone
        assert found["DTSTART"].dt.replace(tzinfo=None) == there.replace(tzinfo=None)
        assert by_its_own_rules(calendar, "DTSTART") == start
        assert by_its_own_rules(calendar, "DTEND") == start + timedelta(minutes=30)
        assert f"{there:%H:%M}" in part(mail, "text/plain")
        assert f"{there.day} {there:%B %Y}" in part(mail, "text/html")
    assert len(offsets) == 2


def slot(house: House, code: str, number: int) -> str:
    """One of the times that a meeting can be moved to."""
    first = (clock.now() + timedelta(days=1)).date()
    found = house.get(f"/v1/manage/{code}/slots?from={first}&to={first + timedelta(days=2)}&time_zone=UTC")
    return str(found["slots"][number]["start"])
