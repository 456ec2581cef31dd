"""A limit tried on what happened: what is refused counts no more, what is cancelled or moved frees its place."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.availability.limits import BookingLimits, HostLimit
from domain.choices.limit_trial import LimitTrial
from domain.event import Event
from domain.token import Token
from tests.domain.example import ANNA, JULIO, TYPE, build_booking_fields, build_context

MONDAY = datetime(2026, 12, 7, tzinfo=UTC)


def build_times(day: int, hour: int) -> dict[str, Any]:
    """The times of a meeting on a day after Monday."""
    start = MONDAY + timedelta(days=day, hours=hour)
    end = start + timedelta(minutes=30)
    return {"starts_at": start, "ends_at": end, "held_from": start, "held_until": end}


def book(day: int, hour: int, **fields: Any) -> Token:
    """A meeting of Julio's."""
    token = Token(uuid4())
    token.issue_directly(UUID(int=3), build_context())
    token.book(build_context(person=None), **{**build_booking_fields(), **build_times(day, hour), **fields})
    return token


def list_refused(events: list[Event], meeting_type_id: UUID | None = None, **limits: int) -> list[tuple[str, datetime]]:
    """What a limit of Julio's would have refused."""
    limit = HostLimit(JULIO, "UTC", BookingLimits(**limits), meeting_type_id)
    trial = LimitTrial(lambda host_id: limit if host_id == JULIO else None)
    return [(refusal.kind, refusal.starts_at) for refusal in trial.try_events(events)]


def collect(*tokens: Token) -> list[Event]:
    """The events of meetings, one meeting after the other."""
    return [event for token in tokens for event in token.pending_events]


def test_refuses_what_comes_after_and_counts_it_no_more() -> None:
    events = collect(book(0, 9), book(0, 10), book(0, 11), book(1, 9))
    assert list_refused(events, per_day=1) == [
        ("booked", MONDAY + timedelta(hours=10)),
        ("booked", MONDAY + timedelta(hours=11)),
    ]
    assert list_refused(events, per_day=2) == [("booked", MONDAY + timedelta(hours=11))]
    # the third of the week is refused by the day, so the fourth is the third
    assert list_refused(events, per_day=2, per_week=3) == [("booked", MONDAY + timedelta(hours=11))]
    assert list_refused(events, per_week=3) == [("booked", MONDAY + timedelta(days=1, hours=9))]
    assert list_refused(events, per_day=4, per_week=4) == []


def test_what_is_cancelled_or_moved_frees_its_place() -> None:
    cancelled = book(0, 9)
    cancelled.cancel(build_context(), cancelled_by="host")
    moved = book(0, 10)
    moved.reschedule(build_context(), meeting_type_version=1, **build_times(2, 9))
    assert list_refused(collect(cancelled, moved, book(0, 11)), per_day=1) == []
    assert list_refused(collect(cancelled, moved, book(0, 11), book(2, 11)), per_day=1) == [
        ("booked", MONDAY + timedelta(days=2, hours=11))
    ]


def test_a_move_to_a_full_day_is_refused_and_the_meeting_stays() -> None:
    moved = book(1, 9)
    moved.reschedule(build_context(), meeting_type_version=1, **build_times(0, 15))
    expected = [("moved", MONDAY + timedelta(hours=15)), ("booked", MONDAY + timedelta(days=1, hours=12))]
    assert list_refused(collect(book(0, 9), moved, book(1, 12)), per_day=1) == expected
    # moved within its own day, it does not count itself
    within = book(3, 9)
    within.reschedule(build_context(), meeting_type_version=1, **build_times(3, 15))
    assert list_refused(collect(within), per_day=1) == []


def test_counts_only_the_host_and_the_meeting_type_that_it_is_for() -> None:
    other_host = {"host_ids": (ANNA,), "host_versions": (1,)}
    assert list_refused(collect(book(0, 9), book(0, 10, **other_host)), per_day=1) == []
    other_type = {"meeting_type_id": UUID(int=77)}
    events = collect(book(0, 9), book(0, 10, **other_type), book(0, 11))
    assert list_refused(events, TYPE, per_day=1) == [("booked", MONDAY + timedelta(hours=11))]
    assert len(list_refused(events, per_day=1)) == 2
