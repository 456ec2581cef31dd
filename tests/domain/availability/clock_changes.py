"""Time zones and days near which their clocks change, and short ways to write instants."""

from datetime import UTC, date, datetime

from domain.availability.hours import Interval

CLOCK_CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Auckland", date(2026, 9, 27)),
    ("America/Havana", date(2026, 3, 8)),  # forward at midnight
    ("America/Havana", date(2026, 11, 1)),
    ("America/Sao_Paulo", date(2018, 2, 18)),  # back over midnight
    ("America/St_Johns", date(2010, 11, 7)),  # back over midnight, at 00:01
    ("Pacific/Apia", date(2011, 12, 30)),  # the day that Samoa left out
    ("Asia/Kathmandu", date(2026, 6, 1)),  # nothing
]


def parse_utc(text: str) -> datetime:
    """Parse a date or a local time as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def build_interval(start: str, end: str) -> Interval:
    """Build an interval between two times in UTC."""
    return Interval(parse_utc(start), parse_utc(end))
