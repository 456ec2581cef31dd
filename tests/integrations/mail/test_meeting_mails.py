"""Mails parsed back by independent parsers: who, what, when and where, for each reader in their own zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Timezone

from api.clock import read_clock
from domain.token import Token
from domain.token_events import CalendarConflictFound
from integrations.system_context import build_system_context
from tests.api_driver import GUEST, ApiDriver
from tests.integrations.mail.outbox_driver import OutboxDriver
from tests.integrations.mail.smtp_server import get_part, parse_calendar

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")  # the last one moves by half an hour


def get_calendar_entry(message: Any) -> Any:
    """The one entry of a mail's calendar."""
    [calendar_event] = parse_calendar(message).walk("VEVENT")
    return calendar_event


def find_next_clock_change(zone: str) -> datetime:
    """The next instant at which a zone's distance from UTC changes, to the hour before it."""
    at = read_clock().replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    zone_info = ZoneInfo(zone)
    while at.astimezone(zone_info).utcoffset() == (at + timedelta(hours=1)).astimezone(zone_info).utcoffset():
        at += timedelta(hours=1)
    return at


def convert_by_own_rules(calendar: Calendar, name: str) -> datetime:
    """A time of the entry, by the rules that the calendar itself brings, and not those of this machine."""
    [zone_component] = calendar.walk("VEVENT")
    wall = zone_component[name].dt.replace(tzinfo=None)
    [zone] = calendar.walk("VTIMEZONE")
    assert isinstance(zone, Timezone)
    assert str(zone["TZID"]) == zone_component[name].params["TZID"]
    changes = []
    for rule in zone.subcomponents:
        extra_dates = rule.get("RDATE")
        lists = extra_dates if isinstance(extra_dates, list) else [extra_dates] if extra_dates else []
        starts = [rule["DTSTART"].dt, *(date_entry.dt for date_list in lists for date_entry in date_list.dts)]
        changes += [(start, rule["TZOFFSETTO"].td) for start in starts]
    offset = max(change for change in changes if change[0] <= wall)[1]
    return (wall - offset).replace(tzinfo=UTC)


class TestStory:
    """Booked, moved twice, cancelled."""

    def test_for_everybody(self, outbox: OutboxDriver) -> None:
        id, code = outbox.book_meeting(co_host_ids=[outbox.api.ids["engineer"]])
        outbox.deliver_all()
        for number in (6, 9):
            outbox.api.post(f"/v1/manage/{code}/reschedule", {"start": find_slot(outbox.api, code, number)})
            outbox.deliver_all()
        outbox.api.post(f"/v1/bookings/{id}/cancel", {"reason": "ill"}, "member")
        outbox.deliver_all()
        readers = (GUEST["email"], "member@nexora.example", "engineer@nexora.example")
        assert len(outbox.smtp_server.messages) == 4 * len(readers)
        for email in readers:
            messages = outbox.smtp_server.find_messages(email)
            entries = [get_calendar_entry(message) for message in messages]
            assert [str(parse_calendar(message)["METHOD"]) for message in messages] == ["REQUEST"] * 3 + ["CANCEL"]
            assert {str(calendar_entry["UID"]) for calendar_entry in entries} == {f"{id}@oncelink"}
            assert [calendar_entry["SEQUENCE"] for calendar_entry in entries] == [0, 1, 2, 3]
            assert [str(calendar_entry["STATUS"]) for calendar_entry in entries] == ["CONFIRMED"] * 3 + ["CANCELLED"]
            for calendar_entry in entries:
                assert str(calendar_entry["ORGANIZER"]) == "mailto:member@nexora.example"
                assert calendar_entry["ORGANIZER"].params["SENT-BY"] == "mailto:book@nexora.example"
                assert {str(who) for who in calendar_entry["ATTENDEE"]} == {f"mailto:{reader}" for reader in readers}
            booking = outbox.api.get(f"/v1/bookings/{id}", "member")
            assert entries[2]["DTSTART"].dt == datetime.fromisoformat(booking["starts_at"])
        assert len(set(outbox.smtp_server.list_message_ids())) == len(outbox.smtp_server.messages)

    def test_each_says_its_news_first(self, outbox: OutboxDriver) -> None:
        id, code = outbox.book_meeting()
        outbox.deliver_all()
        outbox.api.post(f"/v1/manage/{code}/reschedule", {"start": find_slot(outbox.api, code, 6)})
        outbox.deliver_all()
        outbox.api.post(f"/v1/bookings/{id}/cancel", {"reason": "I am ill"}, "member")
        outbox.deliver_all()
        booked_message, moved_message, cancelled_message = outbox.smtp_server.find_messages(GUEST["email"])
        assert booked_message["Subject"].startswith("Booked: Intro with Member, ")
        assert moved_message["Subject"].startswith("Moved: Intro with Member, ")
        assert cancelled_message["Subject"].startswith("Cancelled: Intro with Member, ")
        assert "(before: " in get_part(moved_message, "text/plain")
        assert "cancelled by Member" in get_part(cancelled_message, "text/plain")
        assert "> I am ill" in get_part(cancelled_message, "text/plain")
        assert "I am ill" not in get_part(outbox.smtp_server.find_messages("member@nexora.example")[2], "text/plain")

    def test_a_message_reaches_the_guest(self, outbox: OutboxDriver) -> None:
        """That of the newest change, and never that of one before."""
        id, code = outbox.book_meeting()
        outbox.deliver_all()
        for number, message in ((6, "Sorry, another <day>\n\nis better"), (9, None)):
            body = {"start": find_slot(outbox.api, code, number), "message": message}
            outbox.api.post(f"/v1/bookings/{id}/reschedule", body, "member")
            outbox.deliver_all()
        body = {"host_id": outbox.api.ids["engineer"], "message": "Engineer knows more"}
        outbox.api.post(f"/v1/bookings/{id}/reassign", body, "manager")
        outbox.deliver_all()
        _, moved_text, moved_again_text, reassigned_text = [
            get_part(message, "text/plain") for message in outbox.smtp_server.find_messages(GUEST["email"])
        ]
        assert "Message:\n> Sorry, another <day>\n> \n> is better" in moved_text.replace("\r", "").replace(
            "> \n", "> \n"
        )
        assert "Message" not in moved_again_text
        assert "> Engineer knows more" in reassigned_text
        assert "another <day>" not in reassigned_text
        assert "Sorry, another &lt;day&gt;" in get_part(
            outbox.smtp_server.find_messages(GUEST["email"])[1], "text/html"
        )
        [to_new_host] = outbox.smtp_server.find_messages("engineer@nexora.example")
        assert "Message to the guest" in get_part(to_new_host, "text/plain")

    def test_what_is_in_the_first_screen(self, outbox: OutboxDriver) -> None:
        type_id = outbox.api.post(
            "/v1/meeting-types", {"name": "Demo", "duration_minutes": 30, "location": "Room 7"}, "admin", 201
        )["id"]
        id, code = outbox.book_meeting(meeting_type_id=type_id)
        outbox.deliver_all()
        [guests], [hosts] = (
            outbox.smtp_server.find_messages(GUEST["email"]),
            outbox.smtp_server.find_messages("member@nexora.example"),
        )
        manage, page = f"http://testserver/m/{code}", f"http://testserver/meeting-log/{id}"
        for message, phrases, url, other_phrase in (
            (guests, ("Demo", "(Central European Time, GMT", "Member", "Room 7"), manage, page),
            (hosts, ("Demo", "(UTC, GMT)", "Grace Guest", "Room 7"), page, manage),
        ):
            for kind in ("text/plain", "text/html"):
                text = get_part(message, kind)
                assert all(phrase in text for phrase in phrases), text
                assert url in text
                assert other_phrase not in text
            assert str(get_calendar_entry(message)["URL"]) == url
            assert other_phrase not in get_calendar_entry(message).to_ical().decode().replace("\r\n ", "")
            assert message["Auto-Submitted"] == "auto-generated"
            assert message["From"] == "Nexora Bookings <book@nexora.example>"
        assert guests["Reply-To"].addresses[0].addr_spec == "member@nexora.example"
        assert hosts["Reply-To"].addresses[0].addr_spec == GUEST["email"]
        assert [message_part.get_content_type() for message_part in guests.iter_parts()] == [
            "multipart/alternative",
            "application/ics",
        ]

    def test_old_links_lead_to_the_booking_as_it_is_now(self, outbox: OutboxDriver) -> None:
        _, code = outbox.book_meeting()
        outbox.deliver_all()
        [first] = outbox.smtp_server.find_messages(GUEST["email"])
        start = find_slot(outbox.api, code, 6)
        outbox.api.post(f"/v1/manage/{code}/reschedule", {"start": start})
        path = str(get_calendar_entry(first)["URL"]).removeprefix("http://testserver/m/")
        assert outbox.api.get(f"/v1/manage/{path}")["booking"]["start"] == start
        file = Calendar.from_ical(outbox.api.client.get(f"/m/{path}/meeting.ics").content)
        outbox.deliver_all()
        [downloaded_entry], mailed_entry = (
            file.walk("VEVENT"),
            get_calendar_entry(outbox.smtp_server.find_messages(GUEST["email"])[-1]),
        )
        for name in ("UID", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "URL", "DTSTAMP"):
            assert downloaded_entry[name] == mailed_entry[name]

    def test_to_those_whose_meeting_it_was_and_becomes(self, outbox: OutboxDriver) -> None:
        id, _ = outbox.book_meeting(co_host_ids=[])
        outbox.deliver_all()
        services = outbox.api.services
        token = services.notifications.load_aggregate(Token, UUID(id))
        edited = token.copy_with_events(())
        manager = UUID(outbox.api.ids["manager"])
        edited.reassign(build_system_context(read_clock()), (manager,), (2,))
        services.notifications.append_events(edited)
        outbox.deliver_all()
        old_host_message, new_host_message = (
            outbox.smtp_server.find_messages("member@nexora.example")[-1],
            outbox.smtp_server.find_messages("manager@nexora.example")[-1],
        )
        guests = outbox.smtp_server.find_messages(GUEST["email"])[-1]
        assert [str(parse_calendar(message)["METHOD"]) for message in (old_host_message, new_host_message, guests)] == [
            "CANCEL",
            "REQUEST",
            "REQUEST",
        ]
        assert {
            get_calendar_entry(message)["SEQUENCE"] for message in (old_host_message, new_host_message, guests)
        } == {1}
        assert {str(get_calendar_entry(message)["ORGANIZER"]) for message in (new_host_message, guests)} == {
            "mailto:manager@nexora.example"
        }
        assert str(get_calendar_entry(old_host_message)["ATTENDEE"]) == "mailto:member@nexora.example"
        assert "given to another host" in get_part(old_host_message, "text/plain")
        assert "given to you" in get_part(new_host_message, "text/plain")
        assert "another host" in get_part(guests, "text/plain")


def test_a_calendar_that_filled_the_time_is_told_to_its_host_and_the_guest(outbox: OutboxDriver) -> None:
    engineer = outbox.api.ids["engineer"]
    id, _ = outbox.book_meeting(co_host_ids=[engineer])
    outbox.deliver_all()
    notification_commands = outbox.api.services.notifications
    token = notification_commands.load_aggregate(Token, UUID(id)).copy_with_events(())
    assert token.meeting is not None
    about = {"host_id": UUID(engineer), "starts_at": token.meeting.starts_at}
    token.record_event(CalendarConflictFound, build_system_context(read_clock()), **about)
    notification_commands.append_events(token)
    outbox.deliver_all()
    assert len(outbox.smtp_server.messages) == 3 + 2
    [guests, engineers] = [
        outbox.smtp_server.find_messages(email)[-1] for email in (GUEST["email"], "engineer@nexora.example")
    ]
    for message in (guests, engineers):
        assert message["Subject"].startswith("Still booked: ")
        assert [message_part.get_content_type() for message_part in message.walk()][1:] == ["text/plain", "text/html"]
    assert "The calendar of Engineer now has something else" in get_part(guests, "text/plain")
    assert "Your calendar has something else" in get_part(engineers, "text/plain")


@pytest.mark.parametrize("zone", ZONES)
def test_the_hours_around_a_change_of_the_clock(outbox: OutboxDriver, zone: str) -> None:
    """Each side of it in the reader's zone, and right by the calendar's own rules as by this machine's."""
    change = find_next_clock_change(zone)
    long = {"name": "Long ahead", "duration_minutes": 30, "booking_window_days": 400}
    type_id = outbox.api.post("/v1/meeting-types", long, "admin", 201)["id"]
    starts = [change - timedelta(minutes=30), change + timedelta(hours=2)]
    for number, start in enumerate(starts):
        outbox.api.create_link("Ahead", slug=f"ahead-{number}", meeting_type_id=type_id)
        guest = {**GUEST, "time_zone": zone}
        outbox.api.post(f"/v1/book/ahead-{number}", {"start": start.isoformat(), "guest": guest}, None, 201)
        outbox.deliver_all()
    messages = outbox.smtp_server.find_messages(GUEST["email"])
    offsets = set()
    for message, start in zip(messages, starts, strict=True):
        calendar = parse_calendar(message)
        calendar_entry = get_calendar_entry(message)
        local_start = start.astimezone(ZoneInfo(zone))
        offsets.add(local_start.utcoffset())
        assert calendar_entry["DTSTART"].params["TZID"] == zone
        assert calendar_entry["DTSTART"].dt.replace(tzinfo=None) == local_start.replace(tzinfo=None)
        assert convert_by_own_rules(calendar, "DTSTART") == start
        assert convert_by_own_rules(calendar, "DTEND") == start + timedelta(minutes=30)
        assert f"{local_start:%H:%M}" in get_part(message, "text/plain")
        assert f"{local_start.day} {local_start:%B %Y}" in get_part(message, "text/html")
    assert len(offsets) == 2


class TestAnswers:
    """What a guest answered."""

    def test_are_in_mails_and_entries(self, outbox: OutboxDriver) -> None:
        questions = [
            {"key": "company", "label": "Your company", "kind": "short"},
            {"key": "topics", "label": "Topics", "kind": "many_of", "options": ["API", "Price"]},
        ]
        outbox.api.patch(f"/v1/meeting-types/{outbox.api.ids['type']}", {"questions": questions}, "admin")
        [code] = outbox.api.create_codes(outbox.api.create_link())
        answers = {"company": "Acme, https://evil.example", "topics": ["API", "Price"]}
        body = {"start": outbox.api.list_slots(code)[0], "guest": GUEST, "answers": answers}
        outbox.api.post(f"/v1/book/{code}", body, None, 201)
        outbox.deliver_all()
        [to_guest] = outbox.smtp_server.find_messages(GUEST["email"])
        [to_host] = outbox.smtp_server.find_messages("member@nexora.example")
        for message, company in ((to_guest, "Acme, https evil. example"), (to_host, "Acme, https://evil.example")):
            for part in ("text/plain", "text/html"):
                text = " ".join(get_part(message, part).split())
                assert "Your company" in text
                assert company in text
                assert "API, Price" in text
            description = str(get_calendar_entry(message)["DESCRIPTION"])
            assert f"Your company: {company}\nTopics: API, Price" in description


def find_slot(api: ApiDriver, code: str, number: int) -> str:
    """One of the times that a meeting can be moved to."""
    first = (read_clock() + timedelta(days=1)).date()
    body = api.get(f"/v1/manage/{code}/slots?from={first}&to={first + timedelta(days=2)}&time_zone=UTC")
    return str(body["slots"][number]["start"])


def test_the_mail_about_a_hosts_cancellation_carries_the_new_link(outbox: OutboxDriver) -> None:
    outbox.api.patch("/v1/organisation", {"replacement": "host_cancelled"}, "admin")
    id, _ = outbox.book_meeting()
    outbox.deliver_all()
    outbox.api.post(f"/v1/bookings/{id}/cancel", None, "member")
    replacement_id = outbox.api.get(f"/v1/bookings/{id}", "member")["replacement_id"]
    code = outbox.api.get(f"/v1/single-use/{replacement_id}", "member")["code"]
    outbox.deliver_all()
    mails = [mail for mail in outbox.smtp_server.messages if mail["Subject"].startswith("Cancelled")]
    [to_guest] = [mail for mail in mails if GUEST["email"] in mail["To"]]
    [to_host] = [mail for mail in mails if GUEST["email"] not in mail["To"]]
    for kind in ("text/plain", "text/html"):
        assert f"/s/{code}" in get_part(to_guest, kind)
        assert "choose another time with a new link" in " ".join(get_part(to_guest, kind).split())
        assert f"/s/{code}" not in get_part(to_host, kind)


def test_a_replacement_is_mailed_to_its_recipient(outbox: OutboxDriver) -> None:
    id, _ = outbox.book_meeting()
    outbox.api.post(f"/v1/bookings/{id}/cancel", None, "member")
    outbox.deliver_all()
    path, headers = f"/v1/bookings/{id}/replacement", {"Idempotency_Key": "mailed"}
    replacement = outbox.api.post(path, {"send": True}, "member", 201, **headers)
    assert outbox.api.post(path, {"send": True}, "member", 201, **headers)["id"] == replacement["id"]
    outbox.api.post(path, {"send": False}, "member", 422, **headers)
    outbox.deliver_all()
    mails = [
        mail for mail in outbox.smtp_server.messages if f"/s/{replacement['code']}" in get_part(mail, "text/plain")
    ]
    assert [GUEST["email"] in mail["To"] for mail in mails] == [True]


def test_a_replacement_for_nobody_is_not_mailed(outbox: OutboxDriver) -> None:
    id, _ = outbox.book_meeting()
    outbox.api.post(f"/v1/bookings/{id}/cancel", None, "member")
    outbox.api.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
    outbox.api.post(f"/v1/bookings/{id}/replacement", {"send": True}, "member", 422)
    assert outbox.api.post(f"/v1/bookings/{id}/replacement", {}, "member", 201)["recipient"] is None
