"""Limits, holidays and absences: what is on offer is what can be booked, against a slow reference of its own."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.availability.days_off import Absence, Holidays
from domain.availability.hours import Interval
from domain.availability.limits import BookingLimits, HostMeeting, widen_to_weeks
from domain.offer import Offer
from domain.person import Person, PersonProperties
from domain.refusals import SlotNotOffered
from domain.team import Team
from tests.domain.example import TYPE, add_person, build_context, create_meeting_type

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")
NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
FIRST = date(2026, 10, 21)  # in its two weeks clocks change in Berlin and New York, and the month ends
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (("00:00", "24:00"),))
BUSINESS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "17:00"),))
OTHER_TYPE = UUID(int=99)

days = st.integers(0, 13).map(lambda number: FIRST + timedelta(days=number))
limits = st.builds(BookingLimits, per_day=st.none() | st.integers(1, 2), per_week=st.none() | st.integers(1, 4))
hours_from_first = st.integers(-5 * 24, 18 * 24)


def list_bookable_starts(offer: Offer, meetings: dict[int, Sequence[HostMeeting]], within: Interval) -> set[datetime]:
    """The starts that nothing speaks against, found by asking about each quarter of an hour, as people would."""
    bookable_starts = set()
    numbers = {person.id: number for number, person in enumerate(offer.people)}
    start = within.start
    while start < within.end:
        possible = {id for id, n in numbers.items() if is_possible(offer, offer.people[n], start, meetings[n])}
        is_one_free = offer.team is None or not possible.isdisjoint(offer.member_ids)
        if possible.issuperset(offer.host_ids) and is_one_free and is_on_grid(offer, start):
            bookable_starts.add(start)
        start += timedelta(minutes=15)
    return bookable_starts


def is_on_grid(offer: Offer, start: datetime) -> bool:
    """Whether the hour of the first host's clock is full, which all of these hours begin at."""
    local = start.astimezone(ZoneInfo(offer.hosts[0].properties.time_zone))
    return local.minute == 0 and local.fold == 0  # what the clock shows twice is offered once


def is_possible(offer: Offer, person: Person, start: datetime, meetings: Sequence[HostMeeting]) -> bool:
    """Whether one person may have a meeting at this start."""
    properties = person.properties
    zone = ZoneInfo(properties.time_zone)
    duration = timedelta(minutes=offer.meeting_type.properties.duration_minutes)
    minutes = [start + timedelta(minutes=n) for n in range(0, int(duration.total_seconds() // 60), 15)]
    for minute in minutes:
        day = minute.astimezone(zone).date().isoformat()
        if any(absence.first_day <= day <= absence.last_day for absence in properties.absences):
            return False
        holidays = properties.holidays
        if holidays and day in dict(holidays.days) and day not in holidays.except_days:
            return False
        if properties.weekly_hours != ALWAYS:
            local = minute.astimezone(zone)
            if local.weekday() > 4 or not 9 <= local.hour < 17:
                return False
    own_day = start.astimezone(zone).date()
    of_type = offer.meeting_type.properties.limits
    for limit, type_id in ((properties.limits, None), (of_type, offer.meeting_type.id)):
        counted = [m.starts_at.astimezone(zone).date() for m in meetings if type_id in (None, m.meeting_type_id)]
        same_week = [day for day in counted if day.isocalendar()[:2] == own_day.isocalendar()[:2]]
        if limit.per_day is not None and counted.count(own_day) >= limit.per_day:
            return False
        if limit.per_week is not None and len(same_week) >= limit.per_week:
            return False
    return True


@st.composite
def draw_offers(draw: st.DrawFn) -> tuple[Offer, dict[int, Sequence[HostMeeting]]]:
    """A meeting type with limits, one or two hosts, maybe a team; all with limits, holidays, absences and meetings."""
    hosts, meetings = [], {}
    for number in range(draw(st.integers(1, 4))):
        first = draw(days)
        holidays = draw(st.lists(days, max_size=3, unique=True))
        absence = Absence(
            first_day=first.isoformat(), last_day=(first + timedelta(days=draw(st.integers(0, 3)))).isoformat()
        )
        properties = PersonProperties(
            name="Julio",
            email="julio@nexora.example",
            time_zone=draw(st.sampled_from(ZONES)),
            roles=("member",),
            weekly_hours=draw(st.sampled_from((ALWAYS, BUSINESS))),
            limits=draw(limits),
            absences=(absence,) if draw(st.booleans()) else (),
            holidays=Holidays(
                country="DE",
                days=tuple((day.isoformat(), "A holiday") for day in sorted(holidays)),
                except_days=tuple(day.isoformat() for day in holidays[: draw(st.integers(0, 1))]),
            ),
        )
        hosts.append(Person.add(UUID(int=100 + number), properties, build_context()))
        meetings[number] = [
            HostMeeting(
                datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(hours=draw(hours_from_first)),
                draw(st.sampled_from((TYPE, OTHER_TYPE))),
            )
            for _ in range(draw(st.integers(0, 6)))
        ]
    meeting_type = create_meeting_type(
        duration_minutes=draw(st.sampled_from((30, 60))), slot_step_minutes=60, limits=draw(limits)
    )
    host_count = draw(st.integers(1, 2))
    team = Team(UUID(int=98)) if draw(st.booleans()) else None
    people = hosts[: None if team else host_count]
    return Offer(
        meeting_type, tuple(people[:host_count]), team=team, members=tuple(people[host_count:]) if team else ()
    ), meetings


@settings(max_examples=60, deadline=None)
@given(draw_offers())
def test_what_is_on_offer_is_what_can_be_booked(case: tuple[Offer, dict[int, Sequence[HostMeeting]]]) -> None:
    offer, meetings = case
    midnight = datetime.combine(FIRST, datetime.min.time(), UTC)
    within = Interval(midnight, midnight + timedelta(days=14))
    seen = widen_to_weeks(within)
    by_id = {
        host.id: [m for m in meetings[number] if seen.start <= m.starts_at < seen.end]
        for number, host in enumerate(offer.people)
    }
    filled = offer.apply_meetings(by_id)
    offered = {slot.start for slot in filled.to_slots(filled.list_runs(within, [], NOW))}
    assert offered == list_bookable_starts(offer, meetings, within)
    for start in sorted(offered)[:20]:  # and the append agrees with the list, window by window
        offer.refuse_unless_on_offer(start, NOW)
        assert any(is_within_windows(option, meetings, start) for option in list_options(offer, start))
    hours = {midnight + timedelta(hours=n) for n in range(24 * 14)}
    for start in sorted(hours - offered)[::17]:
        assert is_refused(offer, start) or not any(
            is_within_windows(option, meetings, start) for option in list_options(offer, start)
        )


def list_options(offer: Offer, start: datetime) -> list[Offer]:
    """The hosts that a booking at a start could have."""
    return [offer.add_member(id) for id in offer.list_working_members(start)] if offer.team else [offer]


def is_within_windows(offer: Offer, meetings: dict[int, Sequence[HostMeeting]], start: datetime) -> bool:
    """Whether every window that the append would check has room."""
    by_id = {person.id: meetings[person.id.int - 100] for person in offer.hosts}
    return all(
        sum(
            window.interval.start <= meeting.starts_at < window.interval.end
            and window.meeting_type_id in (None, meeting.meeting_type_id)
            for meeting in by_id[window.host_id]
        )
        < window.most
        for window in offer.list_limit_windows(start)
    )


def is_refused(offer: Offer, start: datetime) -> bool:
    """Whether the time would not be on offer if nothing were taken."""
    try:
        offer.refuse_unless_on_offer(start, NOW)
    except SlotNotOffered:
        return True
    return False


def test_a_week_begins_on_monday_and_crosses_the_end_of_a_month() -> None:
    offer = Offer(create_meeting_type(), (add_person(limits=BookingLimits(per_week=2), time_zone="Europe/Berlin"),))
    [window] = offer.list_limit_windows(datetime(2026, 11, 1, 22, 30, tzinfo=UTC))  # Sunday, 23:30 in Berlin
    assert window.interval == Interval(datetime(2026, 10, 25, 23, tzinfo=UTC), datetime(2026, 11, 1, 23, tzinfo=UTC))
    [window] = offer.list_limit_windows(datetime(2026, 11, 1, 23, tzinfo=UTC))
    assert window.interval.start == datetime(2026, 11, 1, 23, tzinfo=UTC)
