"""The month as a guest sees it, and what a page's address asks for: pure functions."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from api.guest.months import Month, around_month, clock_change, month_of
from api.guest.query_parameters import Asked, asked_by, asked_in
from domain.availability.hours import Interval
from integrations.date_formats import ClockFace, face_for, offset

NOW = datetime(2026, 3, 14, 10, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    """An instant, written shortly."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def month(starts: list[str], asked: Asked, days: int = 60, face: ClockFace | None = None) -> Month:
    """The month of an offer that has these starts free."""
    slots = [Interval(at(start), at(start) + HALF_HOUR) for start in starts]

    def find(within: Interval) -> list[Interval]:
        assert within.end - within.start <= timedelta(days=62)
        return [slot for slot in slots if within.start <= slot.start < within.end]

    return month_of(find, asked, NOW, NOW + timedelta(days=days), face or ClockFace())


class TestMonth:
    """Which month, which day, which times."""

    def test_opens_where_the_first_free_time_is(self) -> None:
        found = month(["2026-05-02T09:00", "2026-05-02T09:30", "2026-05-04T09:00"], Asked("UTC"))
        assert found.first == date(2026, 5, 1)
        assert found.chosen == date(2026, 5, 2)
        assert [time.label for time in found.times] == ["09:00", "09:30"]
        assert [day.date.day for day in found.days if day.times] == [2, 4]
        assert (found.previous, found.following) == (date(2026, 4, 1), None)

    def test_the_zone_decides_the_month(self) -> None:
        starts = ["2026-04-30T23:00"]
        assert month(starts, Asked("UTC")).first == date(2026, 4, 1)
        assert month(starts, Asked(BERLIN)).first == date(2026, 5, 1)
        assert month(starts, Asked("Pacific/Kiritimati")).chosen == date(2026, 5, 1)

    @pytest.mark.parametrize("asked", [date(2001, 1, 1), date(2999, 12, 1), date(2026, 2, 1), date(2026, 6, 1)])
    def test_never_leaves_the_booking_window(self, asked: date) -> None:
        found = month([], Asked("UTC", month=asked))
        assert found.first in (date(2026, 3, 1), date(2026, 5, 1))
        assert (found.previous is None) is (found.first.month == 3)
        assert (found.following is None) is (found.first.month == 5)

    def test_an_empty_month_knows_the_next_free_time(self) -> None:
        starts = ["2026-03-20T09:00", "2026-05-04T09:00"]
        assert month(starts, Asked("UTC", month=date(2026, 4, 1))).next_free == at("2026-05-04T09:00")
        assert month(starts[:1], Asked("UTC", month=date(2026, 4, 1))).next_free == at("2026-03-20T09:00")
        assert month([], Asked("UTC")).next_free is None

    def test_a_day_without_times_may_be_looked_at(self) -> None:
        found = month(["2026-03-20T09:00"], Asked("UTC", month=date(2026, 3, 1), day=date(2026, 3, 21)))
        assert found.chosen == date(2026, 3, 21)
        assert found.times == []
        assert not found.empty

    @pytest.mark.parametrize(("sunday", "blanks"), [(False, 2), (True, 3)])
    def test_begins_on_the_right_weekday(self, sunday: bool, blanks: int) -> None:
        found = month([], Asked("UTC", month=date(2026, 4, 1)), face=ClockFace(sunday_first=sunday))
        assert found.blanks == blanks
        assert len(found.days) == 30

    def test_what_is_sent_along_covers_the_month_in_every_zone(self) -> None:
        covered = around_month(date(2026, 4, 1))
        for name in available_timezones():
            zone = ZoneInfo(name)
            assert covered.start <= datetime(2026, 4, 1, tzinfo=zone)
            assert covered.end >= datetime(2026, 5, 1, tzinfo=zone)

    def test_an_hour_that_stands_twice_is_told_apart(self) -> None:
        starts = ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T02:00"]
        found = month(starts, Asked(BERLIN, month=date(2026, 10, 1)), days=300)
        told = [(time.label, time.offset) for time in found.times]
        assert told == [("02:00", "GMT+2"), ("02:30", None), ("02:00", "GMT+1"), ("03:00", None)]


@pytest.mark.parametrize(
    ("day", "zone", "said"),
    [
        (date(2026, 3, 29), BERLIN, "forward"),
        (date(2026, 10, 25), BERLIN, "back"),
        (date(2026, 3, 28), BERLIN, None),
        (date(2026, 10, 4), "Australia/Lord_Howe", "forward"),
        (date(2026, 4, 5), "Australia/Lord_Howe", "back"),
        (date(2026, 10, 25), "UTC", None),
    ],
)
def test_clock_changes(day: date, zone: str, said: str | None) -> None:
    assert clock_change(day, ZoneInfo(zone)) == (said and f"Clocks go {said} on this day.")


@pytest.mark.parametrize(
    ("language", "time", "day", "sunday"),
    [
        ("en-US,en;q=0.9", "2:05 pm", "Saturday, March 14, 2026", True),
        ("en", "2:05 pm", "Saturday, March 14, 2026", True),
        ("en-GB", "14:05", "Saturday, 14 March 2026", False),
        ("en-AU", "2:05 pm", "Saturday, 14 March 2026", False),
        ("de-DE,de", "14:05", "Saturday, 14 March 2026", False),
        ("pt-BR", "14:05", "Saturday, 14 March 2026", True),
        ("zh-Hant-TW", "14:05", "Saturday, 14 March 2026", True),
        ("*", "14:05", "Saturday, 14 March 2026", False),
        ("", "14:05", "Saturday, 14 March 2026", False),
        ("\x00,,;", "14:05", "Saturday, 14 March 2026", False),
    ],
)
def test_clock_faces(language: str, time: str, day: str, sunday: bool) -> None:
    face, instant = face_for(language), at("2026-03-14T14:05")
    assert (face.time(instant, ZoneInfo("UTC")), face.day(instant.date()), face.sunday_first) == (time, day, sunday)


def test_midnight_and_noon_of_a_twelve_hour_clock() -> None:
    face = ClockFace(twelve_hours=True)
    assert face.time(at("2026-03-14T00:30"), ZoneInfo("UTC")) == "12:30 am"
    assert face.time(at("2026-03-14T12:30"), ZoneInfo("UTC")) == "12:30 pm"
    assert face.span(at("2026-03-14T23:30"), at("2026-03-15T00:30"), ZoneInfo("UTC")).endswith("Sunday, 15 March 2026")


@pytest.mark.parametrize(
    ("zone", "said"),
    [("UTC", "GMT"), ("Asia/Kolkata", "GMT+5:30"), ("America/St_Johns", "GMT-2:30"), (BERLIN, "GMT+2")],
)
def test_offsets(zone: str, said: str) -> None:
    assert offset(at("2026-07-01T00:00"), ZoneInfo(zone)) == said


class TestAsked:
    """What an address asks for."""

    def test_everything(self) -> None:
        found = asked_by({"time_zone": "America/New York", "start": "2026-03-15T02:00:00Z"}, "UTC")
        assert found == Asked(
            "America/New_York", True, date(2026, 3, 1), date(2026, 3, 14), at("2026-03-15T02:00"), None
        )

    def test_nothing(self) -> None:
        assert asked_by({}, BERLIN) == Asked(BERLIN)
        assert asked_by({"day": "", "time_zone": ""}, BERLIN) == Asked(BERLIN)
        assert asked_in(BERLIN, {}).named

    @pytest.mark.parametrize("name", ["time_zone", "month", "day", "start"])
    @pytest.mark.parametrize("value", ["x", "\x00", "9999-99-99", "../etc/passwd", "localtime", "1" * 5000])
    def test_what_cannot_be_read_is_said_and_left_out(self, name: str, value: str) -> None:
        found = asked_by({name: value}, BERLIN)
        assert found.problem
        assert Asked(BERLIN, problem=found.problem) == found
