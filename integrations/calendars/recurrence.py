"""Working out when somebody is busy from iCalendar files; run as a process of its own, with limits: see `reading`."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar, Event, vPeriod

from integrations.calendars.errors import BrokenCalendar, TooMuch, Trouble
from integrations.calendars.ics_filter import Sifted, Span, sift

FREE = ("FREE", "WORKINGELSEWHERE")
OURS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@oncelink")
MOST_TIMES = 50_000
SOON = timedelta(days=60)
DAY = timedelta(days=1)
FIRST, LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Busy:
    """A time that an entry takes, in UTC, and the id of one of our own meetings where it is that."""

    start: datetime
    end: datetime
    meeting: str | None


def busy_times(files: Sequence[bytes], zone: ZoneInfo, start: datetime, end: datetime) -> list[Busy]:
    """When these files say that somebody who lives in a zone is busy, from a start to an end (UTC). Raises Trouble."""
    span = Span(f"{start - 2 * DAY:%Y%m%d}", f"{end + 2 * DAY:%Y%m%d}")
    sifted = sift(files, span)
    found = [*of_entries(sifted, zone, start, end), *of_periods(sifted.periods, zone)]
    return sorted(
        (Busy(max(one.start, start), min(one.end, end), one.meeting) for one in found if overlap(one, start, end)),
        key=lambda one: (one.start, one.end),
    )


def of_entries(sifted: Sifted, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Busy]:
    """The times of entries, recurring ones each time. Raises BrokenCalendar, TooMuch."""
    calendar = Calendar.from_ical(sifted.calendar())
    for entry in calendar.walk("VEVENT"):
        for name, _ in entry.errors:
            raise BrokenCalendar(f"{str(name or 'A line')[:40]}: its value cannot be understood.")
    occurrences = recurring_ical_events.of(calendar).between(
        start - 2 * DAY, end + 2 * DAY
    )  # a day is not the same everywhere
    if len(occurrences) > MOST_TIMES:
        raise TooMuch(f"There may be {MOST_TIMES:,} times at most.")
    for entry in occurrences:
        if takes_time(entry):
            begin, until = instant(entry.start, zone), instant(entry.end, zone)
            ours = OURS.fullmatch(str(entry.get("UID", "")).partition("/")[2])
            yield Busy(begin, until, ours.group(1) if ours else None)


def takes_time(entry: Event) -> bool:
    """Whether an entry keeps its person from something else."""
    return (
        text(entry, "STATUS") != "CANCELLED"
        and text(entry, "TRANSP") != "TRANSPARENT"
        and text(entry, "X-MICROSOFT-CDO-BUSYSTATUS") not in FREE
    )


def text(entry: Event, name: str) -> str:
    """A property as upper-case text."""
    return str(entry.get(name, "")).strip().upper()


def of_periods(periods: Sequence[str], zone: ZoneInfo) -> Iterator[Busy]:
    """The times of VFREEBUSY. Raises BrokenCalendar."""
    for written in periods:
        try:
            begin, until = vPeriod.from_ical(written.strip())  # type: ignore[no-untyped-call]
        except (ValueError, TypeError):
            raise BrokenCalendar("FREEBUSY: a period cannot be understood.") from None
        begin = instant(begin, zone)
        yield Busy(begin, begin + until if isinstance(until, timedelta) else instant(until, zone), None)


def instant(moment: datetime | date, zone: ZoneInfo) -> datetime:
    """A time in UTC: a day begins, and a time without a zone is, where the person lives."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    if not 2 <= moment.year <= 9998:  # where a zone's offset could lead out of all years
        return FIRST if moment.year < 2 else LAST
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)


def overlap(one: Busy, start: datetime, end: datetime) -> bool:
    """Whether a time has length and touches a span."""
    return one.start < one.end and one.start < end and one.end > start


def merged(times: Sequence[Busy]) -> list[list[float]]:
    """The same time in pieces that do not touch, as seconds."""
    pieces: list[list[float]] = []
    for one in times:
        start, end = one.start.timestamp(), one.end.timestamp()
        if pieces and start <= pieces[-1][1]:
            pieces[-1][1] = max(pieces[-1][1], end)
        else:
            pieces.append([start, end])
    return pieces


def answer(files: Sequence[bytes], zone: str, start: float, end: float) -> dict[str, Any]:
    """What `reading` is told: pieces of busy time, our own meetings apart, how many entries are soon; or a trouble."""
    since, until = (datetime.fromtimestamp(instant, UTC) for instant in (start, end))
    try:
        found = busy_times(files, ZoneInfo(zone), since, until)
    except Trouble as trouble:
        return {"trouble": type(trouble).__name__, "said": trouble.said}
    except MemoryError:
        return {"trouble": "TooMuch", "said": ""}
    except Exception as error:  # whatever a file makes the libraries stumble over is the file's fault
        return {"trouble": "BrokenCalendar", "said": f"A time in it cannot be worked out ({type(error).__name__})."}
    others = [one for one in found if one.meeting is None]
    return {
        "busy": merged(others),
        "soon": sum(one.start < since + SOON for one in others),
        "meetings": [[one.meeting, one.start.timestamp(), one.end.timestamp()] for one in found if one.meeting],
    }


def limit(niceness: int, seconds: int, memory: int) -> None:
    """Bounds what this process may use, and may let everything else go first."""
    if sys.platform != "win32":
        import os
        import resource

        os.nice(niceness)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Reads a question from standard input: a line of JSON, then the files; writes the answer as JSON."""
    asked = json.loads(sys.stdin.buffer.readline())
    limit(asked["niceness"], asked["seconds"], asked["memory"])
    files = [sys.stdin.buffer.read(size) for size in asked["sizes"]]
    sys.stdout.write(json.dumps(answer(files, asked["zone"], asked["start"], asked["end"])))


if __name__ == "__main__":
    main()
