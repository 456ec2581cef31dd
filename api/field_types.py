"""The kinds of text, time and number that a body may hold, each with its rule."""

import re
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StringConstraints,
)

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SLUG = re.compile(r"[a-z0-9-]{1,40}")
# Inside networks use .local, .internal and .test; whether an address can be reached is not ours to say.
SPECIAL_USE_DOMAIN_NAMES.clear()
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Body(BaseModel):
    """What a client sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self) -> dict[str, Any]:
        """The fields that were sent, for a PATCH."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def one_line(value: str) -> str:
    """A name has no line breaks or tabs."""
    if "\n" in value or "\t" in value:
        raise ValueError("Line breaks and tabs are not allowed.")
    return value


def rfc3339(value: object) -> object:
    """A time as text, with its offset (RFC 3339)."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("Send a time as RFC 3339 with an offset, for example 2026-12-01T09:00:00Z.")
    return value


def in_utc(value: datetime) -> datetime:
    """The same instant in UTC; the calendar ends with the year 9999."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range.") from None


def iso_day(value: object) -> object:
    """A day as YYYY-MM-DD."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise ValueError("Send a day as YYYY-MM-DD.")
    return value


def in_reach(value: date) -> date:
    """A day that a calendar can be asked for."""
    if not 2000 <= value.year <= 2999:
        raise ValueError("The day must lie between the years 2000 and 2999.")
    return value


@cache
def time_zones() -> frozenset[str]:
    """The names of the IANA time zone database that are a place's time, not a file's placeholder."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


def iana(value: str) -> str:
    """An IANA time zone name."""
    if value not in time_zones():
        raise ValueError("This is not an IANA time zone name, such as Europe/Berlin.")
    return value


def address(value: str) -> str:
    """An e-mail address (RFC 5321), its domain normalised; whether it can be reached is not asked."""
    try:
        found = validate_email(value, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise ValueError("This is not an e-mail address.") from None
    if "." not in found.domain or "=?" in found.local_part:  # which mail programs read as another address
        raise ValueError("This is not an e-mail address.")
    return found.normalized


def web_address(value: str) -> str:
    """An absolute http or https address."""
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("This is not an http or https address.")
    return value


def calendar_address(value: str) -> str:
    """An absolute http, https or webcal address; which of them may be asked is decided when it is."""
    if not re.fullmatch(r"(?i:https?|webcals?)://[^\s/]+(/\S*)?", value):
        raise ValueError("This is not an http, https or webcal address.")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)]
Text = Annotated[str, StringConstraints(max_length=2000)]
Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG.pattern}$", max_length=40)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(address)]
TimeZone = Annotated[str, StringConstraints(max_length=100), AfterValidator(iana)]
WebAddress = Annotated[str, StringConstraints(max_length=2000), AfterValidator(web_address)]
Instant = Annotated[AwareDatetime, BeforeValidator(rfc3339), AfterValidator(in_utc)]
Day = Annotated[date, BeforeValidator(iso_day), AfterValidator(in_reach)]
Minutes = Annotated[StrictInt, Field(ge=0, le=1440)]
Positive = Annotated[StrictInt, Field(ge=1, le=1440)]
