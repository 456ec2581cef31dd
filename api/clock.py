"""The only module that reads the clock."""

from datetime import UTC, datetime


def read_clock() -> datetime:
    """Read the current instant, in UTC."""
    return datetime.now(UTC)
