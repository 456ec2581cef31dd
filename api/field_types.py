"""Field types of request bodies: texts, times and numbers with their rules."""

import re
import unicodedata
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, TypeVar
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

T = TypeVar("T")

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SLUG = re.compile(r"[a-z0-9-]{1,40}")
# Internal networks use .local, .internal and .test; reachability is not checked here.
SPECIAL_USE_DOMAIN_NAMES.clear()
INVISIBLE = re.compile("[\u00ad\u200b\u2060-\u2064\ufeff]")  # soft hyphens, zero-width spaces and the like
SPACES = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")  # the category Zs of Unicode
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that are drawn as nothing
PLAIN_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # from full-width forms to ASCII
# RFC 5646, 2.1: language, script, region and variants; extensions are for nobody's pages
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-([A-Za-z\d]{5,8}|\d[A-Za-z\d]{3}))*")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class RequestBody(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def get_sent_fields(self) -> dict[str, Any]:
        """Get the fields that the client sent, for a PATCH."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def normalize_text(value: object) -> object:
    """Normalize a text to NFC, so that what looks equal is equal and is counted alike; anything else stays as it is."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def normalize_name(value: object) -> object:
    """Normalize a text of one line: to NFC, any kinds of space to one, without what cannot be seen.

    The joiners inside emoji and of Persian and Indic scripts stay. A text in which nothing can be seen becomes empty.
    """
    if not isinstance(value, str):
        return value
    text = SPACES.sub(" ", unicodedata.normalize("NFC", INVISIBLE.sub("", value)))
    is_visible = any(unicodedata.category(character)[0] in "LNPS" and character not in BLANKS for character in text)
    return text if is_visible else ""


def refuse_equal_names(value: object) -> object:
    """Refuse names of one object that would be the same once they are normalized. Raises ValueError."""
    names: set[object] = set()
    for typed in value if isinstance(value, dict) else ():
        normalized = normalize_name(typed)
        name = normalized.strip() if isinstance(normalized, str) else normalized
        if name in names:
            raise ValueError(f"“{name}” stands more than once: names that look the same are the same.")
        names.add(name)
    return value


def require_unique(values: list[T]) -> list[T]:
    """Refuse repeated values. Raises ValueError."""
    if len(set(values)) < len(values):
        raise ValueError("Each one may stand only once.")
    return values


def refuse_line_breaks(value: str) -> str:
    """Refuse line breaks and tabs. Raises ValueError."""
    if "\n" in value or "\t" in value:
        raise ValueError("Line breaks and tabs are not allowed.")
    return value


def require_language_tag(value: str) -> str:
    """Require a well-formed language tag. Raises ValueError."""
    if not LANGUAGE_TAG.fullmatch(value):
        raise ValueError("Send a language tag (BCP 47), such as en or pt-BR.")
    return value


def require_rfc3339(value: object) -> object:
    """Require a time as RFC 3339 text with an offset. Raises ValueError."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("Send a time as RFC 3339 with an offset, for example 2026-12-01T09:00:00Z.")
    return value


def to_utc(value: datetime) -> datetime:
    """Convert an instant to UTC; refuse what leaves the supported years. Raises ValueError."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range.") from None


def require_iso_day(value: object) -> object:
    """Require a day as YYYY-MM-DD. Raises ValueError."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise ValueError("Send a day as YYYY-MM-DD.")
    return value


def require_supported_year(value: date) -> date:
    """Require a year from 2000 to 2999. Raises ValueError."""
    if not 2000 <= value.year <= 2999:
        raise ValueError("The day must lie between the years 2000 and 2999.")
    return value


@cache
def list_time_zones() -> frozenset[str]:
    """List the IANA time zone names, without placeholders."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


def require_time_zone(value: str) -> str:
    """Require an IANA time zone name. Raises ValueError."""
    if value not in list_time_zones():
        raise ValueError("This is not an IANA time zone name, such as Europe/Berlin.")
    return value


def normalize_email(value: str) -> str:
    """Normalize an e-mail address (RFC 5321, RFC 6531); whether it exists is not checked. Raises ValueError.

    A domain is in its own letters, however it was typed. Full-width letters become plain ones, and what cannot be seen
    is dropped: input methods and documents put them there.
    """
    visible = "".join(character for character in value if unicodedata.category(character) != "Cf")
    try:
        email = validate_email(
            visible.translate(PLAIN_WIDTH).strip(), check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError:
        raise ValueError("This is not an e-mail address.") from None
    if "." not in email.domain or "=?" in email.local_part:  # which mail programs read as another address
        raise ValueError("This is not an e-mail address.")
    return email.normalized


def require_web_url(value: str) -> str:
    """Require an absolute http or https URL. Raises ValueError."""
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("This is not an http or https address.")
    return value


def require_calendar_url(value: str) -> str:
    """Require an absolute http, https or webcal URL; its host is checked when it is fetched. Raises ValueError."""
    if not re.fullmatch(r"(?i:https?|webcals?)://[^\s/]+(/\S*)?", value):
        raise ValueError("This is not an http, https or webcal address.")
    return value


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    BeforeValidator(normalize_name),
    AfterValidator(refuse_line_breaks),
]
Text = Annotated[str, StringConstraints(max_length=2000), BeforeValidator(normalize_text)]
TextByName = Annotated[dict[Name, Text], BeforeValidator(refuse_equal_names)]
Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG.pattern}$", max_length=40)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(normalize_email)]
TimeZone = Annotated[str, StringConstraints(max_length=100), AfterValidator(require_time_zone)]
WebAddress = Annotated[str, StringConstraints(max_length=2000), AfterValidator(require_web_url)]
Instant = Annotated[AwareDatetime, BeforeValidator(require_rfc3339), AfterValidator(to_utc)]
Day = Annotated[date, BeforeValidator(require_iso_day), AfterValidator(require_supported_year)]
Minutes = Annotated[StrictInt, Field(ge=0, le=1440)]
Positive = Annotated[StrictInt, Field(ge=1, le=1440)]
Locale = Annotated[str, StringConstraints(max_length=35), AfterValidator(require_language_tag)]
