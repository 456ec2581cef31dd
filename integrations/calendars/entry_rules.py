"""What entries mean that do not keep to the rules: never less time than they may take, and no time of other days."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from integrations.calendars.errors import BrokenCalendar

# without these an entry takes as much time or more
DISPENSABLE_PROPERTIES = ("EXDATE", "SEQUENCE", "RECURRENCE-ID")
END_OF_DAY = time(23, 59, 59)


def apply_rules(calendar: Calendar, zone: ZoneInfo) -> None:
    """Rewrite the entries of a calendar. Raises BrokenCalendar for what cannot be understood."""
    entries = [entry for entry in calendar.walk("VEVENT") if isinstance(entry, Event)]
    for entry in entries:
        drop_errors(entry)
        drop_wrong_end(entry, zone)
        widen_until(entry, zone)
    calendar.subcomponents = [
        component for component in calendar.subcomponents if not isinstance(component, Event)
    ] + list(separate_series(entries))


def drop_errors(entry: Event) -> None:
    """Drop broken properties that an entry takes more time without. Raises BrokenCalendar for any other."""
    for name, _ in entry.errors:
        if name not in DISPENSABLE_PROPERTIES:
            raise BrokenCalendar(f"{str(name or 'A line')[:40]}: its value cannot be understood.")
        entry.pop(name, None)


def drop_wrong_end(entry: Any, zone: ZoneInfo) -> None:
    """Drop an end that is not after the start: a day then is that day (RFC 5545, 3.6.1), a time takes no time."""
    start, end, duration = (entry.get(name) for name in ("DTSTART", "DTEND", "DURATION"))
    if end is not None and to_instant(end.dt, zone) <= to_instant(start.dt, zone):
        entry.pop("DTEND")
    if duration is not None and duration.dt <= timedelta():
        entry.pop("DURATION")


def widen_until(entry: Any, zone: ZoneInfo) -> None:
    """Give the end of a series the kind of value that its start has: to the end of that day, never shorter."""
    rule = entry.get("RRULE")
    if not isinstance(rule, dict) or not rule.get("UNTIL"):
        return
    start, until = entry["DTSTART"].dt, rule["UNTIL"][0]
    rule["UNTIL"] = [convert_until(until, start, zone)]


def convert_until(until: datetime | date, start: datetime | date, zone: ZoneInfo) -> datetime | date:
    """Convert the end of a series to a day, a floating time, or UTC, as its start asks (RFC 5545, 3.3.10)."""
    if not isinstance(start, datetime):
        if not isinstance(until, datetime):
            return until
        return max(until.date(), until.astimezone(zone).date()) if until.tzinfo else until.date()
    if not isinstance(until, datetime):
        until = datetime.combine(until, END_OF_DAY)
    if start.tzinfo is None:
        return until.astimezone(zone).replace(tzinfo=None) if until.tzinfo else until
    return (until if until.tzinfo else until.replace(tzinfo=start.tzinfo)).astimezone(UTC)


def separate_series(entries: list[Event]) -> Iterator[Event]:
    """Give entries of one UID at different times UIDs of their own: all take time.

    Of several at one time that with the highest SEQUENCE counts. What replaces one time of a series stays with the
    first entry that repeats.
    """
    by_uid: dict[str, dict[str, Any]] = {}
    entry: Any
    for entry in entries:
        if "RECURRENCE-ID" in entry:
            yield entry
            continue
        by_start = by_uid.setdefault(str(entry["UID"]), {})
        start = repr(entry["DTSTART"].dt)
        if start not in by_start or get_sequence(entry) >= get_sequence(by_start[start]):
            by_start[start] = entry
    for uid, by_start in by_uid.items():
        series = sorted(by_start.values(), key=lambda entry: "RRULE" not in entry and "RDATE" not in entry)
        for number, entry in enumerate(series):
            if number:
                entry["UID"] = f"{uid}//{number}"
            yield entry


def get_sequence(entry: Any) -> int:
    """Get how often an entry was changed."""
    return int(entry.get("SEQUENCE", 0))


def to_instant(value: datetime | date, zone: ZoneInfo) -> datetime:
    """Convert a date or time to one that compares; a date and a floating time are in the person's time zone."""
    value = value if isinstance(value, datetime) else datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=zone)
