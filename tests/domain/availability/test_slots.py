"""Slots are right: examples on days when clocks change, and properties against a slow reading of the definition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.availability.hours import Hours, Interval, WorkingHours
from domain.availability.slots import SlotRules, compute_reserved_interval, is_on_offer, list_offered_slots
from tests.domain.availability.clock_changes import CLOCK_CHANGES, build_interval, parse_utc

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS: Hours = {day: [("00:00", "24:00")] for day in WEEKDAYS}
OFFICE: Hours = {day: [("09:00", "17:00")] for day in WEEKDAYS[:5]}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def build_rules(
    duration: int = 30,
    step: int | None = None,
    buffer_before: int = 0,
    buffer_after: int = 0,
    notice: int = 0,
    window: int = 36500,
) -> SlotRules:
    """Everything in minutes, the booking window in days."""
    return SlotRules(
        duration * MINUTE,
        (step or duration) * MINUTE,
        buffer_before * MINUTE,
        buffer_after * MINUTE,
        notice * MINUTE,
        window * DAY,
    )


def build_working_hours(
    zone: str, weekly: Hours = ALWAYS, active: bool = True, **overrides: list[tuple[str, str]]
) -> WorkingHours:
    """Overrides are named like _2026_12_24."""
    return WorkingHours(zone, weekly, {day[1:].replace("_", "-"): hours for day, hours in overrides.items()}, active)


def list_starts(
    rules: SlotRules, *hosts: WorkingHours, within: Interval, busy: Sequence[Interval] = (), now: datetime = LONG_AGO
) -> list[str]:
    """The starts on offer, as the host's wall clock shows them, with its offset."""
    slots = list_offered_slots(rules, hosts, busy, within, now)
    assert all(slot.end - slot.start == rules.duration for slot in slots)
    zone = ZoneInfo(hosts[0].time_zone)
    return [slot.start.astimezone(zone).strftime("%d %H:%M%z") for slot in slots]


class TestDaysWhenClocksChange:
    def test_berlin_put_forward(self) -> None:
        berlin = build_working_hours("Europe/Berlin", {"sun": [("01:00", "04:00")]})
        slot_starts = list_starts(build_rules(30), berlin, within=build_interval("2026-03-29", "2026-03-30"))
        assert slot_starts == ["29 01:00+0100", "29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]

    def test_berlin_put_back_offers_each_wall_clock_time_once_and_lets_a_meeting_run_through(self) -> None:
        berlin = build_working_hours("Europe/Berlin", {"sun": [("01:00", "04:00")]})
        slot_starts = list_starts(build_rules(60, 30), berlin, within=build_interval("2026-10-24", "2026-10-26"))
        assert slot_starts == ["25 01:00+0200", "25 01:30+0200", "25 02:00+0200", "25 02:30+0200", "25 03:00+0100"]

    def test_new_york_put_forward(self) -> None:
        new_york = build_working_hours("America/New_York", {"sun": [("01:30", "03:30")]})
        assert list_starts(build_rules(30), new_york, within=build_interval("2026-03-08", "2026-03-09")) == [
            "08 01:30-0500",
            "08 03:00-0400",
        ]

    def test_new_york_put_back(self) -> None:
        new_york = build_working_hours("America/New_York", {"sun": [("00:30", "02:30")]})
        slot_starts = list_starts(build_rules(30), new_york, within=build_interval("2026-11-01", "2026-11-02"))
        assert slot_starts == ["01 00:30-0400", "01 01:00-0400", "01 01:30-0400", "01 02:00-0500"]

    def test_lord_howe_put_forward_by_half_an_hour(self) -> None:
        lord_howe = build_working_hours("Australia/Lord_Howe", {"sun": [("01:30", "03:00")]})
        slot_starts = list_starts(build_rules(15), lord_howe, within=build_interval("2026-10-03", "2026-10-05"))
        assert slot_starts == ["04 01:30+1030", "04 01:45+1030", "04 02:30+1100", "04 02:45+1100"]

    def test_lord_howe_put_back_by_half_an_hour(self) -> None:
        lord_howe = build_working_hours("Australia/Lord_Howe", {"sun": [("01:00", "02:30")]})
        slot_starts = list_starts(build_rules(30, 15), lord_howe, within=build_interval("2026-04-04", "2026-04-05"))
        assert slot_starts == ["05 01:00+1100", "05 01:15+1100", "05 01:30+1100", "05 01:45+1100", "05 02:00+1030"]

    def test_hours_that_end_in_the_gap_end_at_its_begin_and_hours_that_begin_in_it_begin_at_its_end(self) -> None:
        gap_at_end = build_working_hours("Europe/Berlin", {"sun": [("01:00", "02:30")]})
        assert list_starts(build_rules(30), gap_at_end, within=build_interval("2026-03-28", "2026-03-30")) == [
            "29 01:00+0100",
            "29 01:30+0100",
        ]
        gap_at_begin = build_working_hours("Europe/Berlin", {"sun": [("02:30", "04:00")]})
        assert list_starts(build_rules(30), gap_at_begin, within=build_interval("2026-03-28", "2026-03-30")) == [
            "29 03:00+0200",
            "29 03:30+0200",
        ]
        off_the_hour = build_working_hours("Europe/Berlin", {"sun": [("02:30", "04:30")]})
        assert list_starts(build_rules(60), off_the_hour, within=build_interval("2026-03-28", "2026-03-30")) == [
            "29 03:30+0200"
        ]

    def test_a_gap_at_the_end_of_hours_adds_no_time_and_a_meeting_over_it_takes_elapsed_time(self) -> None:
        berlin = build_working_hours("Europe/Berlin", {"sun": [("01:00", "03:00")]})
        assert list_starts(build_rules(60), berlin, within=build_interval("2026-03-28", "2026-03-30")) == [
            "29 01:00+0100"
        ]
        later_hours = build_working_hours("Europe/Berlin", {"sun": [("01:30", "04:00")]})
        assert list_offered_slots(
            build_rules(60, 90), [later_hours], [], build_interval("2026-03-28", "2026-03-30"), LONG_AGO
        ) == [
            build_interval("2026-03-29T00:30", "2026-03-29T01:30"),  # 01:30 to 03:30 on the wall
            build_interval("2026-03-29T01:00", "2026-03-29T02:00"),
        ]

    def test_each_host_has_the_hours_of_the_own_zone_in_the_weeks_when_only_one_has_changed(self) -> None:
        hosts = build_working_hours("America/New_York", OFFICE), build_working_hours("Europe/Berlin", OFFICE)
        assert list_starts(build_rules(60), *hosts, within=build_interval("2026-03-05", "2026-03-06")) == [
            "05 09:00-0500",
            "05 10:00-0500",
        ]
        slot_starts = list_starts(build_rules(60), *hosts, within=build_interval("2026-03-12", "2026-03-13"))
        assert slot_starts == ["12 09:00-0400", "12 10:00-0400", "12 11:00-0400"]


class TestMidnightAndTheDateLine:
    def test_a_meeting_runs_over_midnight_where_hours_touch(self) -> None:
        night = build_working_hours("Europe/Berlin", {"mon": [("22:00", "24:00")], "tue": [("00:00", "01:00")]})
        slot_starts = list_starts(build_rules(90, 60), night, within=build_interval("2026-07-06", "2026-07-09"))
        assert slot_starts == ["06 22:00+0200", "06 23:00+0200"]

    def test_a_meeting_does_not_run_over_midnight_where_they_do_not(self) -> None:
        night = build_working_hours("Europe/Berlin", {"mon": [("22:00", "24:00")], "tue": [("00:01", "01:00")]})
        assert list_starts(build_rules(90, 60), night, within=build_interval("2026-07-06", "2026-07-09")) == [
            "06 22:00+0200"
        ]

    def test_touching_intervals_are_one_window_with_a_grid_each(self) -> None:
        split = build_working_hours("UTC", {"mon": [("09:00", "10:15"), ("10:15", "11:15")]})
        slot_starts = list_starts(build_rules(30), split, within=build_interval("2026-07-06", "2026-07-07"))
        assert slot_starts == ["06 09:00+0000", "06 09:30+0000", "06 10:00+0000", "06 10:15+0000", "06 10:45+0000"]

    def test_auckland_and_honolulu_meet_on_different_dates(self) -> None:
        auckland, honolulu = (
            build_working_hours("Pacific/Auckland", OFFICE),
            build_working_hours("Pacific/Honolulu", OFFICE),
        )
        slot_starts = list_starts(
            build_rules(60), auckland, honolulu, within=build_interval("2026-07-05", "2026-07-12")
        )
        days = ("07", "08", "09", "10")  # Tuesday to Friday there, Monday to Thursday here
        assert slot_starts == [f"{day} {hour}:00+1200" for day in days for hour in ("09", "10", "11", "12", "13", "14")]

    def test_samoa_left_out_a_day_and_a_meeting_may_run_over_it(self) -> None:
        samoa = build_working_hours("Pacific/Apia", {day: [("00:00", "01:00"), ("23:00", "24:00")] for day in WEEKDAYS})
        slot_starts = list_starts(
            build_rules(120, 60), samoa, within=build_interval("2011-12-29T00:00", "2011-12-31T12:00")
        )
        assert slot_starts == ["28 23:00-1000", "29 23:00-1000", "31 23:00+1400"]

    def test_st_johns_showed_the_first_minute_of_sunday_before_the_last_hour_of_saturday_again(self) -> None:
        st_johns = build_working_hours("America/St_Johns", {"sun": [("00:00", "01:00")]})
        within = build_interval("2010-11-07T02:30", "2010-11-07T02:45")  # ends at 23:15 on Saturday, the second time
        assert list_starts(build_rules(90), st_johns, within=within) == ["07 00:00-0230"]

    def test_auckland_changes_its_clock_while_a_co_host_is_still_in_yesterday(self) -> None:
        auckland = build_working_hours("Pacific/Auckland", {"sun": [("01:00", "04:00")]})
        honolulu = build_working_hours("Pacific/Honolulu", {"sat": [("03:00", "24:00")]})
        slot_starts = list_starts(
            build_rules(60), auckland, honolulu, within=build_interval("2026-09-25", "2026-09-29")
        )
        assert slot_starts == ["27 01:00+1200", "27 03:00+1300"]


class TestHoursAndOverrides:
    def test_24_00_is_the_end_of_the_day(self) -> None:
        late_hours = build_working_hours("UTC", {"mon": [("23:00", "24:00")]})
        assert list_starts(build_rules(30), late_hours, within=build_interval("2026-07-06", "2026-07-08")) == [
            "06 23:00+0000",
            "06 23:30+0000",
        ]

    def test_an_empty_override_closes_the_date_for_host_and_co_host(self) -> None:
        closed_hours, open_hours = (
            build_working_hours("UTC", OFFICE, _2026_07_06=[]),
            build_working_hours("UTC", OFFICE),
        )
        for hosts in ((closed_hours,), (closed_hours, open_hours), (open_hours, closed_hours)):
            assert list_starts(build_rules(240), *hosts, within=build_interval("2026-07-06", "2026-07-08")) == [
                "07 09:00+0000",
                "07 13:00+0000",
            ]

    def test_an_override_replaces_the_date(self) -> None:
        late_hours = build_working_hours("UTC", OFFICE, _2026_07_06=[("20:00", "21:00")])
        assert list_starts(build_rules(30), late_hours, within=build_interval("2026-07-06", "2026-07-07")) == [
            "06 20:00+0000",
            "06 20:30+0000",
        ]

    def test_a_meeting_that_does_not_fit_before_the_end_is_not_on_offer(self) -> None:
        short_hours = build_working_hours("UTC", {"mon": [("09:00", "10:20")]})
        assert (
            list_starts(build_rules(30, 10), short_hours, within=build_interval("2026-07-06", "2026-07-07"))[-1]
            == "06 09:50+0000"
        )

    @pytest.mark.parametrize("deactivated", [0, 1])
    def test_a_deactivated_host_or_co_host_offers_nothing(self, deactivated: int) -> None:
        hosts = [build_working_hours("UTC", ALWAYS, active=number != deactivated) for number in (0, 1)]
        assert list_starts(build_rules(30), *hosts, within=build_interval("2026-07-06", "2026-07-07")) == []
        assert not is_on_offer(build_rules(30), hosts, parse_utc("2026-07-06T12:00"), LONG_AGO)


class TestBuffersNoticeAndWindow:
    nine_to_twelve = build_working_hours("UTC", {"mon": [("09:00", "12:00")]})

    def test_reserved_is_the_meeting_with_its_buffers(self) -> None:
        assert compute_reserved_interval(
            build_rules(30, buffer_before=10, buffer_after=5), parse_utc("2026-07-06T09:00")
        ) == build_interval("2026-07-06T08:50", "2026-07-06T09:35")

    def test_the_meeting_is_in_working_hours_its_buffers_need_not_be(self) -> None:
        slot_starts = list_starts(
            build_rules(90, buffer_before=60, buffer_after=60),
            self.nine_to_twelve,
            within=build_interval("2026-07-06", "2026-07-07"),
        )
        assert slot_starts == ["06 09:00+0000", "06 10:30+0000"]

    def test_touching_what_is_taken_is_fine_overlapping_by_a_minute_is_not(self) -> None:
        slot_rules, monday = (
            build_rules(30, buffer_before=10, buffer_after=20),
            build_interval("2026-07-06", "2026-07-07"),
        )
        busy = [
            build_interval("2026-07-06T08:00", "2026-07-06T09:20"),
            build_interval("2026-07-06T10:20", "2026-07-06T10:50"),
        ]
        slot_starts = list_starts(slot_rules, self.nine_to_twelve, within=monday, busy=busy)
        assert slot_starts == ["06 09:30+0000", "06 11:00+0000", "06 11:30+0000"]
        busy = [
            build_interval("2026-07-06T08:00", "2026-07-06T09:21"),
            build_interval("2026-07-06T10:19", "2026-07-06T10:51"),
        ]
        assert list_starts(slot_rules, self.nine_to_twelve, within=monday, busy=busy) == ["06 11:30+0000"]

    def test_notice_is_kept_to_the_second(self) -> None:
        within, slot_rules = build_interval("2026-07-06", "2026-07-07"), build_rules(60, notice=60)
        on_time = list_starts(slot_rules, self.nine_to_twelve, within=within, now=parse_utc("2026-07-06T09:00"))
        assert on_time == ["06 10:00+0000", "06 11:00+0000"]
        late_starts = list_starts(slot_rules, self.nine_to_twelve, within=within, now=parse_utc("2026-07-06T09:00:01"))
        assert late_starts == ["06 11:00+0000"]

    def test_nothing_is_offered_in_the_past(self) -> None:
        within = build_interval("2026-07-06", "2026-07-07")
        slot_starts = list_starts(
            build_rules(60), self.nine_to_twelve, within=within, now=parse_utc("2026-07-06T10:30")
        )
        assert slot_starts == ["06 11:00+0000"]

    def test_the_window_is_kept_to_the_second(self) -> None:
        within, slot_rules = build_interval("2026-07-06", "2026-07-07"), build_rules(60, window=3)
        assert list_starts(slot_rules, self.nine_to_twelve, within=within, now=parse_utc("2026-07-03T09:00")) == [
            "06 09:00+0000"
        ]
        assert list_starts(slot_rules, self.nine_to_twelve, within=within, now=parse_utc("2026-07-03T08:59:59")) == []

    @pytest.mark.parametrize("start", [datetime.min, datetime.max])
    def test_the_ends_of_the_calendar_are_not_on_offer(self, start: datetime) -> None:
        for zone in ("Pacific/Kiritimati", "Pacific/Honolulu"):
            assert not is_on_offer(
                build_rules(60, window=60),
                [build_working_hours(zone)],
                start.replace(tzinfo=UTC),
                parse_utc("2026-07-06"),
            )

    @pytest.mark.parametrize(
        "invalid_values",
        [{"duration": 0}, {"step": -5}, {"buffer_before": -1}, {"buffer_after": -1}, {"notice": -1}, {"window": -1}],
    )
    def test_rules_that_no_slot_could_follow_are_refused(self, invalid_values: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=r"never negative|longer than nothing"):
            build_rules(**invalid_values)


# The oracle walks through UTC minute by minute with the wall clock beside it. It knows nothing of offsets or windows.

ZONES = sorted({zone for zone, _ in CLOCK_CHANGES} | {"Pacific/Honolulu", "Pacific/Kiritimati", "UTC"})
SCAN_BEFORE, SCAN_AFTER = 3, 5  # days around a turn, so that the longest meeting of the latest slot is scanned as well


@cache
def list_wall_clock(zone: str, middle_day: date) -> list[datetime]:
    """What the wall clock shows (naive) at each minute of the scan."""
    first = to_midnight(middle_day) - SCAN_BEFORE * DAY
    minutes = range((SCAN_BEFORE + SCAN_AFTER) * 24 * 60)
    return [(first + minute * MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for minute in minutes]


def to_midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def iterate_intervals_at(person: WorkingHours, local: datetime) -> Iterator[tuple[datetime, datetime]]:
    day = datetime.combine(local.date(), datetime.min.time())
    key = local.date().isoformat()
    texts = person.overrides[key] if key in person.overrides else person.weekly.get(WEEKDAYS[local.weekday()], ())
    for begin, end in texts:
        yield day + HOUR * int(begin[:2]) + MINUTE * int(begin[3:]), day + HOUR * int(end[:2]) + MINUTE * int(end[3:])


def list_working_minutes(person: WorkingHours, middle_day: date) -> list[bool]:
    """A person works while the furthest that the wall clock has come lies in an interval of its date."""
    result, furthest, day = [], datetime.min, list[tuple[datetime, datetime]]()
    for local in list_wall_clock(person.time_zone, middle_day):
        if local > furthest:
            day = list(iterate_intervals_at(person, local)) if local.date() != furthest.date() else day
            furthest = local
        result.append(person.active and any(begin <= furthest < end for begin, end in day))
    return result


def is_on_grid(host: WorkingHours, step: timedelta, local: datetime) -> bool:
    return any(
        begin <= local < end and (local - begin) % step == timedelta(0)
        for begin, end in iterate_intervals_at(host, local)
    )


@dataclass(frozen=True)
class SlotCase:
    middle_day: date
    rules: SlotRules
    hosts: list[WorkingHours]
    busy: list[Interval]
    within: Interval
    now: datetime

    def list_expected_intervals(self, busy: list[Interval]) -> list[Interval]:
        first = to_midnight(self.middle_day) - SCAN_BEFORE * DAY
        working_minutes_by_host = [list_working_minutes(person, self.middle_day) for person in self.hosts]
        together = [all(minute) for minute in zip(*working_minutes_by_host, strict=True)]
        length = self.rules.duration // MINUTE
        slots: list[Interval] = []
        local_starts: set[datetime] = set()  # a wall-clock time is a candidate at its first showing
        for minute, local in enumerate(list_wall_clock(self.hosts[0].time_zone, self.middle_day)):
            start = first + minute * MINUTE
            if (
                local not in local_starts
                and all(together[minute : minute + length])
                and self.is_allowed(start, local, busy)
            ):
                slots.append(Interval(start, start + self.rules.duration))
            local_starts.add(local)
        return slots

    def is_allowed(self, start: datetime, local: datetime, busy: list[Interval]) -> bool:
        begin, end = start - self.rules.buffer_before, start + self.rules.duration + self.rules.buffer_after
        return (
            self.within.start <= start < self.within.end
            and self.now + self.rules.minimum_notice <= start <= self.now + self.rules.booking_window
            and is_on_grid(self.hosts[0], self.rules.step, local)
            and not any(max(begin, busy_interval.start) < min(end, busy_interval.end) for busy_interval in busy)
        )


def sample_mostly(usual: Sequence[Any], special: st.SearchStrategy[Any], out_of_ten: int = 7) -> st.SearchStrategy[Any]:
    """Usual values about so many times out of ten: rules that all bite at once leave nothing on offer to compare."""
    return st.integers(1, 10).flatmap(lambda n: special if n > out_of_ten else st.sampled_from(usual))


MINUTES_OF_DAY = sample_mostly(
    [0, 60, 90, 105, 120, 150, 180, 1380, 1410, 1440], st.integers(0, 96).map(lambda n: n * 15), 5
)
USUAL_DAYS = [
    [("00:00", "24:00")],
    [("00:00", "24:00")],
    [("00:00", "18:30")],
    [("00:30", "11:00"), ("11:00", "24:00")],
    [("01:30", "24:00")],
]


@st.composite
def draw_days(draw: st.DrawFn) -> list[tuple[str, str]]:
    """One day's intervals, none to six; some touch, many begin or end at midnight or where clocks change."""
    cuts = sorted(draw(st.lists(MINUTES_OF_DAY, max_size=7, unique=True)))
    pairs = list(pairwise(cuts))
    chosen_pairs = pairs if draw(st.booleans()) else pairs[::2]
    return [(f"{a // 60:02}:{a % 60:02}", f"{b // 60:02}:{b % 60:02}") for a, b in chosen_pairs]


@st.composite
def draw_working_hours(draw: st.DrawFn, middle_day: date, zones: Sequence[str]) -> WorkingHours:
    days = sample_mostly(USUAL_DAYS, draw_days())
    nearby_days = st.integers(-2, 2).map(lambda number: (middle_day + number * DAY).isoformat())
    return WorkingHours(
        draw(st.sampled_from(zones)),
        draw(st.fixed_dictionaries(dict.fromkeys(WEEKDAYS[3:], days), optional=dict.fromkeys(WEEKDAYS[:3], days))),
        draw(sample_mostly([{}], st.dictionaries(nearby_days, days, max_size=2))),
        active=draw(sample_mostly([True], st.booleans(), 9)),
    )


def sample_instants(middle_day: date, first_day: int, last_day: int) -> st.SearchStrategy[datetime]:
    return st.integers(first_day * 288, last_day * 288).map(
        lambda number: to_midnight(middle_day) + 5 * number * MINUTE
    )


def sample_rules() -> st.SearchStrategy[SlotRules]:
    return st.builds(
        build_rules,
        duration=sample_mostly([15, 30, 60, 90, 120, 180], st.sampled_from([1, 7, 480, 1440, 1500])),
        step=st.sampled_from([1, 5, 15, 20, 30, 45, 60, 90]),
        buffer_before=st.integers(0, 60),
        buffer_after=st.integers(0, 60),
        notice=sample_mostly([0, 30, 240], st.integers(0, 2880), 8),
        window=sample_mostly([60], st.integers(0, 4), 8),
    )


@st.composite
def draw_cases(draw: st.DrawFn) -> SlotCase:
    zone, middle_day = draw(st.sampled_from(CLOCK_CHANGES))
    hosts = [
        draw(draw_working_hours(middle_day, [zone])),
        *draw(st.lists(draw_working_hours(middle_day, ZONES), max_size=2)),
    ]
    minutes = sample_mostly([5, 30, 60, 240], st.integers(0, 1000))
    busy = st.builds(
        lambda start, length: Interval(start, start + length * MINUTE), sample_instants(middle_day, -1, 2), minutes
    )
    start = draw(
        sample_mostly(
            [to_midnight(middle_day) - DAY, to_midnight(middle_day) - 2 * HOUR], sample_instants(middle_day, -1, 1)
        )
    )
    hours = draw(sample_mostly([48, 60], st.integers(0, 48)))
    now = draw(sample_mostly([to_midnight(middle_day) - 9 * DAY], sample_instants(middle_day, -3, 1)))
    return SlotCase(
        middle_day,
        draw(sample_rules()),
        hosts,
        draw(st.lists(busy, max_size=8)),
        Interval(start, start + hours * HOUR),
        now,
    )


@settings(deadline=None)
@given(draw_cases())
def test_offered_is_what_the_definition_says(case: SlotCase) -> None:
    assert list_offered_slots(case.rules, case.hosts, case.busy, case.within, case.now) == case.list_expected_intervals(
        case.busy
    )


@settings(deadline=None, max_examples=50)
@given(draw_cases(), st.integers(0, 239))
def test_what_is_offered_is_on_offer_and_nothing_else_is(case: SlotCase, shift: int) -> None:
    listed_starts = [slot.start for slot in list_offered_slots(case.rules, case.hosts, [], case.within, case.now)]
    starts_on_offer = set(listed_starts)
    first, minutes = case.within.start, (case.within.end - case.within.start) // MINUTE
    probes = [first + minute * MINUTE for minute in range(shift, minutes, 240)] + listed_starts[
        :: 1 + len(listed_starts) // 8
    ]
    for start in probes:
        for probe in (start, start + MINUTE, start + timedelta(microseconds=1)):
            if probe < case.within.end:
                assert is_on_offer(case.rules, case.hosts, probe, case.now) == (probe in starts_on_offer)
        local = start.astimezone(ZoneInfo(case.hosts[0].time_zone))
        assert is_on_offer(case.rules, case.hosts, local, case.now) == (start in starts_on_offer)


@settings(deadline=None, max_examples=30)
@given(draw_cases())
def test_booking_a_slot_takes_away_exactly_what_collides_with_it(case: SlotCase) -> None:
    slots_before = list_offered_slots(case.rules, case.hosts, case.busy, case.within, case.now)
    for slot in slots_before[:1] + slots_before[-1:]:
        reserved = compute_reserved_interval(case.rules, slot.start)
        slots_after = list_offered_slots(case.rules, case.hosts, [*case.busy, reserved], case.within, case.now)
        keeps_off = [
            slot_before
            for slot_before in slots_before
            if reserved.end <= compute_reserved_interval(case.rules, slot_before.start).start
        ]
        keeps_off += [
            slot_before
            for slot_before in slots_before
            if compute_reserved_interval(case.rules, slot_before.start).end <= reserved.start
        ]
        assert slots_after == sorted(keeps_off, key=lambda slot_value: slot_value.start)
