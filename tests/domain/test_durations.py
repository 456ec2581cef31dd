"""Durations in words."""

import pytest

from domain.durations import describe_minutes


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0, "0 min"),
        (45, "45 min"),
        (60, "1 h"),
        (90, "1 h 30 min"),
        (1440, "1 day"),
        (2880, "2 days"),
        (3121, "2 days 4 h 1 min"),
        (525_600, "365 days"),
    ],
)
def test_minutes_are_said_in_hours_and_days(minutes: int, text: str) -> None:
    assert describe_minutes(minutes) == text
