"""Computes busy times from iCalendar files, in a process of its own with resource limits: see `sandbox`."""

import json
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar, Event, vPeriod

from integrations.calendars.entry_rules import apply_rules
from integrations.calendars.errors import BrokenCalendar, CalendarError, TooComplex
from integrations.calendars.ics_filter import FilteredCalendar, Span, filter_files
from integrations.calendars.participation import DECLINED

FREE_STATUSES = ("FREE", "WORKINGELSEWHERE")
OWN_UID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@oncelink")
MAX_TIMES = 50_000
SOON = timedelta(days=60)
DAY = timedelta(days=1)
FIRST, LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BusyTime:
    """A busy time in UTC; `meeting` is the booking's id when it is one of our own meetings."""

    start: datetime
    end: datetime
    meeting: str | None


def compute_busy_times(
    files: Sequence[bytes], zone: ZoneInfo, start: datetime, end: datetime, addresses: Collection[str] = ()
) -> list[BusyTime]:
    """Compute the busy times that these files hold from start to end (UTC), in order.

    `addresses` are those of the files' owner, in lower case. Raises CalendarError.
    """
    span = Span(f"{start - 2 * DAY:%Y%m%d}", f"{end + 2 * DAY:%Y%m%d}")
    filtered_calendar = filter_files(files, span, addresses)
    times = [*expand_entries(filtered_calendar, zone, start, end), *parse_periods(filtered_calendar.periods, zone)]
    return sorted(
        (
            BusyTime(max(busy_time.start, start), min(busy_time.end, end), busy_time.meeting)
            for busy_time in times
            if is_overlapping(busy_time, start, end)
        ),
        key=lambda busy_time: (busy_time.start, busy_time.end),
    )


def expand_entries(
    filtered_calendar: FilteredCalendar, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[BusyTime]:
    """Expand entries into busy times, recurring ones each time. Raises BrokenCalendar, TooComplex."""
    calendar = Calendar.from_ical(filtered_calendar.render_calendar())
    apply_rules(calendar, zone)
    occurrences = recurring_ical_events.of(calendar).between(
        start - 2 * DAY, end + 2 * DAY
    )  # a day begins at different instants in different zones
    if len(occurrences) > MAX_TIMES:
        raise TooComplex(f"There may be {MAX_TIMES:,} times at most.")
    for entry in occurrences:
        if is_blocking(entry):
            begin, until = to_utc(entry.start, zone), to_utc(entry.end, zone)
            own_uid = OWN_UID.fullmatch(str(entry.get("UID", "")).partition("/")[2])
            yield BusyTime(begin, until, own_uid.group(1) if own_uid else None)


def is_blocking(entry: Event) -> bool:
    """Whether an entry blocks its person's time."""
    return (
        get_property_text(entry, "STATUS") != "CANCELLED"
        and get_property_text(entry, "TRANSP") != "TRANSPARENT"
        and get_property_text(entry, DECLINED) != "TRUE"
        and get_property_text(entry, "X-MICROSOFT-CDO-BUSYSTATUS") not in FREE_STATUSES
    )


def get_property_text(entry: Event, name: str) -> str:
    """Get a property as upper-case text."""
    return str(entry.get(name, "")).strip().upper()


def parse_periods(periods: Sequence[str], zone: ZoneInfo) -> Iterator[BusyTime]:
    """Parse VFREEBUSY periods. Raises BrokenCalendar."""
    for text in periods:
        try:
            begin, until = vPeriod.from_ical(text.strip())  # type: ignore[no-untyped-call]
        except (ValueError, TypeError):
            raise BrokenCalendar("FREEBUSY: a period cannot be understood.") from None
        begin = to_utc(begin, zone)
        yield BusyTime(begin, begin + until if isinstance(until, timedelta) else to_utc(until, zone), None)


def to_utc(value: datetime | date, zone: ZoneInfo) -> datetime:
    """Convert a date or time to UTC; a date and a floating time are in the person's time zone."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not 2 <= value.year <= 9998:  # beyond these years a zone's offset would overflow
        return FIRST if value.year < 2 else LAST
    return (value.replace(tzinfo=zone) if value.tzinfo is None else value).astimezone(UTC)


def is_overlapping(busy_time: BusyTime, start: datetime, end: datetime) -> bool:
    """Whether a busy time has a length and overlaps a span."""
    return busy_time.start < busy_time.end and busy_time.start < end and busy_time.end > start


def merge_times(times: Sequence[BusyTime]) -> list[list[float]]:
    """Merge busy times that touch; returns `[start, end]` pairs in seconds since 1970."""
    merged_times: list[list[float]] = []
    for busy_time in times:
        start, end = busy_time.start.timestamp(), busy_time.end.timestamp()
        if merged_times and start <= merged_times[-1][1]:
            merged_times[-1][1] = max(merged_times[-1][1], end)
        else:
            merged_times.append([start, end])
    return merged_times


def compute_answer(
    files: Sequence[bytes], zone: str, start: float, end: float, addresses: Collection[str] = ()
) -> dict[str, Any]:
    """Compute the answer to `sandbox`: merged busy times, own meetings, the number of entries soon; or an error."""
    since, until = (datetime.fromtimestamp(instant, UTC) for instant in (start, end))
    try:
        times = compute_busy_times(files, ZoneInfo(zone), since, until, addresses)
    except CalendarError as calendar_error:
        return {"trouble": type(calendar_error).__name__, "said": calendar_error.detail}
    except MemoryError:
        return {"trouble": "TooComplex", "said": ""}
    except Exception as error:  # whatever makes the libraries fail is the file's fault
        return {"trouble": "BrokenCalendar", "said": f"A time in it cannot be worked out ({type(error).__name__})."}
    others = [busy_time for busy_time in times if busy_time.meeting is None]
    return {
        "busy": merge_times(others),
        "soon": sum(busy_time.start < since + SOON for busy_time in others),
        "meetings": [
            [busy_time.meeting, busy_time.start.timestamp(), busy_time.end.timestamp()]
            for busy_time in times
            if busy_time.meeting
        ],
    }


def limit_resources(niceness: int, seconds: int, memory_bytes: int) -> None:
    """Limit CPU seconds and memory of this process, and lower its priority."""
    if sys.platform != "win32":
        import os
        import resource

        os.nice(niceness)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Read a request from standard input: a line of JSON, then the files; write the answer as JSON."""
    request = json.loads(sys.stdin.buffer.readline())
    limit_resources(request["niceness"], request["seconds"], request["memory"])
    files = [sys.stdin.buffer.read(size) for size in request["sizes"]]
    answer = compute_answer(files, request["zone"], request["start"], request["end"], request["addresses"])
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
