"""What became of writing a meeting to its host's own calendar, in the stream of its token."""

from typing import Literal

from domain.notifications.mail_delivery import Told

Trouble = Literal[
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


class CalendarWritten(Told, name="CalendarWritten.v1"):
    """The meeting stands in a host's own calendar as it was then, or is no longer there."""

    attempt: int
    done: Literal["written", "removed"]


class CalendarFailed(Told, name="CalendarFailed.v1"):
    """The meeting could not be written to, or removed from, a host's own calendar; tried again unless `last`."""

    attempt: int
    reason: Trouble
    last: bool


class CalendarRequested(Told, name="CalendarRequested.v1"):
    """Somebody asked for the meeting to be written to a host's own calendar again."""
