"""Every start is judged as it is offered: by the same policies, each by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.availability.days_off import Absence, Holidays
from domain.availability.hours import Interval
from domain.availability.limits import BookingLimits, HostMeeting
from domain.offer import LinkOffer
from domain.person import Person, PersonProperties
from domain.team import Team, TeamMember, TeamProperties
from domain.text_direction import isolate_text
from domain.verdicts.judging import judge_start
from domain.verdicts.sentences import explain_verdict
from tests.domain.example import TYPE, build_context, create_link, create_meeting_type, mark_saved

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WHOLE_DAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (("00:00", "24:00"),))
HOURS = ({}, WHOLE_DAYS, {"mon": (("09:00", "12:00"), ("13:00", "17:00")), "tue": (("10:10", "16:00"),)})
ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns")
TEAM = UUID(int=900)


def add_person(number: int, **properties: Any) -> Person:
    """A person with an id of their own."""
    all_properties = {"name": f"P{number}", "email": f"p{number}@x.example", "time_zone": "UTC", "roles": ("member",)}
    person = Person.add(UUID(int=100 + number), PersonProperties(**{**all_properties, **properties}), build_context())
    return mark_saved(person)


@st.composite
def draw_person(draw: st.DrawFn, number: int) -> Person:
    """A person with hours, days off and limits of any kind, who may have left."""
    person = add_person(
        number,
        time_zone=draw(st.sampled_from(ZONES)),
        weekly_hours=draw(st.sampled_from(HOURS)),
        limits=BookingLimits(per_day=draw(st.sampled_from((None, 1))), per_week=draw(st.sampled_from((None, 2)))),
        holidays=draw(st.sampled_from((None, Holidays(country="DE", days=(("2026-12-01", "Day"),))))),
        absences=draw(st.sampled_from(((), (Absence(first_day="2026-12-02", last_day="2026-12-02"),)))),
    )
    if draw(st.integers(0, 5)) == 0:
        person.deactivate(build_context())
    return person


@st.composite
def draw_offer(draw: st.DrawFn) -> tuple[LinkOffer, dict[UUID, list[Interval]]]:
    """An offer, with or without a team, and what is unavailable of its people."""
    hosts = tuple(draw(draw_person(number)) for number in range(draw(st.integers(1, 2))))
    members = tuple(draw(draw_person(number)) for number in range(5, 5 + draw(st.integers(0, 2))))
    team = None
    if members:
        in_team = tuple(TeamMember(person_id=member.id) for member in members)
        team = Team.create(TEAM, TeamProperties(name="Team", members=in_team), build_context())
    meeting_type = create_meeting_type(
        duration_minutes=draw(st.sampled_from((30, 45))),
        slot_step_minutes=draw(st.sampled_from((None, 15, 20))),
        buffer_before_minutes=draw(st.sampled_from((0, 10))),
        minimum_notice_minutes=draw(st.sampled_from((0, 90))),
        booking_window_days=draw(st.sampled_from((1, 30))),
        limits=BookingLimits(per_day=draw(st.sampled_from((None, 1)))),
    )
    link = create_link()
    if draw(st.integers(0, 5)) == 0:
        link.disable(build_context())
    active = tuple(member for member in members if member.active)
    offer = LinkOffer(meeting_type, hosts, link, team=team, members=active)
    starts = {
        person.id: [MONDAY + QUARTER * draw(st.integers(0, 300)) for _ in range(draw(st.integers(0, 2)))]
        for person in offer.people
    }
    meetings = {id: [HostMeeting(start, TYPE) for start in its_starts] for id, its_starts in starts.items()}
    unavailable = {
        id: [Interval(start, start + QUARTER * 3) for start in its_starts] for id, its_starts in starts.items()
    }
    return offer.apply_meetings(meetings), unavailable


@given(drawn=draw_offer(), quarters=st.integers(-8, 400), now_quarters=st.integers(0, 100))
def test_is_on_offer_exactly_when_it_is_listed(
    drawn: tuple[LinkOffer, dict[UUID, list[Interval]]], quarters: int, now_quarters: int
) -> None:
    offer, unavailable = drawn
    start, now = MONDAY + QUARTER * quarters, MONDAY + QUARTER * now_quarters
    of_hosts = [interval for host in offer.hosts for interval in unavailable[host.id]]
    runs = offer.list_runs(Interval(start, start + QUARTER), of_hosts, now, unavailable)
    is_listed = any(run.first == start for run in runs) and not offer.link.disabled
    judgement = judge_start(offer, start, now, unavailable)
    assert judgement.is_on_offer == is_listed
    assert bool(judgement.failures) is not is_listed
    for verdict in judgement.verdicts:
        assert explain_verdict(verdict, offer, start, now).endswith(".")


def judge(start: datetime, unavailable: list[Interval] | None = None, **properties: Any) -> list[str]:
    """The reasons for which a start is not on offer, on Monday at six in the morning."""
    host = add_person(1, **properties)
    meeting_type = create_meeting_type(minimum_notice_minutes=120, booking_window_days=7)
    offer = LinkOffer(meeting_type, (host,), create_link())
    now = MONDAY + timedelta(hours=6)
    judgement = judge_start(offer, start, now, {host.id: unavailable or []})
    return [explain_verdict(verdict, offer, start, now) for verdict in judgement.failures]


P1 = isolate_text("P1")
AT_SIX_PM = MONDAY + timedelta(hours=18)
SENTENCES: dict[str, tuple[list[str], str]] = {
    "hours": (
        judge(AT_SIX_PM),
        f"{P1} works 09:00–17:00 on Mon 30 Nov (UTC), and the meeting would be from 18:00 to 18:30.",
    ),
    "notice": (
        judge(MONDAY + timedelta(hours=7), weekly_hours=WHOLE_DAYS),
        "Meetings are booked at least 2 h ahead, and it is only 1 h away.",
    ),
    "past": (judge(MONDAY, weekly_hours=WHOLE_DAYS), "It has begun, or is over."),
    "window": (
        judge(MONDAY + timedelta(days=9, hours=9)),
        "Meetings are booked at most 7 days ahead, and it is 9 days 3 h away.",
    ),
    "grid": (
        judge(MONDAY + timedelta(hours=9, minutes=10)),
        f"Meetings begin every 30 min from the beginning of {P1}’s hours, and 09:10 is no such time.",
    ),
    "absence": (
        judge(MONDAY + timedelta(hours=9), absences=(Absence(first_day="2026-11-30", last_day="2026-11-30"),)),
        f"{P1} is away.",
    ),
    "holiday": (
        judge(MONDAY + timedelta(hours=9), holidays=Holidays(country="DE", days=(("2026-11-30", "Day"),))),
        f"{P1} has a public holiday: Day.",
    ),
    "time": (
        judge(MONDAY + timedelta(hours=9), [Interval(MONDAY, MONDAY + timedelta(hours=9, minutes=1))]),
        f"{P1} is busy.",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_says_why_not(case: str) -> None:
    sentences, expected = SENTENCES[case]
    assert expected in sentences
