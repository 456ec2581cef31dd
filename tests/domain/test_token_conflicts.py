"""A token and a host's own calendar: which busy times are a conflict, and which are none."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from domain.availability.hours import Interval
from domain.token import CalendarConflictFound, Token
from tests.domain.example import (
    ANNA,
    JULIO,
    START,
    book_token,
    build_context,
    build_times,
    issue_token,
    list_event_types,
)

MINUTE = timedelta(minutes=1)
END = START + 30 * MINUTE
LATER = START + timedelta(hours=1)
SAME_TIME = [Interval(START, END)]


def cancel_token() -> Token:
    """A meeting that was cancelled."""
    token = book_token()
    token.cancel(build_context(), cancelled_by="host")
    token.collect_events()
    return token


def reschedule_token() -> Token:
    """A meeting that was moved an hour later."""
    token = book_token()
    token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))
    token.collect_events()
    return token


def reassign_token() -> Token:
    """A meeting that was given to Anna."""
    token = book_token()
    token.reassign(build_context(), host_ids=(ANNA,), host_versions=(1,))
    token.collect_events()
    return token


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (START, END, 1),
        (START - MINUTE, START + MINUTE, 1),
        (END - MINUTE, END + MINUTE, 1),
        (START - MINUTE, START, 0),
        (END, END + MINUTE, 0),
    ],
    ids=["the same", "into its beginning", "into its end", "until it begins", "from when it ends"],
)
def test_a_conflict_is_a_busy_time_that_overlaps(start: datetime, end: datetime, expected: int) -> None:
    token = book_token()
    token.record_conflict(build_context(), JULIO, [Interval(start, end)])
    assert list_event_types(token) == [CalendarConflictFound] * expected
    assert token.conflicting_hosts == (frozenset({JULIO}) if expected else frozenset())


@pytest.mark.parametrize("make", [issue_token, cancel_token, reschedule_token, reassign_token])
def test_no_conflict_where_the_host_has_no_meeting_at_that_time(make: Callable[[], Token]) -> None:
    token = make()
    token.record_conflict(build_context(), JULIO, SAME_TIME)
    assert list_event_types(token) == []
    assert token.conflicting_hosts == frozenset()


def test_no_conflict_with_a_meeting_that_is_over() -> None:
    token = book_token()
    token.record_conflict(build_context(END), JULIO, SAME_TIME)
    assert list_event_types(token) == []


def test_each_host_and_time_is_said_once() -> None:
    token = book_token()
    for _ in range(2):
        token.record_conflict(build_context(), JULIO, SAME_TIME)
    assert list_event_types(token) == [CalendarConflictFound]
    token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))
    token.collect_events()
    assert token.conflicting_hosts == frozenset()
    token.record_conflict(build_context(), JULIO, [Interval(LATER, LATER + MINUTE)])
    assert list_event_types(token) == [CalendarConflictFound]
    assert token.conflicting_hosts == frozenset({JULIO})


@pytest.mark.parametrize("end", ["reassign", "cancel"])
def test_a_conflict_ends_with_what_it_was_about(end: str) -> None:
    token = book_token()
    token.record_conflict(build_context(), JULIO, SAME_TIME)
    if end == "reassign":
        token.reassign(build_context(), host_ids=(ANNA,), host_versions=(1,))
    else:
        token.cancel(build_context(), cancelled_by="host")
    assert token.conflicting_hosts == frozenset()
