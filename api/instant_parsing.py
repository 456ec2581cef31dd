"""Parses instants, days and positions of the log, from a query or the command line."""

import re
from datetime import UTC, date, datetime, time, timedelta

from pydantic import TypeAdapter, ValidationError

from api.field_types import DAY, Day, Instant
from domain.refusals import Invalid

POSITION = re.compile(r"[0-9]{1,18}")
INSTANT_ADAPTER: TypeAdapter[datetime] = TypeAdapter(Instant)
DAY_ADAPTER: TypeAdapter[date] = TypeAdapter(Day)

INSTANT_OR_POSITION_RULE = (
    "Send an instant (RFC 3339 with an offset, such as 2026-12-01T09:00:00Z) or a position of the log."
)


def parse_instant_or_position(value: object) -> object:
    """Parse `at`: an instant or a position. Raises ValueError."""
    if isinstance(value, int | datetime):
        return value
    if isinstance(value, str) and POSITION.fullmatch(value):
        return int(value)
    try:
        return INSTANT_ADAPTER.validate_python(value)
    except ValidationError:
        raise ValueError(INSTANT_OR_POSITION_RULE) from None


def parse_range_start(value: object) -> object:
    """Parse an instant, or a day as its start in UTC. Raises ValueError."""
    return parse_instant_or_day(value, timedelta(0))


def parse_range_end(value: object) -> object:
    """Parse an instant, or a day as its end in UTC. Raises ValueError."""
    return parse_instant_or_day(value, timedelta(days=1))


def parse_instant_or_day(value: object, later: timedelta) -> datetime:
    """Parse an instant, or a day's start plus `later`. Raises ValueError."""
    try:
        if isinstance(value, str) and DAY.fullmatch(value):
            return datetime.combine(DAY_ADAPTER.validate_python(value), time(), UTC) + later
        return INSTANT_ADAPTER.validate_python(value)
    except ValidationError:
        raise ValueError("Send an instant (RFC 3339 with an offset) or a day as YYYY-MM-DD.") from None


def parse_as_of(value: str) -> int | datetime:
    """Parse `at` of the command line. Raises Invalid."""
    try:
        at = parse_instant_or_position(value)
    except ValueError as error:
        raise Invalid("at", str(error)) from None
    assert isinstance(at, int | datetime)
    return at
