"""Formats times for people: absolute with the weekday in their zone, or relative to now."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

UNITS = (
    (timedelta(days=365), timedelta(days=365), "year"),
    (timedelta(days=60), timedelta(days=30), "month"),
    (timedelta(days=1), timedelta(days=1), "day"),
    (timedelta(hours=1), timedelta(hours=1), "hour"),
    (timedelta(minutes=1), timedelta(minutes=1), "minute"),
)


def format_instant(instant: datetime, zone: str) -> str:
    """Return `Wed 25 Nov 2026, 14:05` in a zone."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{format_date(local.date())}, {local:%H:%M}"


def format_date(day: date) -> str:
    """Return `Wed 25 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def format_relative_time(instant: datetime, now: datetime) -> str:
    """Return `in 3 days`, `2 hours ago` or `just now`, rounded down to the largest unit that fits."""
    distance = abs(instant - now)
    for minimum, unit, name in UNITS:
        if distance >= minimum:
            count = distance // unit
            quantity = f"{count} {name}{'' if count == 1 else 's'}"
            return f"in {quantity}" if instant > now else f"{quantity} ago"
    return "in a moment" if instant > now else "just now"


def render_time_tag(instant: datetime, zone: str, now: datetime | None = None, day_only: bool = False) -> Markup:
    """Render a `<time>`: relative if `now` is given, else absolute. The title has the absolute time and the zone."""
    absolute = format_instant(instant, zone)
    text = (
        format_relative_time(instant, now)
        if now
        else format_date(instant.astimezone(ZoneInfo(zone)).date())
        if day_only
        else absolute
    )
    iso_text = instant.isoformat().replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{} ({})">{}</time>').format(iso_text, absolute, zone, text)
