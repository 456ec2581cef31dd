"""Limits: how many meetings a day and a week may have."""

from pydantic import BaseModel, ConfigDict


class BookingLimits(BaseModel):
    """At most so many meetings in a day and in a week, which begins on Monday; None: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day: int | None = None
    per_week: int | None = None


NO_LIMITS = BookingLimits()
