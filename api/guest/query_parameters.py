"""What the address of a guest's page asks for: month, day, time and zone; whatever cannot be read is left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from api.field_types import Day, Instant, TimeZone
from domain.availability.hours import zone_of

T = TypeVar("T")

DAY: TypeAdapter[date] = TypeAdapter(Day)
INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
ZONE: TypeAdapter[str] = TypeAdapter(TimeZone)
PROBLEMS = {
    "time_zone": "We do not know this time zone. Choose one from the list, such as Europe/Berlin.",
    "month": "This is not a month. Here are the next free times.",
    "day": "This is not a day. Here are the next free times.",
    "start": "This is not a time. Here are the next free times.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A month, a day and a time of it, all of them optional, read in a zone; and what of it could not be read.

    `named` says that the zone was asked for, and is not the one that holds by default.
    """

    time_zone: str
    named: bool = False
    month: date | None = None
    day: date | None = None
    start: datetime | None = None
    problem: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone itself."""
        return zone_of(self.time_zone)


def asked_by(query: Mapping[str, str], by_default: str) -> Asked:
    """What a page's address asks for, in the zone it names, or else in the one given."""
    problems: list[str] = []

    def read(name: str, parse: Callable[[str], T]) -> T | None:
        if not query.get(name):
            return None
        try:
            return parse(query[name])
        except (ValidationError, ValueError):
            problems.append(PROBLEMS[name])
            return None

    named = read("time_zone", lambda text: ZONE.validate_python(text.strip().replace(" ", "_")))
    zone = named or by_default
    start = read("start", INSTANT.validate_python)
    day = start.astimezone(zone_of(zone)).date() if start else read("day", DAY.validate_python)
    month = day or read("month", lambda text: DAY.validate_python(f"{text}-01"))
    first = month.replace(day=1) if month else None
    return Asked(zone, named is not None, first, day, start, problems[0] if problems else None)


def asked_in(zone: str, query: Mapping[str, str]) -> Asked:
    """What a page's address asks for, in the zone that a guest has named before."""
    return asked_by({**query, "time_zone": query.get("time_zone") or zone}, zone)


def query_of(**wanted: Any) -> dict[str, str]:
    """What is wanted of a page, as its address says it."""
    said = {name: value for name, value in wanted.items() if value is not None}
    return {name: rfc3339(value) if isinstance(value, datetime) else str(value) for name, value in said.items()}


def rfc3339(instant: datetime) -> str:
    """An instant in UTC, as the API writes it."""
    return instant.isoformat().replace("+00:00", "Z")
