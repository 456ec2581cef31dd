"""How a guest reads dates and times: twelve or twenty-four hours, and in which order, by the languages asked for."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

TWELVE_HOURS = {"US", "CA", "AU", "NZ", "IN", "PH", "PK", "BD", "EG", "SA", "CO", "MX", "MY", "KE", "NG", "IE", "ZA"}
MONTH_FIRST = {"US", "PH", "CA"}
SUNDAY_FIRST = {"US", "CA", "IN", "PH", "MX", "JP", "KR", "BR", "IL", "ZA", "CO", "PK", "BD", "TW", "HK"}
LIKELY = {"en": "US", "hi": "IN", "ja": "JP", "ko": "KR", "he": "IL"}


@dataclass(frozen=True, slots=True)
class ClockFace:
    """What a guest is used to."""

    twelve_hours: bool = False
    month_first: bool = False
    sunday_first: bool = False

    def time(self, instant: datetime, zone: ZoneInfo) -> str:
        """A time of day: `2:30 pm` or `14:30`."""
        local = instant.astimezone(zone)
        if not self.twelve_hours:
            return f"{local:%H:%M}"
        return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"

    def day(self, day: date) -> str:
        """A day in full: `Thursday, November 26, 2026` or `Thursday, 26 November 2026`."""
        order = f"{day:%B} {day.day}, {day.year}" if self.month_first else f"{day.day} {day:%B} {day.year}"
        return f"{day:%A}, {order}"

    def short_day(self, day: date) -> str:
        """A day without its year: `Thu, November 26` or `Thu, 26 November`."""
        return f"{day:%a}, {f'{day:%B} {day.day}' if self.month_first else f'{day.day} {day:%B}'}"

    def span(self, start: datetime, end: datetime, zone: ZoneInfo) -> str:
        """From when to when, with the day again where the end has another one."""
        first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        until = self.time(end, zone)
        return f"{self.time(start, zone)} – {until if first == last else f'{until}, {self.day(last)}'}"


def face_for(accept_language: str | None) -> ClockFace:
    """The clock of the language that a browser asks for first."""
    found = re.match(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}))?", accept_language or "")
    if found is None:
        return ClockFace()
    language, region = found.group(1).lower(), (found.group(2) or "").upper()
    region = region or LIKELY.get(language, "")
    return ClockFace(
        twelve_hours=region in TWELVE_HOURS and language in ("en", "hi", "ar", "ur", "bn", "es", "fil"),
        month_first=region in MONTH_FIRST and language == "en",
        sunday_first=region in SUNDAY_FIRST,
    )


def offset(instant: datetime, zone: ZoneInfo) -> str:
    """How far a zone is from UTC at an instant: `GMT+5:30`."""
    found = instant.astimezone(zone).utcoffset()
    minutes = int(found.total_seconds() // 60) if found is not None else 0
    if minutes == 0:
        return "GMT"
    hours, rest = divmod(abs(minutes), 60)
    return f"GMT{'+' if minutes > 0 else '-'}{hours}{f':{rest:02}' if rest else ''}"


def zone_label(name: str) -> str:
    """A zone's name to be read: `America/New York`."""
    return name.replace("_", " ")
