"""A person's hours as instants: what is valid, how days become windows, and what wall clocks do on special days."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.availability.hours import (
    Hours,
    Interval,
    LocalDay,
    WorkingHours,
    check_hours,
    is_existing_local_time,
    list_working_intervals,
    load_zone,
    merge_intervals,
    to_instant,
)
from tests.domain.availability.clock_changes import CLOCK_CHANGES, build_interval, parse_utc

WHOLE_DAY = [("00:00", "24:00")]
EVERY_DAY = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), WHOLE_DAY)
OFFICE: Hours = {"mon": [("09:00", "17:00")], "tue": [("09:00", "12:00"), ("13:00", "17:00")]}


def build_working_hours(zone: str, weekly: Hours, overrides: Hours | None = None, active: bool = True) -> WorkingHours:
    return WorkingHours(zone, weekly, overrides or {}, active)


@cache
def list_wall_clock(zone: str, middle_day: date) -> list[tuple[datetime, datetime]]:
    """Each minute of six days with what the wall clock then shows: (instant, naive local time)."""
    first = datetime.combine(middle_day, datetime.min.time(), UTC) - timedelta(days=3)
    minutes = [first + timedelta(minutes=minute) for minute in range(6 * 24 * 60)]
    return [(minute, minute.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for minute in minutes]


class TestCheckHours:
    def test_sorts_a_day(self) -> None:
        assert check_hours([["13:00", "17:00"], ["09:00", "12:00"]]) == [("09:00", "12:00"), ("13:00", "17:00")]

    def test_touching_intervals_stay_as_they_were_given(self) -> None:
        assert check_hours([("09:00", "12:00"), ("12:00", "24:00")]) == [("09:00", "12:00"), ("12:00", "24:00")]

    def test_a_day_may_be_empty(self) -> None:
        assert check_hours([]) == []

    @pytest.mark.parametrize(
        "begin", ["9:00", "24:00", "09:60", "09:00:00", "", "０9:00", "09:00\n", " 09:00", "-1:00"]
    )
    def test_refuses_a_begin_that_is_no_time(self, begin: str) -> None:
        with pytest.raises(ValueError, match="begin must be a time HH:MM, from 00:00 to 23:59"):
            check_hours([(begin, "24:00")])

    @pytest.mark.parametrize("end", ["17", "24:01", "25:00", "noon"])
    def test_refuses_an_end_that_is_no_time(self, end: str) -> None:
        with pytest.raises(ValueError, match="end must be a time HH:MM, from 00:01 to 24:00"):
            check_hours([("00:00", end)])

    @pytest.mark.parametrize("end", ["09:00", "08:59", "00:00"])
    def test_refuses_an_interval_that_does_not_begin_before_it_ends(self, end: str) -> None:
        with pytest.raises(ValueError, match="begin must be before the end"):
            check_hours([("09:00", end)])

    def test_refuses_overlapping_intervals(self) -> None:
        with pytest.raises(ValueError, match="must not overlap"):
            check_hours([("11:59", "13:00"), ("09:00", "12:00")])

    @pytest.mark.parametrize("interval", ["ab", [], ["09:00"], ["09:00", "10:00", "11:00"]])
    def test_refuses_what_is_no_pair(self, interval: list[str]) -> None:
        with pytest.raises(ValueError, match="a begin and an end"):
            check_hours([interval])


class TestWorkingIntervals:
    def test_weekly_hours_are_wall_clock_times_of_the_persons_zone(self) -> None:
        intervals = list_working_intervals(
            build_working_hours("America/New_York", OFFICE), date(2026, 7, 5), date(2026, 7, 12)
        )
        assert intervals == [
            build_interval("2026-07-06T13:00", "2026-07-06T21:00"),
            build_interval("2026-07-07T13:00", "2026-07-07T16:00"),
            build_interval("2026-07-07T17:00", "2026-07-07T21:00"),
        ]

    def test_an_override_replaces_its_date_wholly(self) -> None:
        tuesday = {"2026-07-07": [("10:00", "11:00")]}
        intervals = list_working_intervals(
            build_working_hours("UTC", OFFICE, tuesday), date(2026, 7, 7), date(2026, 7, 7)
        )
        assert intervals == [build_interval("2026-07-07T10:00", "2026-07-07T11:00")]

    def test_an_override_opens_a_day_off(self) -> None:
        sunday = {"2026-07-05": [("10:00", "11:00")]}
        intervals = list_working_intervals(
            build_working_hours("UTC", OFFICE, sunday), date(2026, 7, 5), date(2026, 7, 5)
        )
        assert intervals == [build_interval("2026-07-05T10:00", "2026-07-05T11:00")]

    def test_an_empty_override_closes_its_date(self) -> None:
        assert (
            list_working_intervals(
                build_working_hours("UTC", OFFICE, {"2026-07-06": []}), date(2026, 7, 6), date(2026, 7, 6)
            )
            == []
        )

    def test_a_deactivated_person_has_none(self) -> None:
        assert (
            list_working_intervals(
                build_working_hours("UTC", OFFICE, active=False), date(2026, 7, 1), date(2026, 7, 31)
            )
            == []
        )

    def test_work_until_midnight_and_from_midnight_is_one_window(self) -> None:
        night: Hours = {"mon": [("22:00", "24:00")], "tue": [("00:00", "02:00")]}
        intervals = list_working_intervals(build_working_hours("UTC", night), date(2026, 7, 6), date(2026, 7, 7))
        assert intervals == [build_interval("2026-07-06T22:00", "2026-07-07T02:00")]

    def test_a_day_put_forward_is_shorter_and_one_put_back_longer(self) -> None:
        berlin = build_working_hours("Europe/Berlin", EVERY_DAY)
        assert list_working_intervals(berlin, date(2026, 3, 29), date(2026, 3, 29)) == [
            build_interval("2026-03-28T23:00", "2026-03-29T22:00")
        ]
        assert list_working_intervals(berlin, date(2026, 10, 25), date(2026, 10, 25)) == [
            build_interval("2026-10-24T22:00", "2026-10-25T23:00")
        ]

    def test_a_window_inside_the_gap_vanishes_and_one_that_begins_in_it_begins_at_its_end(self) -> None:
        override = {"2026-03-29": [("02:00", "02:45"), ("02:50", "04:00")]}
        intervals = list_working_intervals(
            build_working_hours("Europe/Berlin", {}, override), date(2026, 3, 29), date(2026, 3, 29)
        )
        assert intervals == [build_interval("2026-03-29T01:00", "2026-03-29T02:00")]

    def test_a_day_that_a_zone_left_out_is_no_working_time_but_its_neighbours_touch(self) -> None:
        samoa = build_working_hours("Pacific/Apia", EVERY_DAY)
        assert list_working_intervals(samoa, date(2011, 12, 30), date(2011, 12, 30)) == []
        assert list_working_intervals(samoa, date(2011, 12, 29), date(2011, 12, 31)) == [
            build_interval("2011-12-29T10:00", "2011-12-31T10:00")
        ]


class TestInstant:
    @pytest.mark.parametrize(
        ("zone", "local", "expected"),
        [
            ("Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59"),
            ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
            ("Europe/Berlin", "2026-03-29T02:59:59.5", "2026-03-29T01:00"),
            ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
            ("Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00"),
            ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00"),
            ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
            ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
            ("Pacific/Apia", "2011-12-30T00:00", "2011-12-30T10:00"),
            ("Pacific/Apia", "2011-12-30T23:59", "2011-12-30T10:00"),
        ],
    )
    def test_of_a_gap_is_its_end_and_of_an_overlap_the_first(self, zone: str, local: str, expected: str) -> None:
        assert to_instant(datetime.fromisoformat(local), load_zone(zone)) == parse_utc(expected)

    @pytest.mark.parametrize(("zone", "middle_day"), CLOCK_CHANGES)
    def test_is_the_first_minute_at_which_the_wall_clock_has_come_so_far(self, zone: str, middle_day: date) -> None:
        minutes = list_wall_clock(zone, middle_day)
        local_times = {local for _, local in minutes}
        midnight, passed = datetime.combine(middle_day, datetime.min.time()) - timedelta(days=1), iter(minutes)
        reached, clock = next(passed)
        for local in (midnight + timedelta(minutes=minute) for minute in range(3 * 24 * 60)):
            while clock < local:
                reached, clock = next(passed)
            assert to_instant(local, load_zone(zone)) == reached
            assert is_existing_local_time(local, load_zone(zone)) == (local in local_times)

    @pytest.mark.parametrize(("zone", "middle_day"), CLOCK_CHANGES)
    def test_a_local_day_says_the_same(self, zone: str, middle_day: date) -> None:
        for day in (middle_day - timedelta(days=1), middle_day, middle_day + timedelta(days=1)):
            local_day = LocalDay.from_date(day, load_zone(zone))
            for minute in range(24 * 60):
                passed = timedelta(minutes=minute)
                assert local_day.to_instant(passed) == to_instant(local_day.midnight + passed, load_zone(zone))
                assert local_day.has_time(passed) == is_existing_local_time(
                    local_day.midnight + passed, load_zone(zone)
                )
            assert local_day.to_instant(timedelta(days=1)) == to_instant(
                local_day.midnight + timedelta(days=1), load_zone(zone)
            )


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
def test_merged_is_the_same_time_in_sorted_pieces_that_do_not_touch(pairs: list[tuple[int, int]]) -> None:
    origin = parse_utc("2026-07-06")
    pieces = merge_intervals(Interval(origin + timedelta(minutes=a), origin + timedelta(minutes=b)) for a, b in pairs)
    assert all(piece.start < piece.end for piece in pieces)
    assert all(interval.end < next_interval.start for interval, next_interval in pairwise(pieces))
    for minute in range(41):
        now = origin + timedelta(minutes=minute)
        assert any(piece.start <= now < piece.end for piece in pieces) == any(a <= minute < b for a, b in pairs)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(KeyError):
        load_zone("Europe/Atlantis")
