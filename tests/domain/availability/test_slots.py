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
from domain.availability.slots import SlotRules, held, offered, on_offer

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS: Hours = {day: [("00:00", "24:00")] for day in WEEKDAYS}
OFFICE: Hours = {day: [("09:00", "17:00")] for day in WEEKDAYS[:5]}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Interval:
    return Interval(utc(start), utc(end))


def rules(
    duration: int = 30, step: int | None = None, before: int = 0, after: int = 0, notice: int = 0, window: int = 36500
) -> SlotRules:
    """Everything in minutes, the booking window in days."""
    return SlotRules(
        duration * MINUTE, (step or duration) * MINUTE, before * MINUTE, after * MINUTE, notice * MINUTE, window * DAY
    )


def person(zone: str, weekly: Hours = ALWAYS, active: bool = True, **overrides: list[tuple[str, str]]) -> WorkingHours:
    """Overrides are named like _2026_12_24."""
    return WorkingHours(zone, weekly, {day[1:].replace("_", "-"): hours for day, hours in overrides.items()}, active)


def starts(
    rules: SlotRules, *hosts: WorkingHours, within: Interval, busy: Sequence[Interval] = (), now: datetime = LONG_AGO
) -> list[str]:
    """The starts on offer, as the host's wall clock shows them, with its offset."""
    slots = offered(rules, hosts, busy, within, now)
    assert all(slot.end - slot.start == rules.duration for slot in slots)
    zone = ZoneInfo(hosts[0].time_zone)
    return [slot.start.astimezone(zone).strftime("%d %H:%M%z") for slot in slots]


class TestDaysWhenClocksChange:
    def test_berlin_put_forward(self) -> None:
        berlin = person("Europe/Berlin", {"sun": [("01:00", "04:00")]})
        found = starts(rules(30), berlin, within=span("2026-03-29", "2026-03-30"))
        assert found == ["29 01:00+0100", "29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]

    def test_berlin_put_back_offers_each_wall_clock_time_once_and_lets_a_meeting_run_through(self) -> None:
        berlin = person("Europe/Berlin", {"sun": [("01:00", "04:00")]})
        found = starts(rules(60, 30), berlin, within=span("2026-10-24", "2026-10-26"))
        assert found == ["25 01:00+0200", "25 01:30+0200", "25 02:00+0200", "25 02:30+0200", "25 03:00+0100"]

    def test_new_york_put_forward(self) -> None:
        new_york = person("America/New_York", {"sun": [("01:30", "03:30")]})
        assert starts(rules(30), new_york, within=span("2026-03-08", "2026-03-09")) == [
            "08 01:30-0500",
            "08 03:00-0400",
        ]

    def test_new_york_put_back(self) -> None:
        new_york = person("America/New_York", {"sun": [("00:30", "02:30")]})
        found = starts(rules(30), new_york, within=span("2026-11-01", "2026-11-02"))
        assert found == ["01 00:30-0400", "01 01:00-0400", "01 01:30-0400", "01 02:00-0500"]

    def test_lord_howe_put_forward_by_half_an_hour(self) -> None:
        lord_howe = person("Australia/Lord_Howe", {"sun": [("01:30", "03:00")]})
        found = starts(rules(15), lord_howe, within=span("2026-10-03", "2026-10-05"))
        assert found == ["04 01:30+1030", "04 01:45+1030", "04 02:30+1100", "04 02:45+1100"]

    def test_lord_howe_put_back_by_half_an_hour(self) -> None:
        lord_howe = person("Australia/Lord_Howe", {"sun": [("01:00", "02:30")]})
        found = starts(rules(30, 15), lord_howe, within=span("2026-04-04", "2026-04-05"))
        assert found == ["05 01:00+1100", "05 01:15+1100", "05 01:30+1100", "05 01:45+1100", "05 02:00+1030"]

    def test_hours_that_end_in_the_gap_end_at_its_begin_and_hours_that_begin_in_it_begin_at_its_end(self) -> None:
        ends = person("Europe/Berlin", {"sun": [("01:00", "02:30")]})
        assert starts(rules(30), ends, within=span("2026-03-28", "2026-03-30")) == ["29 01:00+0100", "29 01:30+0100"]
        begins = person("Europe/Berlin", {"sun": [("02:30", "04:00")]})
        assert starts(rules(30), begins, within=span("2026-03-28", "2026-03-30")) == ["29 03:00+0200", "29 03:30+0200"]
        off_the_hour = person("Europe/Berlin", {"sun": [("02:30", "04:30")]})
        assert starts(rules(60), off_the_hour, within=span("2026-03-28", "2026-03-30")) == ["29 03:30+0200"]

    def test_a_gap_at_the_end_of_hours_adds_no_time_and_a_meeting_over_it_takes_elapsed_time(self) -> None:
        berlin = person("Europe/Berlin", {"sun": [("01:00", "03:00")]})
        assert starts(rules(60), berlin, within=span("2026-03-28", "2026-03-30")) == ["29 01:00+0100"]
        later = person("Europe/Berlin", {"sun": [("01:30", "04:00")]})
        assert offered(rules(60, 90), [later], [], span("2026-03-28", "2026-03-30"), LONG_AGO) == [
            span("2026-03-29T00:30", "2026-03-29T01:30"),  # 01:30 to 03:30 on the wall
            span("2026-03-29T01:00", "2026-03-29T02:00"),
        ]

    def test_each_host_has_the_hours_of_the_own_zone_in_the_weeks_when_only_one_has_changed(self) -> None:
        hosts = person("America/New_York", OFFICE), person("Europe/Berlin", OFFICE)
        assert starts(rules(60), *hosts, within=span("2026-03-05", "2026-03-06")) == ["05 09:00-0500", "05 10:00-0500"]
        found = starts(rules(60), *hosts, within=span("2026-03-12", "2026-03-13"))
        assert found == ["12 09:00-0400", "12 10:00-0400", "12 11:00-0400"]


class TestMidnightAndTheDateLine:
    def test_a_meeting_runs_over_midnight_where_hours_touch(self) -> None:
        night = person("Europe/Berlin", {"mon": [("22:00", "24:00")], "tue": [("00:00", "01:00")]})
        found = starts(rules(90, 60), night, within=span("2026-07-06", "2026-07-09"))
        assert found == ["06 22:00+0200", "06 23:00+0200"]

    def test_a_meeting_does_not_run_over_midnight_where_they_do_not(self) -> None:
        night = person("Europe/Berlin", {"mon": [("22:00", "24:00")], "tue": [("00:01", "01:00")]})
        assert starts(rules(90, 60), night, within=span("2026-07-06", "2026-07-09")) == ["06 22:00+0200"]

    def test_touching_intervals_are_one_window_with_a_grid_each(self) -> None:
        split = person("UTC", {"mon": [("09:00", "10:15"), ("10:15", "11:15")]})
        found = starts(rules(30), split, within=span("2026-07-06", "2026-07-07"))
        assert found == ["06 09:00+0000", "06 09:30+0000", "06 10:00+0000", "06 10:15+0000", "06 10:45+0000"]

    def test_auckland_and_honolulu_meet_on_different_dates(self) -> None:
        auckland, honolulu = person("Pacific/Auckland", OFFICE), person("Pacific/Honolulu", OFFICE)
        found = starts(rules(60), auckland, honolulu, within=span("2026-07-05", "2026-07-12"))
        days = ("07", "08", "09", "10")  # Tuesday to Friday there, Monday to Thursday here
        assert found == [f"{day} {hour}:00+1200" for day in days for hour in ("09", "10", "11", "12", "13", "14")]

    def test_samoa_left_out_a_day_and_a_meeting_may_run_over_it(self) -> None:
        samoa = person("Pacific/Apia", {day: [("00:00", "01:00"), ("23:00", "24:00")] for day in WEEKDAYS})
        found = starts(rules(120, 60), samoa, within=span("2011-12-29T00:00", "2011-12-31T12:00"))
        assert found == ["28 23:00-1000", "29 23:00-1000", "31 23:00+1400"]

    def test_st_johns_showed_the_first_minute_of_sunday_before_the_last_hour_of_saturday_again(self) -> None:
        st_johns = person("America/St_Johns", {"sun": [("00:00", "01:00")]})
        within = span("2010-11-07T02:30", "2010-11-07T02:45")  # ends at 23:15 on Saturday, the second time
        assert starts(rules(90), st_johns, within=within) == ["07 00:00-0230"]

    def test_auckland_changes_its_clock_while_a_co_host_is_still_in_yesterday(self) -> None:
        auckland = person("Pacific/Auckland", {"sun": [("01:00", "04:00")]})
        honolulu = person("Pacific/Honolulu", {"sat": [("03:00", "24:00")]})
        found = starts(rules(60), auckland, honolulu, within=span("2026-09-25", "2026-09-29"))
        assert found == ["27 01:00+1200", "27 03:00+1300"]


class TestHoursAndOverrides:
    def test_24_00_is_the_end_of_the_day(self) -> None:
        late = person("UTC", {"mon": [("23:00", "24:00")]})
        assert starts(rules(30), late, within=span("2026-07-06", "2026-07-08")) == ["06 23:00+0000", "06 23:30+0000"]

    def test_an_empty_override_closes_the_date_for_host_and_co_host(self) -> None:
        closed, open_ = person("UTC", OFFICE, _2026_07_06=[]), person("UTC", OFFICE)
        for hosts in ((closed,), (closed, open_), (open_, closed)):
            assert starts(rules(240), *hosts, within=span("2026-07-06", "2026-07-08")) == [
                "07 09:00+0000",
                "07 13:00+0000",
            ]

    def test_an_override_replaces_the_date(self) -> None:
        late = person("UTC", OFFICE, _2026_07_06=[("20:00", "21:00")])
        assert starts(rules(30), late, within=span("2026-07-06", "2026-07-07")) == ["06 20:00+0000", "06 20:30+0000"]

    def test_a_meeting_that_does_not_fit_before_the_end_is_not_on_offer(self) -> None:
        short = person("UTC", {"mon": [("09:00", "10:20")]})
        assert starts(rules(30, 10), short, within=span("2026-07-06", "2026-07-07"))[-1] == "06 09:50+0000"

    @pytest.mark.parametrize("deactivated", [0, 1])
    def test_a_deactivated_host_or_co_host_offers_nothing(self, deactivated: int) -> None:
        hosts = [person("UTC", ALWAYS, active=number != deactivated) for number in (0, 1)]
        assert starts(rules(30), *hosts, within=span("2026-07-06", "2026-07-07")) == []
        assert not on_offer(rules(30), hosts, utc("2026-07-06T12:00"), LONG_AGO)


class TestBuffersNoticeAndWindow:
    nine_to_twelve = person("UTC", {"mon": [("09:00", "12:00")]})

    def test_held_is_the_meeting_with_its_buffers(self) -> None:
        assert held(rules(30, before=10, after=5), utc("2026-07-06T09:00")) == span(
            "2026-07-06T08:50", "2026-07-06T09:35"
        )

    def test_the_meeting_is_in_working_hours_its_buffers_need_not_be(self) -> None:
        found = starts(rules(90, before=60, after=60), self.nine_to_twelve, within=span("2026-07-06", "2026-07-07"))
        assert found == ["06 09:00+0000", "06 10:30+0000"]

    def test_touching_what_is_taken_is_fine_overlapping_by_a_minute_is_not(self) -> None:
        asked, monday = rules(30, before=10, after=20), span("2026-07-06", "2026-07-07")
        busy = [span("2026-07-06T08:00", "2026-07-06T09:20"), span("2026-07-06T10:20", "2026-07-06T10:50")]
        found = starts(asked, self.nine_to_twelve, within=monday, busy=busy)
        assert found == ["06 09:30+0000", "06 11:00+0000", "06 11:30+0000"]
        busy = [span("2026-07-06T08:00", "2026-07-06T09:21"), span("2026-07-06T10:19", "2026-07-06T10:51")]
        assert starts(asked, self.nine_to_twelve, within=monday, busy=busy) == ["06 11:30+0000"]

    def test_notice_is_kept_to_the_second(self) -> None:
        within, asked = span("2026-07-06", "2026-07-07"), rules(60, notice=60)
        on_time = starts(asked, self.nine_to_twelve, within=within, now=utc("2026-07-06T09:00"))
        assert on_time == ["06 10:00+0000", "06 11:00+0000"]
        late = starts(asked, self.nine_to_twelve, within=within, now=utc("2026-07-06T09:00:01"))
        assert late == ["06 11:00+0000"]

    def test_nothing_is_offered_in_the_past(self) -> None:
        within = span("2026-07-06", "2026-07-07")
        found = starts(rules(60), self.nine_to_twelve, within=within, now=utc("2026-07-06T10:30"))
        assert found == ["06 11:00+0000"]

    def test_the_window_is_kept_to_the_second(self) -> None:
        within, asked = span("2026-07-06", "2026-07-07"), rules(60, window=3)
        assert starts(asked, self.nine_to_twelve, within=within, now=utc("2026-07-03T09:00")) == ["06 09:00+0000"]
        assert starts(asked, self.nine_to_twelve, within=within, now=utc("2026-07-03T08:59:59")) == []

    @pytest.mark.parametrize("start", [datetime.min, datetime.max])
    def test_the_ends_of_the_calendar_are_not_on_offer(self, start: datetime) -> None:
        for zone in ("Pacific/Kiritimati", "Pacific/Honolulu"):
            assert not on_offer(rules(60, window=60), [person(zone)], start.replace(tzinfo=UTC), utc("2026-07-06"))

    @pytest.mark.parametrize(
        "wrong", [{"duration": 0}, {"step": -5}, {"before": -1}, {"after": -1}, {"notice": -1}, {"window": -1}]
    )
    def test_rules_that_no_slot_could_follow_are_refused(self, wrong: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=r"never negative|longer than nothing"):
            rules(**wrong)


# The oracle walks through UTC minute by minute with the wall clock beside it. It knows nothing of offsets or windows.

TURNS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Auckland", date(2026, 9, 27)),
    ("America/Havana", date(2026, 3, 8)),  # forward at midnight
    ("America/Sao_Paulo", date(2018, 2, 18)),  # back over midnight
    ("America/St_Johns", date(2010, 11, 7)),  # back over midnight, at 00:01
    ("Pacific/Apia", date(2011, 12, 30)),  # the day that Samoa left out
]
ZONES = sorted({zone for zone, _ in TURNS} | {"Pacific/Honolulu", "Pacific/Kiritimati", "Asia/Kathmandu", "UTC"})
SCAN_BEFORE, SCAN_AFTER = 3, 5  # days around a turn, so that the longest meeting of the latest slot is scanned as well


@cache
def wall_clock(zone: str, around: date) -> list[datetime]:
    """What the wall clock shows (naive) at each minute of the scan."""
    first = midnight(around) - SCAN_BEFORE * DAY
    minutes = range((SCAN_BEFORE + SCAN_AFTER) * 24 * 60)
    return [(first + minute * MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for minute in minutes]


def midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def intervals_at(person: WorkingHours, local: datetime) -> Iterator[tuple[datetime, datetime]]:
    day = datetime.combine(local.date(), datetime.min.time())
    key = local.date().isoformat()
    texts = person.overrides[key] if key in person.overrides else person.weekly.get(WEEKDAYS[local.weekday()], ())
    for begin, end in texts:
        yield day + HOUR * int(begin[:2]) + MINUTE * int(begin[3:]), day + HOUR * int(end[:2]) + MINUTE * int(end[3:])


def working_minutes(person: WorkingHours, around: date) -> list[bool]:
    """A person works while the furthest that the wall clock has come lies in an interval of its date."""
    result, furthest, day = [], datetime.min, list[tuple[datetime, datetime]]()
    for local in wall_clock(person.time_zone, around):
        if local > furthest:
            day = list(intervals_at(person, local)) if local.date() != furthest.date() else day
            furthest = local
        result.append(person.active and any(begin <= furthest < end for begin, end in day))
    return result


def on_grid(host: WorkingHours, step: timedelta, local: datetime) -> bool:
    return any(
        begin <= local < end and (local - begin) % step == timedelta(0) for begin, end in intervals_at(host, local)
    )


@dataclass(frozen=True)
class Case:
    around: date
    rules: SlotRules
    hosts: list[WorkingHours]
    busy: list[Interval]
    within: Interval
    now: datetime

    def expected(self, busy: list[Interval]) -> list[Interval]:
        first = midnight(self.around) - SCAN_BEFORE * DAY
        working = [working_minutes(person, self.around) for person in self.hosts]
        together = [all(minute) for minute in zip(*working, strict=True)]
        length = self.rules.duration // MINUTE
        slots: list[Interval] = []
        seen: set[datetime] = set()  # a wall-clock time is a candidate at its first showing
        for minute, local in enumerate(wall_clock(self.hosts[0].time_zone, self.around)):
            start = first + minute * MINUTE
            if local not in seen and all(together[minute : minute + length]) and self.allows(start, local, busy):
                slots.append(Interval(start, start + self.rules.duration))
            seen.add(local)
        return slots

    def allows(self, start: datetime, local: datetime, busy: list[Interval]) -> bool:
        begin, end = start - self.rules.buffer_before, start + self.rules.duration + self.rules.buffer_after
        return (
            self.within.start <= start < self.within.end
            and self.now + self.rules.minimum_notice <= start <= self.now + self.rules.booking_window
            and on_grid(self.hosts[0], self.rules.step, local)
            and not any(max(begin, taken.start) < min(end, taken.end) for taken in busy)
        )


def mostly(usual: Sequence[Any], special: st.SearchStrategy[Any], out_of_ten: int = 7) -> st.SearchStrategy[Any]:
    """Usual values about so many times out of ten: rules that all bite at once leave nothing on offer to compare."""
    return st.integers(1, 10).flatmap(lambda n: special if n > out_of_ten else st.sampled_from(usual))


MINUTES_OF_DAY = mostly([0, 60, 90, 105, 120, 150, 180, 1380, 1410, 1440], st.integers(0, 96).map(lambda n: n * 15), 5)
USUAL_DAYS = [
    [("00:00", "24:00")],
    [("00:00", "24:00")],
    [("00:00", "18:30")],
    [("00:30", "11:00"), ("11:00", "24:00")],
    [("01:30", "24:00")],
]


@st.composite
def cut_days(draw: st.DrawFn) -> list[tuple[str, str]]:
    """One day's intervals, none to six; some touch, many begin or end at midnight or where clocks change."""
    cuts = sorted(draw(st.lists(MINUTES_OF_DAY, max_size=7, unique=True)))
    pairs = list(pairwise(cuts))
    kept = pairs if draw(st.booleans()) else pairs[::2]
    return [(f"{a // 60:02}:{a % 60:02}", f"{b // 60:02}:{b % 60:02}") for a, b in kept]


@st.composite
def people(draw: st.DrawFn, around: date, zones: Sequence[str]) -> WorkingHours:
    days = mostly(USUAL_DAYS, cut_days())
    near = st.integers(-2, 2).map(lambda number: (around + number * DAY).isoformat())
    return WorkingHours(
        draw(st.sampled_from(zones)),
        draw(st.fixed_dictionaries(dict.fromkeys(WEEKDAYS[3:], days), optional=dict.fromkeys(WEEKDAYS[:3], days))),
        draw(mostly([{}], st.dictionaries(near, days, max_size=2))),
        active=draw(mostly([True], st.booleans(), 9)),
    )


def instants(around: date, first_day: int, last_day: int) -> st.SearchStrategy[datetime]:
    return st.integers(first_day * 288, last_day * 288).map(lambda number: midnight(around) + 5 * number * MINUTE)


def some_rules() -> st.SearchStrategy[SlotRules]:
    return st.builds(
        rules,
        duration=mostly([15, 30, 60, 90, 120, 180], st.sampled_from([1, 7, 480, 1440, 1500])),
        step=st.sampled_from([5, 15, 20, 30, 45, 60, 90]),
        before=st.integers(0, 60),
        after=st.integers(0, 60),
        notice=mostly([0, 30, 240], st.integers(0, 2880), 8),
        window=mostly([60], st.integers(0, 4), 8),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, around = draw(st.sampled_from(TURNS))
    hosts = [draw(people(around, [zone])), *draw(st.lists(people(around, ZONES), max_size=2))]
    minutes = mostly([5, 30, 60, 240], st.integers(0, 1000))
    busy = st.builds(lambda start, length: Interval(start, start + length * MINUTE), instants(around, -1, 2), minutes)
    start = draw(mostly([midnight(around) - DAY, midnight(around) - 2 * HOUR], instants(around, -1, 1)))
    hours = draw(mostly([48, 60], st.integers(0, 48)))
    now = draw(mostly([midnight(around) - 9 * DAY], instants(around, -3, 1)))
    return Case(
        around, draw(some_rules()), hosts, draw(st.lists(busy, max_size=8)), Interval(start, start + hours * HOUR), now
    )


@settings(deadline=None)
@given(cases())
def test_offered_is_what_the_definition_says(case: Case) -> None:
    assert offered(case.rules, case.hosts, case.busy, case.within, case.now) == case.expected(case.busy)


@settings(deadline=None, max_examples=50)
@given(cases(), st.integers(0, 89))
def test_what_is_offered_is_on_offer_and_nothing_else_is(case: Case, shift: int) -> None:
    listed = [slot.start for slot in offered(case.rules, case.hosts, [], case.within, case.now)]
    first, minutes = case.within.start, (case.within.end - case.within.start) // MINUTE
    probes = [first + minute * MINUTE for minute in range(shift, minutes, 90)] + listed[:: 1 + len(listed) // 20]
    for start in probes:
        for probe in (start, start + MINUTE, start + timedelta(microseconds=1)):
            if probe < case.within.end:
                assert on_offer(case.rules, case.hosts, probe, case.now) == (probe in listed)
        local = start.astimezone(ZoneInfo(case.hosts[0].time_zone))
        assert on_offer(case.rules, case.hosts, local, case.now) == (start in listed)


@settings(deadline=None, max_examples=30)
@given(cases())
def test_booking_a_slot_takes_away_exactly_what_collides_with_it(case: Case) -> None:
    before = offered(case.rules, case.hosts, case.busy, case.within, case.now)
    for slot in before[:1] + before[-1:]:
        taken = held(case.rules, slot.start)
        after = offered(case.rules, case.hosts, [*case.busy, taken], case.within, case.now)
        keeps_off = [one for one in before if taken.end <= held(case.rules, one.start).start]
        keeps_off += [one for one in before if held(case.rules, one.start).end <= taken.start]
        assert after == sorted(keeps_off, key=lambda one: one.start)
