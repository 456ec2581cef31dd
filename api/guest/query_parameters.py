"""Query of a guest's page: month, day, time and zone. Values that cannot be read are ignored and reported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from api.field_types import Day, Instant, TimeZone
from domain.availability.hours import load_zone

T = TypeVar("T")

DAY_ADAPTER: TypeAdapter[date] = TypeAdapter(Day)
INSTANT_ADAPTER: TypeAdapter[datetime] = TypeAdapter(Instant)
ZONE_ADAPTER: TypeAdapter[str] = TypeAdapter(TimeZone)
PROBLEMS = {
    "time_zone": "We do not know this time zone. Choose one from the list, such as Europe/Berlin.",
    "month": "This is not a month. Here are the next free times.",
    "day": "This is not a day. Here are the next free times.",
    "start": "This is not a time. Here are the next free times.",
}


@dataclass(frozen=True, slots=True)
class TimeQuery:
    """The requested month, day and time, all optional, in a zone; `problem` says what could not be read.

    `has_zone` tells whether the zone was requested or is the default.
    """

    time_zone: str
    has_zone: bool = False
    month: date | None = None
    day: date | None = None
    start: datetime | None = None
    problem: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone as a ZoneInfo."""
        return load_zone(self.time_zone)


def parse_time_query(parameters: Mapping[str, str], default_zone: str) -> TimeQuery:
    """Parse the query of a page; times are in the zone that it names, or else in the default zone."""
    problems: list[str] = []

    def read_parameter(name: str, parse: Callable[[str], T]) -> T | None:
        if not parameters.get(name):
            return None
        try:
            return parse(parameters[name])
        except (ValidationError, ValueError):
            problems.append(PROBLEMS[name])
            return None

    requested_zone = read_parameter(
        "time_zone", lambda text: ZONE_ADAPTER.validate_python(text.strip().replace(" ", "_"))
    )
    zone_name = requested_zone or default_zone
    start = read_parameter("start", INSTANT_ADAPTER.validate_python)
    day = start.astimezone(load_zone(zone_name)).date() if start else read_parameter("day", DAY_ADAPTER.validate_python)
    month = day or read_parameter("month", lambda text: DAY_ADAPTER.validate_python(f"{text}-01"))
    first_day = month.replace(day=1) if month else None
    return TimeQuery(zone_name, requested_zone is not None, first_day, day, start, problems[0] if problems else None)


def parse_time_query_in(zone: str, parameters: Mapping[str, str]) -> TimeQuery:
    """Parse the query of a page, in a zone that the guest chose before unless it names another."""
    return parse_time_query({**parameters, "time_zone": parameters.get("time_zone") or zone}, zone)


def build_query(**parameters: Any) -> dict[str, str]:
    """Return the parameters of a query as text, without those that are None."""
    values = {name: value for name, value in parameters.items() if value is not None}
    return {
        name: format_rfc3339(value) if isinstance(value, datetime) else str(value) for name, value in values.items()
    }


def format_rfc3339(instant: datetime) -> str:
    """Return a UTC instant as the API writes it: RFC 3339 with `Z`."""
    return instant.isoformat().replace("+00:00", "Z")
