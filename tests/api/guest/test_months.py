"""The month as a guest sees it, and what a page's address asks for: pure functions."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from api.guest.months import Month, build_month, compute_month_interval, describe_clock_change
from api.guest.query_parameters import TimeQuery, parse_query_of_meeting, parse_time_query
from domain.availability.grid import StartRun
from domain.availability.hours import Interval
from integrations.date_formats import DateFormat, choose_date_format, format_offset

NOW = datetime(2026, 3, 14, 10, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
BERLIN = "Europe/Berlin"


def to_instant(text: str) -> datetime:
    """Parse an instant in a short format."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def build_month_of(starts: list[str], query: TimeQuery, days: int = 60, date_format: DateFormat | None = None) -> Month:
    """Build the month page of an offer with these free starts."""
    instants = [to_instant(start) for start in starts]

    def find_runs(within: Interval) -> list[StartRun]:
        assert within.end - within.start <= timedelta(days=62)
        return [StartRun(start, HALF_HOUR, 1) for start in instants if within.start <= start < within.end]

    return build_month(find_runs, query, NOW, NOW + timedelta(days=days), date_format or DateFormat())


class TestMonth:
    """Which month, which day, which times."""

    def test_opens_where_the_first_free_time_is(self) -> None:
        month_page = build_month_of(["2026-05-02T09:00", "2026-05-02T09:30", "2026-05-04T09:00"], TimeQuery("UTC"))
        assert month_page.first == date(2026, 5, 1)
        assert month_page.chosen == date(2026, 5, 2)
        assert [time.label for time in month_page.times] == ["09:00", "09:30"]
        assert [day.date.day for day in month_page.days if day.times] == [2, 4]
        assert (month_page.previous, month_page.following) == (date(2026, 4, 1), None)

    def test_the_zone_decides_the_month(self) -> None:
        starts = ["2026-04-30T23:00"]
        assert build_month_of(starts, TimeQuery("UTC")).first == date(2026, 4, 1)
        assert build_month_of(starts, TimeQuery(BERLIN)).first == date(2026, 5, 1)
        assert build_month_of(starts, TimeQuery("Pacific/Kiritimati")).chosen == date(2026, 5, 1)

    @pytest.mark.parametrize(
        "requested_month", [date(2001, 1, 1), date(2999, 12, 1), date(2026, 2, 1), date(2026, 6, 1)]
    )
    def test_never_leaves_the_booking_window(self, requested_month: date) -> None:
        month_page = build_month_of([], TimeQuery("UTC", month=requested_month))
        assert month_page.first in (date(2026, 3, 1), date(2026, 5, 1))
        assert (month_page.previous is None) is (month_page.first.month == 3)
        assert (month_page.following is None) is (month_page.first.month == 5)

    def test_an_empty_month_knows_the_next_free_time(self) -> None:
        starts = ["2026-03-20T09:00", "2026-05-04T09:00"]
        assert build_month_of(starts, TimeQuery("UTC", month=date(2026, 4, 1))).next_free == to_instant(
            "2026-05-04T09:00"
        )
        assert build_month_of(starts[:1], TimeQuery("UTC", month=date(2026, 4, 1))).next_free == to_instant(
            "2026-03-20T09:00"
        )
        assert build_month_of([], TimeQuery("UTC")).next_free is None

    def test_a_day_without_times_may_be_looked_at(self) -> None:
        month_page = build_month_of(
            ["2026-03-20T09:00"], TimeQuery("UTC", month=date(2026, 3, 1), day=date(2026, 3, 21))
        )
        assert month_page.chosen == date(2026, 3, 21)
        assert month_page.times == []
        assert not month_page.empty

    @pytest.mark.parametrize(("sunday", "blank_count"), [(False, 2), (True, 3)])
    def test_begins_on_the_right_weekday(self, sunday: bool, blank_count: int) -> None:
        month_page = build_month_of(
            [], TimeQuery("UTC", month=date(2026, 4, 1)), date_format=DateFormat(sunday_first=sunday)
        )
        assert month_page.blanks == blank_count
        assert len(month_page.days) == 30

    def test_what_is_sent_along_covers_the_month_in_every_zone(self) -> None:
        interval = compute_month_interval(date(2026, 4, 1))
        for name in available_timezones():
            zone = ZoneInfo(name)
            assert interval.start <= datetime(2026, 4, 1, tzinfo=zone)
            assert interval.end >= datetime(2026, 5, 1, tzinfo=zone)

    def test_an_hour_that_stands_twice_is_told_apart(self) -> None:
        starts = ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T02:00"]
        month_page = build_month_of(starts, TimeQuery(BERLIN, month=date(2026, 10, 1)), days=300)
        labels = [(time.label, time.offset) for time in month_page.times]
        assert labels == [("02:00", "GMT+2"), ("02:30", None), ("02:00", "GMT+1"), ("03:00", None)]


@pytest.mark.parametrize(
    ("day", "zone", "expected_text"),
    [
        (date(2026, 3, 29), BERLIN, "forward"),
        (date(2026, 10, 25), BERLIN, "back"),
        (date(2026, 3, 28), BERLIN, None),
        (date(2026, 10, 4), "Australia/Lord_Howe", "forward"),
        (date(2026, 4, 5), "Australia/Lord_Howe", "back"),
        (date(2026, 10, 25), "UTC", None),
    ],
)
def test_clock_changes(day: date, zone: str, expected_text: str | None) -> None:
    assert describe_clock_change(day, ZoneInfo(zone)) == (expected_text and f"Clocks go {expected_text} on this day.")


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
    face, instant = choose_date_format(language), to_instant("2026-03-14T14:05")
    assert (face.format_time(instant, ZoneInfo("UTC")), face.format_day(instant.date()), face.sunday_first) == (
        time,
        day,
        sunday,
    )


def test_midnight_and_noon_of_a_twelve_hour_clock() -> None:
    face = DateFormat(twelve_hours=True)
    assert face.format_time(to_instant("2026-03-14T00:30"), ZoneInfo("UTC")) == "12:30 am"
    assert face.format_time(to_instant("2026-03-14T12:30"), ZoneInfo("UTC")) == "12:30 pm"
    assert face.format_span(to_instant("2026-03-14T23:30"), to_instant("2026-03-15T00:30"), ZoneInfo("UTC")).endswith(
        "Sunday, 15 March 2026"
    )


@pytest.mark.parametrize(
    ("zone", "expected_label"),
    [("UTC", "GMT"), ("Asia/Kolkata", "GMT+5:30"), ("America/St_Johns", "GMT-2:30"), (BERLIN, "GMT+2")],
)
def test_offsets(zone: str, expected_label: str) -> None:
    assert format_offset(to_instant("2026-07-01T00:00"), ZoneInfo(zone)) == expected_label


class TestTimeQuery:
    """What an address asks for."""

    def test_everything(self) -> None:
        query = parse_time_query({"time_zone": "America/New York", "start": "2026-03-15T02:00:00Z"}, "UTC")
        assert query == TimeQuery(
            "America/New_York", True, date(2026, 3, 1), date(2026, 3, 14), to_instant("2026-03-15T02:00"), None
        )

    def test_nothing(self) -> None:
        assert parse_time_query({}, BERLIN) == TimeQuery(BERLIN)
        assert parse_time_query({"day": "", "time_zone": ""}, BERLIN) == TimeQuery(BERLIN)
        assert parse_query_of_meeting(BERLIN, datetime(2026, 6, 1, tzinfo=UTC), {}).has_zone

    @pytest.mark.parametrize("name", ["time_zone", "month", "day", "start"])
    @pytest.mark.parametrize("value", ["x", "\x00", "9999-99-99", "../etc/passwd", "localtime", "1" * 5000])
    def test_what_cannot_be_read_is_said_and_left_out(self, name: str, value: str) -> None:
        query = parse_time_query({name: value}, BERLIN)
        assert query.problem
        assert TimeQuery(BERLIN, problem=query.problem, zone_matches=query.zone_matches) == query
