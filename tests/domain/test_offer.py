"""What a link offers: its hosts, its times, and the days of a guest's own zone."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.availability.hours import Interval
from domain.offer import Offer, build_days_interval
from domain.refusals import SlotNotOffered
from tests.domain.example import JULIO, NOW, START, add_person, build_context, create_meeting_type


def offer(**more: object) -> Offer:
    """Half an hour with Julio."""
    return Offer(create_meeting_type(**more), (add_person(),))


def test_an_offer_takes_the_time_of_its_hosts() -> None:
    assert offer().host_ids == (JULIO,)


def test_the_times_of_a_meeting_include_its_buffers() -> None:
    times = offer(buffer_before_minutes=5, buffer_after_minutes=10).build_time_fields(START)
    assert (times["starts_at"], times["ends_at"]) == (START, START + timedelta(minutes=30))
    assert (times["held_from"], times["held_until"]) == (START - timedelta(minutes=5), START + timedelta(minutes=40))


def test_only_a_time_that_could_be_a_slot_passes() -> None:
    some_day = Interval(START, START + timedelta(days=1))
    [first, *_] = list_slots(offer(), some_day, [], NOW)
    offer().refuse_unless_on_offer(first.start, NOW)
    with pytest.raises(SlotNotOffered):
        offer().refuse_unless_on_offer(first.start + timedelta(minutes=7), NOW)


def test_what_is_taken_is_not_a_slot() -> None:
    some_day = Interval(START, START + timedelta(days=1))
    first, second, *_ = list_slots(offer(), some_day, [], NOW)
    assert list_slots(offer(), some_day, [first], NOW)[0] == second


def test_nobody_is_there_once_a_host_has_left() -> None:
    julio = add_person()
    assert Offer(create_meeting_type(), (julio,)).has_active_hosts
    julio.deactivate(build_context())
    gone = Offer(create_meeting_type(), (julio,))
    assert not gone.has_active_hosts
    assert list_slots(gone, Interval(START, START + timedelta(days=7)), [], NOW) == []


@pytest.mark.parametrize(
    ("first", "last", "start", "hours"),
    [
        (date(2026, 1, 15), date(2026, 1, 15), datetime(2026, 1, 14, 23, tzinfo=UTC), 24),
        (date(2026, 3, 29), date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 10, 25), date(2026, 10, 26), datetime(2026, 10, 24, 22, tzinfo=UTC), 49),
    ],
    ids=["a usual day", "a short day", "a long day and the next"],
)
def test_days_are_those_of_the_zone(first: date, last: date, start: datetime, hours: int) -> None:
    days = build_days_interval(first, last, "Europe/Berlin")
    assert (days.start, days.end - days.start) == (start, timedelta(hours=hours))


def list_slots(of: Offer, within: Interval, unavailable: list[Interval], now: datetime) -> list[Interval]:
    """List the slots of an offer."""
    return of.to_slots(of.list_runs(within, unavailable, now))
