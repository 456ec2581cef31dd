"""Query of a guest's page: month, day, time and zone. Values that cannot be read are ignored and reported."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from api.field_types import Day, Instant, list_time_zones
from domain.availability.hours import load_zone
from integrations.time_zone_names import TimeZoneName, find_time_zones, name_time_zone

T = TypeVar("T")

DAY_ADAPTER: TypeAdapter[date] = TypeAdapter(Day)
INSTANT_ADAPTER: TypeAdapter[datetime] = TypeAdapter(Instant)
MAX_ZONE_MATCHES, MAX_ZONE_LENGTH = 20, 100
UNKNOWN_ZONE = "We do not know this time zone, so times are shown in {zone}. Look for a city or a country."
SEVERAL_ZONES = "Several time zones are called that. Choose one below; until then, times are shown in {zone}."
PROBLEMS = {
    "month": "This is not a month. Here are the next free times.",
    "day": "This is not a day. Here are the next free times.",
    "start": "This is not a time. Here are the next free times.",
}


@dataclass(frozen=True, slots=True)
class TimeQuery:
    """The requested month, day and time, all optional, in a zone; `problem` says what could not be read.

    `has_zone` tells whether the zone was requested or is the default; `zone_matches` are those that could be meant.
    Where no day is requested, the page begins at a free day `near` one.
    """

    time_zone: str
    has_zone: bool = False
    month: date | None = None
    day: date | None = None
    start: datetime | None = None
    problem: str | None = None
    zone_matches: Sequence[TimeZoneName] = ()
    near: date | None = None

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

    requested_zone, zone_matches = find_requested_zone(parameters.get("time_zone", ""))
    zone_name = requested_zone or default_zone
    if parameters.get("time_zone") and not requested_zone:
        problems.append((SEVERAL_ZONES if zone_matches else UNKNOWN_ZONE).format(zone=name_time_zone(zone_name)))
    start = read_parameter("start", INSTANT_ADAPTER.validate_python)
    day = start.astimezone(load_zone(zone_name)).date() if start else read_parameter("day", DAY_ADAPTER.validate_python)
    month = day or read_parameter("month", lambda text: DAY_ADAPTER.validate_python(f"{text}-01"))
    first_day = month.replace(day=1) if month else None
    problem = problems[0] if problems else None
    return TimeQuery(zone_name, requested_zone is not None, first_day, day, start, problem, zone_matches)


def find_requested_zone(text: str) -> tuple[str | None, Sequence[TimeZoneName]]:
    """Return the zone that a text names, or None and the zones that it could mean; a city or country is enough."""
    text = text.strip()
    if text.replace(" ", "_") in list_time_zones():
        return text.replace(" ", "_"), ()
    matches = tuple(find_time_zones(text)[:MAX_ZONE_MATCHES]) if 0 < len(text) <= MAX_ZONE_LENGTH else ()
    return (matches[0].id, ()) if len(matches) == 1 else (None, matches)


def parse_query_of_meeting(zone: str, start: datetime, parameters: Mapping[str, str]) -> TimeQuery:
    """Parse the query of a page that moves a meeting: in its guest's zone and from its day on, unless it says more."""
    query = parse_time_query({**parameters, "time_zone": parameters.get("time_zone") or zone}, zone)
    return query if query.month else replace(query, near=start.astimezone(query.zone).date())


def build_query(**parameters: Any) -> dict[str, str]:
    """Return the parameters of a query as text, without those that are None."""
    values = {name: value for name, value in parameters.items() if value is not None}
    return {
        name: format_rfc3339(value) if isinstance(value, datetime) else str(value) for name, value in values.items()
    }


def format_rfc3339(instant: datetime) -> str:
    """Return a UTC instant as the API writes it: RFC 3339 with `Z`."""
    return instant.isoformat().replace("+00:00", "Z")
