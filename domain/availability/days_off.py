"""Days off: the public holidays that a person keeps, and their absences."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.availability.hours import DAY, Interval, LocalDay, load_zone

YEARS_KNOWN = 6  # this year and the next five: longer than anybody books ahead


class Holidays(BaseModel):
    """The public holidays of a country (ISO 3166-1) and region (ISO 3166-2), except days on which the person works.

    `days` are the dates with their names, as they were known when this was written: a later edition of the calendar
    changes no history. See ADR 28.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: str
    region: str | None = None
    except_days: tuple[str, ...] = ()
    days: tuple[tuple[str, str], ...] = Field(
        (), exclude_if=lambda days: not days
    )  # unknown in events from before them

    def list_kept_days(self) -> list[tuple[str, str]]:
        """Lists the days off with their names."""
        return [(day, name) for day, name in self.days if day not in self.except_days]


ListHolidays = Callable[[str, str | None, range], tuple[tuple[str, str], ...]]
"""Lists the holidays of a country and region in some years: dates with names. Raises Invalid for an unknown place."""


class Absence(BaseModel):
    """A time from the first to the last day on which a person is away, both included.

    Guests read the message, and are led to the link of a colleague.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_day: str
    last_day: str
    message: str | None = None
    instead_link_id: UUID | None = None

    def is_on(self, day: date) -> bool:
        """Whether the person is away on a date of their own zone."""
        return self.first_day <= day.isoformat() <= self.last_day

    def to_interval(self, time_zone: str) -> Interval:
        """Returns the instants of the absence."""
        return build_days_off(date.fromisoformat(self.first_day), date.fromisoformat(self.last_day), time_zone)


def build_days_off(first: date, last: date, time_zone: str) -> Interval:
    """Returns the instants of the dates first..last in a zone, both included."""
    zone = load_zone(time_zone)
    begin, end = (LocalDay.from_date(day, zone).to_instant(timedelta(0)) for day in (first, last + DAY))
    return Interval(begin, end)


def list_holiday_intervals(holidays: Holidays | None, time_zone: str) -> tuple[Interval, ...]:
    """Returns the instants of the holidays that a person keeps."""
    days: Iterable[tuple[str, str]] = holidays.list_kept_days() if holidays else ()
    return tuple(build_days_off(date.fromisoformat(day), date.fromisoformat(day), time_zone) for day, _ in days)
