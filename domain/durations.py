"""Durations: minutes in the words that people use, and months by the calendar."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import datetime

MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = 24 * MINUTES_PER_HOUR


def describe_each(minutes: int | Sequence[int]) -> str:
    """Describes a number of minutes, or several: `1 day, 1 h`; `none` without any."""
    return (
        describe_minutes(minutes) if isinstance(minutes, int) else ", ".join(map(describe_minutes, minutes)) or "none"
    )


def describe_minutes(minutes: int) -> str:
    """Describes a number of minutes: `45 min`, `1 h 30 min`, `2 days 4 h`."""
    days, rest = divmod(minutes, MINUTES_PER_DAY)
    hours, rest = divmod(rest, MINUTES_PER_HOUR)
    parts = (
        (days, "1 day" if days == 1 else f"{days} days"),
        (hours, f"{hours} h"),
        (rest, f"{rest} min"),
    )
    return " ".join(text for count, text in parts if count) or "0 min"


def subtract_months(instant: datetime, months: int) -> datetime:
    """Returns the instant so many months earlier, at the same time of day: on the month's last day where it is shorter.

    The details of meetings that ended at it or before are kept no longer.
    """
    year, month_index = divmod(instant.year * 12 + instant.month - 1 - months, 12)
    day = min(instant.day, monthrange(year, month_index + 1)[1])
    return instant.replace(year=year, month=month_index + 1, day=day)
