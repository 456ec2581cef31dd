"""Times as people read them: in the zone of who looks, absolute with the weekday, or relative to now."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

STEPS = (
    (timedelta(days=365), timedelta(days=365), "year"),
    (timedelta(days=60), timedelta(days=30), "month"),
    (timedelta(days=1), timedelta(days=1), "day"),
    (timedelta(hours=1), timedelta(hours=1), "hour"),
    (timedelta(minutes=1), timedelta(minutes=1), "minute"),
)


def in_words(at: datetime, zone: str) -> str:
    """`Wed 25 Nov 2026, 14:05` in a zone."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{day_in_words(there.date())}, {there:%H:%M}"


def day_in_words(day: date) -> str:
    """`Wed 25 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def from_now(at: datetime, now: datetime) -> str:
    """`in 3 days`, `2 hours ago`, `just now`: rounded down to the largest unit that fits."""
    distance = abs(at - now)
    for least, unit, name in STEPS:
        if distance >= least:
            count = distance // unit
            words = f"{count} {name}{'' if count == 1 else 's'}"
            return f"in {words}" if at > now else f"{words} ago"
    return "in a moment" if at > now else "just now"


def time_tag(at: datetime, zone: str, now: datetime | None = None, day_only: bool = False) -> Markup:
    """A `<time>`: relative where `now` is given, then the absolute one is its title; the zone is named in the title."""
    whole = in_words(at, zone)
    shown = from_now(at, now) if now else day_in_words(at.astimezone(ZoneInfo(zone)).date()) if day_only else whole
    machine = at.isoformat().replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{} ({})">{}</time>').format(machine, whole, zone, shown)
