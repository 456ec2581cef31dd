"""When the reminders of a meeting and its follow-up are due, and how long each is of use."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

FOLLOW_UP_LIFE = timedelta(days=7)  # a follow-up that could not be sent for so long is not sent any more
NO_SHOW_PERIOD = timedelta(days=14)  # from a meeting's start: how long it can be marked as a no-show


class ScheduledMail(NamedTuple):
    """A mail that is due at an instant of its own, and of no use from `useful_until` on.

    `offset_minutes` is negative for a reminder, counted from the start; a follow-up counts from the end.
    """

    offset_minutes: int
    due_at: datetime
    useful_until: datetime


def schedule_reminders(
    minutes_before: Sequence[int], starts_at: datetime, known_at: datetime
) -> Iterator[ScheduledMail]:
    """Lists the reminders of a meeting whose time is known since an instant, earliest first.

    One that would have been due by then does not exist. Each is of use until the next is due, or the meeting starts.
    """
    for minutes, next_minutes in pairwise([*sorted(minutes_before, reverse=True), 0]):
        due_at = starts_at - timedelta(minutes=minutes)
        if due_at > known_at:
            yield ScheduledMail(-minutes, due_at, starts_at - timedelta(minutes=next_minutes))


def schedule_follow_up(minutes_after: int | None, ends_at: datetime) -> Iterator[ScheduledMail]:
    """Lists the follow-up of a meeting, if it has one."""
    if minutes_after is not None:
        due_at = ends_at + timedelta(minutes=minutes_after)
        yield ScheduledMail(minutes_after, due_at, due_at + FOLLOW_UP_LIFE)
