"""Weekly hours and date overrides as fields of a form: pairs of times for each day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from api.field_types import WEEKDAYS
from api.http.form_body import SubmittedForm

DAY_NAMES = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
MIDNIGHT, END_OF_DAY = "00:00", "24:00"  # a time field has no 24:00
SPARE_PAIRS = 1

TimePairs = list[tuple[str, str]]


@dataclass(frozen=True)
class HoursBar:
    """A range of hours to draw: its start and duration in minutes, counted from midnight."""

    start_minute: int
    duration_minutes: int


@dataclass(frozen=True)
class DayOfWeek:
    """A day of the week in the form: its pairs of times, including empty ones to fill in, and its hours as bars."""

    key: str
    name: str
    pairs: TimePairs
    bars: list[HoursBar]


def parse_hours(form: SubmittedForm) -> dict[str, Any]:
    """Return `weekly_hours` and `date_overrides` as the JSON API takes them."""
    weekly = {day: parse_day_pairs(form, f"{day}_from", f"{day}_to") for day in WEEKDAYS}
    dates: dict[str, TimePairs] = {}
    rows = zip(
        form.list_values("on_date"), form.list_values("on_date_from"), form.list_values("on_date_to"), strict=False
    )
    for day, begin, end in rows:
        if day or begin or end:  # without its date, the validation refuses it
            dates.setdefault(day, []).extend(parse_pair(begin, end))
    return {"weekly_hours": {day: day_pairs for day, day_pairs in weekly.items() if day_pairs}, "date_overrides": dates}


def parse_day_pairs(form: SubmittedForm, begin_field: str, end_field: str) -> TimePairs:
    """Return the pairs of times of one day, without empty ones."""
    rows = zip(form.list_values(begin_field), form.list_values(end_field), strict=False)
    return [pair for begin, end in rows for pair in parse_pair(begin, end)]


def parse_pair(begin: str, end: str) -> TimePairs:
    """Return a list with the pair, empty if both times are empty. An end of 00:00 means 24:00."""
    return [(begin, END_OF_DAY if end == MIDNIGHT else end)] if begin or end else []


def build_week(hours: Mapping[str, Sequence[Sequence[str]]]) -> list[DayOfWeek]:
    """Build the days of the week for the form."""
    return [build_day(key, name, hours.get(key, ())) for key, name in DAY_NAMES.items()]


def build_day(key: str, name: str, hours: Sequence[Sequence[str]]) -> DayOfWeek:
    """Build one day, with an empty pair to fill in."""
    pairs = [(begin, MIDNIGHT if end == END_OF_DAY else end) for begin, end in hours]
    bars = [HoursBar(to_minutes(begin), to_minutes(end) - to_minutes(begin)) for begin, end in hours if begin and end]
    return DayOfWeek(key, name, pairs + [("", "")] * SPARE_PAIRS, [bar for bar in bars if bar.duration_minutes > 0])


def build_date_rows(
    hours: Mapping[str, Sequence[Sequence[str]]], today: date, saved_dates: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """Return (date, begin, end) of each pair, and an empty row. A date without hours is a day off.

    Saved dates before today are left out; what is typed stays, whatever it is.
    """
    days = [day for day in sorted(hours) if day >= today.isoformat() or day not in saved_dates]
    return [*(row for day in days for row in build_rows_of_date(day, hours[day])), ("", "", "")]


def build_rows_of_date(day: str, hours: Sequence[Sequence[str]]) -> list[tuple[str, str, str]]:
    """Return the rows of one date."""
    return [(day, begin, MIDNIGHT if end == END_OF_DAY else end) for begin, end in hours] or [(day, "", "")]


def merge_past_dates(saved_dates: Mapping[str, Any], submitted_dates: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return the submitted dates and the saved ones before today, which the form does not show."""
    return {day: pairs for day, pairs in saved_dates.items() if day < today.isoformat()} | dict(submitted_dates)


def to_minutes(time: str) -> int:
    """Return the minutes since midnight of a time `HH:MM`; 0 if it is not a time."""
    hour, _, minute = time.partition(":")
    return int(hour) * 60 + int(minute) if hour.isdecimal() and minute.isdecimal() else 0
