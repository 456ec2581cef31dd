"""Choosing a time: what the page of a month and its script are made of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from api.field_types import time_zones
from api.guest.months import LONGEST, Find, Month, clock_change, first_free, month_of
from api.guest.query_parameters import Asked, query_of, rfc3339
from api.pages.rendering.urls import with_query
from domain.availability.hours import DAY, Interval
from domain.availability.offer import Offer
from integrations.date_formats import ClockFace, offset, zone_label

NEXT_TIMES = 8
PLACES = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)
GONE = "This time is no longer on offer. Please choose another one."


@dataclass(frozen=True, slots=True)
class Choice:
    """A time that may be chosen instead of one that went."""

    start: str
    day: str
    span: str


@dataclass(frozen=True)
class Picker:
    """A month of free times in a guest's zone, and the way to each of them."""

    path: str
    slots_path: str
    asked: Asked
    face: ClockFace
    month: Month
    now: datetime
    until: datetime
    duration: timedelta
    find: Find
    current: datetime | None = None

    @property
    def start(self) -> datetime | None:
        """The time that was chosen, if it is on offer."""
        return self.asked.start if self.asked.start in self.month.starts else None

    @property
    def problem(self) -> str | None:
        """What is wrong with the address, in a sentence."""
        return self.asked.problem or (GONE if self.asked.start and not self.start else None)

    def to(self, **wanted: date | datetime | str | None) -> str:
        """The address of this page with something chosen, in the zone of this page."""
        return with_query(self.path, {"time_zone": self.asked.time_zone, **query_of(**wanted)})

    def span(self, start: datetime) -> str:
        """From when to when a meeting would be."""
        return self.face.span(start, start + self.duration, self.asked.zone)

    def day(self, start: datetime | date) -> str:
        """A day in full."""
        return self.face.day(self.local_day(start) if isinstance(start, datetime) else start)

    def local_day(self, start: datetime) -> date:
        """The day of a time."""
        return start.astimezone(self.asked.zone).date()

    def time(self, start: datetime) -> str:
        """A time of day."""
        return self.face.time(start, self.asked.zone)

    def rfc3339(self, start: datetime) -> str:
        """A time as the API writes it."""
        return rfc3339(start)

    def next_times(self, start: datetime) -> list[Choice]:
        """The next free times from one that went, or else the first ones of all."""
        begin = max(start, self.now)
        free = first_free(self.find, begin, self.until) or first_free(self.find, self.now, self.until)
        slots = self.find(Interval(free, free + LONGEST))[:NEXT_TIMES] if free else []
        return [Choice(rfc3339(slot.start), self.day(slot.start), self.span(slot.start)) for slot in slots]

    @property
    def change(self) -> str | None:
        """Whether the clock changes on the chosen day."""
        return clock_change(self.month.chosen, self.asked.zone) if self.month.chosen else None

    @property
    def zone_now(self) -> str:
        """The zone's name with its distance from UTC on the chosen day."""
        at = self.start or (self.month.times[0].start if self.month.times else self.now)
        return f"{zone_label(self.asked.time_zone)} ({offset(at, self.asked.zone)})"

    @property
    def zones(self) -> Sequence[str]:
        """The zones to choose from: those with a place's name."""
        return zone_names()

    @property
    def weekdays(self) -> list[str]:
        """The heads of the month's columns."""
        monday = date(2024, 1, 1) - DAY * self.face.sunday_first
        return [f"{monday + DAY * number:%A}" for number in range(7)]

    @property
    def for_script(self) -> str:
        """What the page's script begins with, as JSON."""
        known = {
            "sunday": self.face.sunday_first,
            "zone": self.asked.time_zone,
            "named": self.asked.named,
            "month": f"{self.month.first:%Y-%m}",
            "starts": self.month.minutes,
            "now": int(self.now.timestamp()) // 60,
            "until": int(self.until.timestamp()) // 60,
            "minutes": int(self.duration.total_seconds()) // 60,
            "current": int(self.current.timestamp()) // 60 if self.current else None,
            "slots": self.slots_path,
        }
        return json.dumps(known, separators=(",", ":"))


@cache
def zone_names() -> list[str]:
    """The names of zones that are places, and UTC."""
    return ["UTC", *sorted(name for name in time_zones() if name.startswith(PLACES))]


def picker_of(
    path: str,
    slots_path: str,
    offer: Offer,
    find: Find,
    asked: Asked,
    face: ClockFace,
    now: datetime,
    current: datetime | None = None,
) -> Picker:
    """The month that is asked for, of what an offer has free; never the time that a meeting has already."""

    def others(within: Interval) -> list[Interval]:
        return [slot for slot in find(within) if slot.start != current]

    rules = offer.meeting_type.properties.rules
    until = now + rules.booking_window
    month = month_of(others, asked, now, until, face)
    return Picker(path, slots_path, asked, face, month, now, until, rules.duration, others, current)
