"""Meetings in every time zone, read back by two independent libraries: the same instants."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from uuid import UUID
from zoneinfo import available_timezones

import pytest
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar

from domain.availability.hours import load_zone
from integrations.calendar_entry import CalendarEntry, Participant
from integrations.icalendar import render_icalendar, render_published_calendar
from integrations.vtimezone import iterate_observances

ZONES = sorted(available_timezones() - {"Factory", "localtime"})
NOW = datetime(2026, 12, 1, tzinfo=UTC)
TWO_YEARS = timedelta(days=731)
HALF_AN_HOUR = timedelta(minutes=30)
Clocks = tuple[datetime, timedelta]  # since when, offset to UTC


def build_entry(zone: str, start: datetime, **changes: object) -> CalendarEntry:
    """The entry of a meeting of half an hour."""
    entry = {
        "token_id": UUID(int=7),
        "sequence": 0,
        "changed_at": NOW,
        "start": start,
        "end": start + HALF_AN_HOUR,
        "zone": zone,
        "title": "Demo",
        "description": "A demo",
        "url": "https://book.example/m/code",
        "location": None,
        "cancelled": False,
        "host": Participant("Ann", "ann@nexora.example"),
        "others": [Participant("Bob", "bob@nexora.example"), Participant("Grace", "grace@guest.example")],
    }
    return CalendarEntry(**{**entry, **changes})  # type: ignore[arg-type]


def list_distinct_zones() -> dict[tuple[Clocks, ...], str]:
    """One zone for each way in which clocks go in the next two years: many names are of the same clocks."""
    return {
        tuple(
            (observance.since, observance.offset)
            for observance in iterate_observances(load_zone(zone), NOW, NOW + TWO_YEARS)
        ): zone
        for zone in ZONES
    }


def list_starts(clocks: tuple[Clocks, ...]) -> Iterator[datetime]:
    """Starts of meetings around each change of the clocks, and of the last one up to two years ahead."""
    for since, _ in clocks[1:]:
        yield from (since - HALF_AN_HOUR, since, since + 3 * HALF_AN_HOUR)
    yield NOW + TWO_YEARS


def read_back(text: str, zone: str) -> set[tuple[datetime, datetime]]:
    """What two libraries read, in UTC. The zone gets a name that they know only by its description."""
    description = text[text.find("BEGIN:VTIMEZONE") : text.find("END:VTIMEZONE")]
    for mark in (":", "="):
        text = text.replace(f"TZID{mark}{zone}", f"TZID{mark}Zone {md5(description.encode()).hexdigest()}")
    [vevent] = Calendar.from_ical(text).walk("VEVENT")
    [event] = IcsCalendarStream.calendar_from_ics(text).events
    return {
        (start.astimezone(UTC), end.astimezone(UTC))
        for start, end in ((vevent["dtstart"].dt, vevent["dtend"].dt), (event.dtstart, event.dtend))
    }


def test_every_zone_for_two_years() -> None:
    zones = list_distinct_zones()
    assert len(ZONES) > 400
    assert len(zones) > 60
    for clocks, zone in zones.items():
        for start in list_starts(clocks):
            text = render_icalendar(build_entry(zone, start), "REQUEST").decode()
            assert read_back(text, zone) == {(start, start + HALF_AN_HOUR)}, (zone, start)


def test_clocks_that_change_for_ramadan() -> None:
    start = datetime(2027, 2, 16, 9, tzinfo=UTC)  # from 7 February to 14 March Morocco is on UTC
    text = render_icalendar(build_entry("Africa/Casablanca", start)).decode()
    assert "DTSTART;TZID=Africa/Casablanca:20270216T090000" in text
    assert read_back(text, "Africa/Casablanca") == {(start, start + HALF_AN_HOUR)}


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (datetime(2027, 10, 31, 0, 15, tzinfo=UTC), "DTSTART;TZID=Europe/Berlin:20271031T021500"),
        (datetime(2027, 10, 31, 0, 45, tzinfo=UTC), "DTSTART:20271031T004500Z"),  # ends in the second 2 o'clock hour
        (datetime(2027, 10, 31, 1, 15, tzinfo=UTC), "DTSTART:20271031T011500Z"),
        (datetime(2027, 10, 31, 2, 0, tzinfo=UTC), "DTSTART;TZID=Europe/Berlin:20271031T030000"),
    ],
)
def test_a_local_time_that_is_there_twice(start: datetime, expected: str) -> None:
    text = render_icalendar(build_entry("Europe/Berlin", start)).decode()
    assert expected in text.splitlines()
    assert ("BEGIN:VTIMEZONE" in text) == ("TZID" in expected)


class TestParticipants:
    """Who is named depends on what the object is for (RFC 5546)."""

    def list_attendees(self, file: bytes) -> list[str]:
        """The addresses of the attendees of the one entry."""
        [vevent] = Calendar.from_ical(file).walk("VEVENT")
        attendees = vevent.get("ATTENDEE", [])
        return [str(attendee) for attendee in (attendees if isinstance(attendees, list) else [attendees])]

    def test_of_a_request(self) -> None:
        file = render_icalendar(build_entry("UTC", NOW), "REQUEST")
        assert self.list_attendees(file) == [
            "mailto:ann@nexora.example",
            "mailto:bob@nexora.example",
            "mailto:grace@guest.example",
        ]

    def test_of_a_cancellation_for_who_is_taken_off(self) -> None:
        entry = build_entry("UTC", NOW, taken_off=[Participant("Old", "old@nexora.example")])
        assert self.list_attendees(render_icalendar(entry, "CANCEL")) == ["mailto:old@nexora.example"]

    def test_of_a_published_calendar(self) -> None:
        file = render_published_calendar([build_entry("Europe/Berlin", NOW)], "Meetings")
        assert self.list_attendees(file) == []
        assert b"METHOD:PUBLISH" in file
        assert b"ORGANIZER;CN=Ann:mailto:ann@nexora.example" in file

    def test_of_an_entry_that_invites_nobody(self) -> None:
        file = render_icalendar(build_entry("UTC", NOW), invites=False)
        assert self.list_attendees(file) == []
        assert b"ORGANIZER" not in file
