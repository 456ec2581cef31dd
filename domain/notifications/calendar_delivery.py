"""The events that record the outcome of writing a meeting to a host's own calendar, in the stream of its token."""

from typing import Literal

from domain.notifications.mail_delivery import NotificationEvent

CalendarFailureReason = Literal[
    "server_unreachable",
    "server_too_slow",
    "sign_in_refused",
    "no_such_calendar",
    "changed_meanwhile",
    "refused",
    "not_opened",
    "not_written",
]

# What happened


class CalendarWritten(NotificationEvent, name="CalendarWritten.v1"):
    """The meeting stands in a host's own calendar as it was then, or is no longer there."""

    attempt: int
    done: Literal["written", "removed"]


class CalendarFailed(NotificationEvent, name="CalendarFailed.v1"):
    """The meeting could not be written to, or removed from, a host's own calendar; tried again unless `last`."""

    attempt: int
    reason: CalendarFailureReason
    last: bool


class CalendarRequested(NotificationEvent, name="CalendarRequested.v1"):
    """Somebody asked for the meeting to be written to a host's own calendar again."""
