"""Date and time formats of a guest: 12 or 24 hours, and the order of day and month, by the browser's languages."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

TWELVE_HOUR_REGIONS = {
    "US",
    "CA",
    "AU",
    "NZ",
    "IN",
    "PH",
    "PK",
    "BD",
    "EG",
    "SA",
    "CO",
    "MX",
    "MY",
    "KE",
    "NG",
    "IE",
    "ZA",
}
MONTH_FIRST_REGIONS = {"US", "PH", "CA"}
SUNDAY_FIRST_REGIONS = {"US", "CA", "IN", "PH", "MX", "JP", "KR", "BR", "IL", "ZA", "CO", "PK", "BD", "TW", "HK"}
DEFAULT_REGIONS = {"en": "US", "hi": "IN", "ja": "JP", "ko": "KR", "he": "IL"}


@dataclass(frozen=True, slots=True)
class DateFormat:
    """How a guest reads dates and times."""

    twelve_hours: bool = False
    month_first: bool = False
    sunday_first: bool = False

    def format_time(self, instant: datetime, zone: ZoneInfo) -> str:
        """Return a time of day: `2:30 pm` or `14:30`."""
        local = instant.astimezone(zone)
        if not self.twelve_hours:
            return f"{local:%H:%M}"
        return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"

    def format_day(self, day: date) -> str:
        """Return a day in full: `Thursday, November 26, 2026` or `Thursday, 26 November 2026`."""
        date_text = f"{day:%B} {day.day}, {day.year}" if self.month_first else f"{day.day} {day:%B} {day.year}"
        return f"{day:%A}, {date_text}"

    def format_short_day(self, day: date) -> str:
        """Return a day without its year: `Thu, November 26` or `Thu, 26 November`."""
        return f"{day:%a}, {f'{day:%B} {day.day}' if self.month_first else f'{day.day} {day:%B}'}"

    def format_span(self, start: datetime, end: datetime, zone: ZoneInfo) -> str:
        """Return the begin and end of a meeting; the day of the end is added if it differs."""
        first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        until = self.format_time(end, zone)
        return f"{self.format_time(start, zone)} – {until if first == last else f'{until}, {self.format_day(last)}'}"


def choose_date_format(accept_language: str | None) -> DateFormat:
    """Choose the format of the first language of an Accept-Language header."""
    match = re.match(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}))?", accept_language or "")
    if match is None:
        return DateFormat()
    language, region = match.group(1).lower(), (match.group(2) or "").upper()
    region = region or DEFAULT_REGIONS.get(language, "")
    return DateFormat(
        twelve_hours=region in TWELVE_HOUR_REGIONS and language in ("en", "hi", "ar", "ur", "bn", "es", "fil"),
        month_first=region in MONTH_FIRST_REGIONS and language == "en",
        sunday_first=region in SUNDAY_FIRST_REGIONS,
    )


def format_offset(instant: datetime, zone: ZoneInfo) -> str:
    """Return a zone's offset from UTC at an instant: `GMT+5:30`."""
    utc_offset = instant.astimezone(zone).utcoffset()
    minutes = int(utc_offset.total_seconds() // 60) if utc_offset is not None else 0
    if minutes == 0:
        return "GMT"
    hours, remainder = divmod(abs(minutes), 60)
    return f"GMT{'+' if minutes > 0 else '-'}{hours}{f':{remainder:02}' if remainder else ''}"
