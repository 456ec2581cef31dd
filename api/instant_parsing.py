"""Moments as they are spelled in a query or on the command line: an instant, a day, or a position of the log."""

import re
from datetime import UTC, date, datetime, time, timedelta

from pydantic import TypeAdapter, ValidationError

from api.field_types import DAY, Day, Instant
from domain.refusals import Invalid

POSITION = re.compile(r"[0-9]{1,18}")
INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
A_DAY: TypeAdapter[date] = TypeAdapter(Day)

NEITHER = "Send an instant (RFC 3339 with an offset, such as 2026-12-01T09:00:00Z) or a position of the log."


def instant_or_position(value: object) -> object:
    """`at` of an as-of question. Raises ValueError."""
    if isinstance(value, int | datetime):
        return value
    if isinstance(value, str) and POSITION.fullmatch(value):
        return int(value)
    try:
        return INSTANT.validate_python(value)
    except ValidationError:
        raise ValueError(NEITHER) from None


def beginning(value: object) -> object:
    """The instant itself, or the beginning of a day in UTC. Raises ValueError."""
    return instant_of(value, timedelta(0))


def end(value: object) -> object:
    """The instant itself, or the end of a day in UTC. Raises ValueError."""
    return instant_of(value, timedelta(days=1))


def instant_of(value: object, later: timedelta) -> datetime:
    """An instant, or a day's beginning and so much later. Raises ValueError."""
    try:
        if isinstance(value, str) and DAY.fullmatch(value):
            return datetime.combine(A_DAY.validate_python(value), time(), UTC) + later
        return INSTANT.validate_python(value)
    except ValidationError:
        raise ValueError("Send an instant (RFC 3339 with an offset) or a day as YYYY-MM-DD.") from None


def parsed_at(value: str) -> int | datetime:
    """`at` as the command line gives it. Raises Invalid."""
    try:
        found = instant_or_position(value)
    except ValueError as error:
        raise Invalid("at", str(error)) from None
    assert isinstance(found, int | datetime)
    return found
