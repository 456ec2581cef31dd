"""Notifications make the follower quick, and a listener stops at once."""

import time
from threading import Event
from uuid import uuid4

import pytest

from domain.meeting_type import MeetingTypeCreated
from projections.following import follower as follower_module
from projections.following.append_notify import LISTEN_SECONDS, AppendListener, AppendNotifier
from projections.following.positions import read_positions
from store.database import Database
from tests.projections.read_model_driver import TIMEOUT_SECONDS, measure_seconds, run_follower, wait_until
from tests.projections.story import LogBuilder

SLOW_POLL_SECONDS = 3.0


def test_is_quick_when_notified(live_database: Database, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far sooner than a follower that only polled would have it, however slow the machine is."""
    for name in ("MIN_IDLE_SECONDS", "MAX_IDLE_SECONDS"):
        monkeypatch.setattr(follower_module, name, SLOW_POLL_SECONDS)
    notifier = AppendNotifier(live_database).start()
    with run_follower(live_database) as follower:
        wait_until(lambda: follower.is_leader)
        seconds = sorted(measure_seconds(lambda: append_and_wait(builder, notifier)) for _ in range(20))
    notifier.stop()
    assert seconds[len(seconds) // 2] < SLOW_POLL_SECONDS / 4


def append_and_wait(builder: LogBuilder, notifier: AppendNotifier) -> None:
    """Append an event, and wait until a reader of the live table can see it."""
    appended_position = builder.append_event(uuid4(), MeetingTypeCreated, name="Demo", duration_minutes=30)
    notifier.request_notify()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while read_positions(builder.database).position < appended_position:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_listener_stops_at_once(live_database: Database) -> None:
    assert min(measure_stop(live_database) for _ in range(4)) < LISTEN_SECONDS / 3


def measure_stop(database: Database) -> float:
    """Measure the seconds in which a listener stops that has just begun to wait."""
    listening = Event()
    listener = AppendListener(database, listening.set)
    listener.start()
    assert listening.wait(TIMEOUT_SECONDS)
    return measure_seconds(listener.stop)
