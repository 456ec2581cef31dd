"""Weekly hours and dates with hours of their own, as a form holds them: pairs of times, day by day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData

from api.field_types import WEEKDAYS

DAY_NAMES = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
MIDNIGHT, END_OF_DAY = "00:00", "24:00"  # a field for a time knows no 24:00
SPARE_PAIRS = 1

Pairs = list[tuple[str, str]]


async def sent(request: Request) -> FormData:
    """The fields of a form whose names are not known beforehand."""
    return await request.form()


Sent = Annotated[FormData, Depends(sent)]


@dataclass(frozen=True)
class Bar:
    """Hours of a day, in minutes from midnight, for drawing them."""

    begins: int
    lasts: int


@dataclass(frozen=True)
class DayOfWeek:
    """A day of the week in the form: its pairs of times, spare ones included, and its hours as bars."""

    key: str
    name: str
    pairs: Pairs
    bars: list[Bar]


def hours_from(form: FormData) -> dict[str, Any]:
    """`weekly_hours` and `date_overrides` as the JSON API takes them."""
    weekly = {day: pairs(form, f"{day}_from", f"{day}_to") for day in WEEKDAYS}
    dates: dict[str, Pairs] = {}
    rows = zip(texts(form, "on_date"), texts(form, "on_date_from"), texts(form, "on_date_to"), strict=False)
    for day, begin, end in rows:
        if day:
            dates.setdefault(day, []).extend(given(begin, end))
    return {"weekly_hours": {day: found for day, found in weekly.items() if found}, "date_overrides": dates}


def pairs(form: FormData, begins: str, ends: str) -> Pairs:
    """The pairs of times of one day; empty ones are none."""
    both = zip(texts(form, begins), texts(form, ends), strict=False)
    return [pair for begin, end in both for pair in given(begin, end)]


def given(begin: str, end: str) -> Pairs:
    """A pair, if anything of it is filled in; until midnight is until 24:00."""
    return [(begin, END_OF_DAY if end == MIDNIGHT else end)] if begin or end else []


def texts(form: FormData, name: str) -> list[str]:
    """The values of a field that may stand several times."""
    return [value for value in form.getlist(name) if isinstance(value, str)]


def week_of(hours: Mapping[str, Sequence[Sequence[str]]]) -> list[DayOfWeek]:
    """The days of the week for the form."""
    return [day_of_week(key, name, hours.get(key, ())) for key, name in DAY_NAMES.items()]


def day_of_week(key: str, name: str, hours: Sequence[Sequence[str]]) -> DayOfWeek:
    """One day, with a spare pair to fill in."""
    typed = [(begin, MIDNIGHT if end == END_OF_DAY else end) for begin, end in hours]
    drawn = [Bar(minutes(begin), minutes(end) - minutes(begin)) for begin, end in hours if begin and end]
    return DayOfWeek(key, name, typed + [("", "")] * SPARE_PAIRS, [bar for bar in drawn if bar.lasts > 0])


def dates_of(hours: Mapping[str, Sequence[Sequence[str]]], today: date) -> list[tuple[str, str, str]]:
    """Dates with hours of their own from today on, a row for each pair, and a spare row; no hours mean a day off."""
    rows = [row for day in sorted(hours) if day >= today.isoformat() for row in rows_of(day, hours[day])]
    return [*rows, ("", "", "")]


def rows_of(day: str, hours: Sequence[Sequence[str]]) -> list[tuple[str, str, str]]:
    """The rows of one date."""
    return [(day, begin, MIDNIGHT if end == END_OF_DAY else end) for begin, end in hours] or [(day, "", "")]


def past_kept(hours: Mapping[str, Any], typed: Mapping[str, Any], today: date) -> dict[str, Any]:
    """What was typed, and the dates before today, which the form does not show."""
    return {day: found for day, found in hours.items() if day < today.isoformat()} | dict(typed)


def minutes(time: str) -> int:
    """Minutes since midnight; 0 for what is no time."""
    hour, _, minute = time.partition(":")
    return int(hour) * 60 + int(minute) if hour.isdecimal() and minute.isdecimal() else 0
