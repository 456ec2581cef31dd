"""Reads iCalendar files in a process of its own, with bounded time and memory."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from domain.availability.hours import Interval
from integrations.calendars import errors
from integrations.calendars.errors import BrokenCalendar, NotACalendar, TooComplex, TooLarge
from integrations.calendars.http_client import MAX_BYTES

CPU_SECONDS = 20
NICENESS = 10  # guests go first; `CalendarSync.add_calendar` uses 0, because somebody waits for it
TIMEOUT_SECONDS = 90.0  # wall-clock time: this process goes last on a busy machine
MEMORY_BYTES = 1_000_000_000
MODULE = "integrations.calendars.recurrence"
ENVIRONMENT_NAMES = ("PATH", "LD_LIBRARY_PATH", "PYTHONTZPATH", "SYSTEMROOT", "LANG")  # no secret among them


@dataclass(frozen=True, slots=True)
class CalendarOwner:
    """Whose calendar it is: their time zone, and their addresses in lower case."""

    zone: str
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BusyReport:
    """Merged busy times; own meetings apart; `soon` counts the other entries of the next 60 days."""

    busy: list[Interval]
    soon: int
    meetings: list[tuple[UUID, Interval]]


def read_busy_times(
    files: Sequence[bytes],
    owner: CalendarOwner,
    within: Interval,
    niceness: int = NICENESS,
    cpu_seconds: int = CPU_SECONDS,
) -> BusyReport:
    """Compute when these files say that their owner is busy. Raises CalendarError."""
    if sum(map(len, files)) > MAX_BYTES:
        raise TooLarge
    if any(b"BEGIN:VCALENDAR" not in file[:1000].upper() for file in files):
        raise NotACalendar
    request = {
        "zone": owner.zone,
        "addresses": sorted(owner.addresses),
        "start": within.start.timestamp(),
        "end": within.end.timestamp(),
        "sizes": [len(file) for file in files],
        "niceness": niceness,
        "seconds": cpu_seconds,
        "memory": MEMORY_BYTES,
    }
    return parse_answer(run_reader_process(json.dumps(request).encode() + b"\n" + b"".join(files)))


def run_reader_process(request: bytes) -> bytes:
    """Run the process. Raises TooComplex when its limits ended it, BrokenCalendar when it failed."""
    environment = {name: os.environ[name] for name in ENVIRONMENT_NAMES if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        process = subprocess.run(  # noqa: S603
            [sys.executable, "-m", MODULE],
            input=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TooComplex from None
    if process.returncode < 0:
        raise TooComplex
    if process.returncode > 0:
        raise BrokenCalendar
    return process.stdout


def parse_answer(output: bytes) -> BusyReport:
    """Parse the process's answer. Raises CalendarError."""
    answer = json.loads(output)
    if name := answer.get("trouble"):
        raise getattr(errors, name)(answer["said"])
    return BusyReport(
        busy=[to_interval(start, end) for start, end in answer["busy"]],
        soon=answer["soon"],
        meetings=[(UUID(id), to_interval(start, end)) for id, start, end in answer["meetings"]],
    )


def to_interval(start: float, end: float) -> Interval:
    """Convert seconds since 1970 to an interval."""
    return Interval(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
