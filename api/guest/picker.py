"""The time picker: the data of a month's page and its script."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain, islice

from api.guest.months import MAX_WINDOW, FindRuns, Month, build_month, describe_clock_change, find_first_free_time
from api.guest.query_parameters import TimeQuery, build_query, format_rfc3339
from api.pages.rendering.urls import build_url
from domain.availability.grid import StartRun
from domain.availability.hours import DAY, Interval
from domain.offer import Offer
from integrations.date_formats import DateFormat
from integrations.time_zone_names import format_zone

MAX_NEXT_TIMES = 8
TIME_GONE_MESSAGE = "This time is no longer on offer. Please choose another one."


@dataclass(frozen=True, slots=True)
class TimeChoice:
    """A free time offered instead of one that is taken, formatted."""

    start: str
    day: str
    span: str


@dataclass(frozen=True)
class Picker:
    """A month of free times in a guest's zone, and the URLs to choose them."""

    path: str
    slots_path: str
    query: TimeQuery
    date_format: DateFormat
    month: Month
    now: datetime
    until: datetime
    duration: timedelta
    find_runs: FindRuns
    current: datetime | None = None
    prefill: Mapping[str, str] = field(default_factory=dict)

    @property
    def start(self) -> datetime | None:
        """The requested time, if it is free."""
        return self.query.start if self.query.start and self.month.is_free(self.query.start) else None

    @property
    def problem(self) -> str | None:
        """What is wrong with the query, in a sentence, or None."""
        return self.query.problem or (TIME_GONE_MESSAGE if self.query.start and not self.start else None)

    def build_url(self, **parameters: date | datetime | str | None) -> str:
        """Return the URL of this page with something chosen, in the zone of this page."""
        return build_url(self.path, {**self.prefill, "time_zone": self.query.time_zone, **build_query(**parameters)})

    def build_zone_url(self, zone: str) -> str:
        """Return the URL of this page in another zone."""
        return build_url(self.path, {**self.prefill, "time_zone": zone, **build_query(day=self.month.chosen)})

    def format_span(self, start: datetime) -> str:
        """Return the begin and end of a meeting that starts at this time."""
        return self.date_format.format_span(start, start + self.duration, self.query.zone)

    def format_day(self, start: datetime | date) -> str:
        """Return a day in full."""
        return self.date_format.format_day(self.to_local_day(start) if isinstance(start, datetime) else start)

    def to_local_day(self, start: datetime) -> date:
        """Return the day of a time in the guest's zone."""
        return start.astimezone(self.query.zone).date()

    def format_time(self, start: datetime) -> str:
        """Return a time of day."""
        return self.date_format.format_time(start, self.query.zone)

    def format_rfc3339(self, start: datetime) -> str:
        """Return a time as the API writes it."""
        return format_rfc3339(start)

    def list_next_times(self, start: datetime) -> list[TimeChoice]:
        """Return the next free times from one that is taken, or else the first ones of all."""
        begin = max(start, self.now)
        first_start = find_first_free_time(self.find_runs, begin, self.until) or find_first_free_time(
            self.find_runs, self.now, self.until
        )
        runs = self.find_runs(Interval(first_start, first_start + MAX_WINDOW)) if first_start else []
        starts = islice(chain.from_iterable(run.list_starts() for run in runs), MAX_NEXT_TIMES)
        return [TimeChoice(format_rfc3339(start), self.format_day(start), self.format_span(start)) for start in starts]

    @property
    def change(self) -> str | None:
        """A sentence if the clock changes on the chosen day, else None."""
        return describe_clock_change(self.month.chosen, self.query.zone) if self.month.chosen else None

    @property
    def zone_now(self) -> str:
        """The zone's name with its offset from UTC at the chosen time."""
        instant = self.start or (self.month.times[0].start if self.month.times else self.now)
        return format_zone(self.query.time_zone, instant)

    @property
    def weekdays(self) -> list[str]:
        """The column headings of the month."""
        first_weekday = date(2024, 1, 1) - DAY * self.date_format.sunday_first
        return [f"{first_weekday + DAY * index:%A}" for index in range(7)]

    @property
    def script_data(self) -> str:
        """The initial data of the page's script, as JSON."""
        data = {
            "sunday": self.date_format.sunday_first,
            "zone": self.query.time_zone,
            "named": self.query.has_zone,
            "month": f"{self.month.first:%Y-%m}",
            "runs": self.month.minutes,
            "now": int(self.now.timestamp()) // 60,
            "until": int(self.until.timestamp()) // 60,
            "minutes": int(self.duration.total_seconds()) // 60,
            "current": int(self.current.timestamp()) // 60 if self.current else None,
            "slots": self.slots_path,
        }
        return json.dumps(data, separators=(",", ":"))


def build_picker(
    path: str,
    slots_path: str,
    offer: Offer,
    find_runs: FindRuns,
    query: TimeQuery,
    date_format: DateFormat,
    now: datetime,
    current: datetime | None = None,
    prefill: Mapping[str, str] | None = None,
) -> Picker:
    """Build the picker of the requested month; `current`, the time that the meeting has, is not offered.

    The URLs of `prefill` fill it into the form.
    """

    def find_other_runs(interval: Interval) -> Sequence[StartRun]:
        runs = find_runs(interval)
        return runs if current is None else [part for run in runs for part in run.exclude_start(current)]

    rules = offer.meeting_type.properties.rules
    until = now + rules.booking_window
    month = build_month(find_other_runs, query, now, until, date_format)
    return Picker(
        *(path, slots_path, query, date_format, month, now, until),
        *(rules.duration, find_other_runs, current, prefill or {}),
    )
