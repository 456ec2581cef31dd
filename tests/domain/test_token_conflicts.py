"""A token and a host's own calendar: which busy times are a conflict, and which are none."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from domain.availability.hours import Interval
from domain.token import Token
from domain.token_events import CalendarConflictFound
from tests.domain.example import (
    ANNA,
    JULIO,
    LATER,
    START,
    book_token,
    book_with_co_host,
    build_context,
    cancel_meeting,
    issue_token,
    list_event_types,
    mark_saved,
    reschedule_meeting,
)

MINUTE = timedelta(minutes=1)
END = START + 30 * MINUTE
SAME_TIME = [Interval(START, END)]
BELA = UUID(int=9)


def reassign_meeting(token: Token, host: UUID) -> None:
    """Give the meeting to one host alone."""
    token.reassign(build_context(), host_ids=(host,), host_versions=(1,))


def book_and(change: Callable[[Token], None]) -> Token:
    """A booked meeting after a change."""
    token = book_token()
    change(token)
    return mark_saved(token)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (START, END, 1),
        (START - MINUTE, START + MINUTE, 1),
        (END - MINUTE, END + MINUTE, 1),
        (START, LATER, 1),
        (START - MINUTE, START, 0),
        (END, END + MINUTE, 0),
    ],
    ids=["the same", "into its beginning", "into its end", "longer", "until it begins", "from when it ends"],
)
@pytest.mark.parametrize("host", [JULIO, ANNA], ids=["host", "co-host"])
def test_a_conflict_is_a_busy_time_that_overlaps(start: datetime, end: datetime, expected: int, host: UUID) -> None:
    token = book_with_co_host()
    token.record_conflict(build_context(), host, [Interval(start, end)])
    assert list_event_types(token) == [CalendarConflictFound] * expected
    assert token.conflicting_hosts == (frozenset({host}) if expected else frozenset())


@pytest.mark.parametrize(
    "make",
    [
        issue_token,
        partial(book_and, cancel_meeting),
        partial(book_and, reschedule_meeting),
        partial(book_and, partial(reassign_meeting, host=ANNA)),
    ],
    ids=["not booked", "cancelled", "moved", "another host's"],
)
def test_no_conflict_where_the_host_has_no_meeting_at_that_time(make: Callable[[], Token]) -> None:
    token = make()
    token.record_conflict(build_context(), JULIO, SAME_TIME)
    assert list_event_types(token) == []
    assert token.conflicting_hosts == frozenset()


@pytest.mark.parametrize("now", [END, LATER])
def test_no_conflict_with_a_meeting_that_is_over(now: datetime) -> None:
    token = book_token()
    token.record_conflict(build_context(now), JULIO, SAME_TIME)
    assert list_event_types(token) == []


def test_each_host_and_time_is_recorded_once() -> None:
    token = book_token()
    for _ in range(2):
        token.record_conflict(build_context(), JULIO, SAME_TIME)
    assert list_event_types(token) == [CalendarConflictFound]
    reschedule_meeting(token)
    token.collect_events()
    assert token.conflicting_hosts == frozenset()
    token.record_conflict(build_context(), JULIO, [Interval(LATER, LATER + MINUTE)])
    assert list_event_types(token) == [CalendarConflictFound]
    assert token.conflicting_hosts == frozenset({JULIO})


@pytest.mark.parametrize(
    "change",
    [reschedule_meeting, cancel_meeting, partial(reassign_meeting, host=BELA)],
    ids=["moved", "cancelled", "another host's"],
)
@pytest.mark.parametrize("host", [JULIO, ANNA], ids=["host", "co-host"])
def test_a_conflict_ends_with_what_it_was_about(change: Callable[[Token], None], host: UUID) -> None:
    token = book_with_co_host()
    token.record_conflict(build_context(), host, SAME_TIME)
    assert token.conflicting_hosts == frozenset({host})
    change(token)
    assert token.conflicting_hosts == frozenset()
