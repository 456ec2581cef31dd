"""Reading iCalendar files in a process of its own: whatever is in them, it ends in time and takes nobody's memory."""

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
from integrations.calendars.errors import BrokenCalendar, NotACalendar, TooLarge, TooMuch
from integrations.calendars.http_client import MOST_BYTES

CPU_SECONDS = 20
NICENESS = 10  # guests go first; nobody waits for it, unless somebody does: see `Keeping.add`
SECONDS = 90.0  # of a clock on the wall: this process goes last on a busy machine
MEMORY = 1_000_000_000
MODULE = "integrations.calendars.recurrence"
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONTZPATH", "SYSTEMROOT", "LANG")  # and no secret


@dataclass(frozen=True, slots=True)
class Found:
    """When somebody is busy, in pieces; entries of our own meetings apart; how many other entries are soon."""

    busy: list[Interval]
    soon: int
    meetings: list[tuple[UUID, Interval]]


def read(
    files: Sequence[bytes], zone: str, within: Interval, niceness: int = NICENESS, cpu_seconds: int = CPU_SECONDS
) -> Found:
    """When these files say that somebody who lives in a zone is busy. Raises Trouble."""
    if sum(map(len, files)) > MOST_BYTES:
        raise TooLarge
    if any(b"BEGIN:VCALENDAR" not in file[:1000].upper() for file in files):
        raise NotACalendar
    question = {
        "zone": zone,
        "start": within.start.timestamp(),
        "end": within.end.timestamp(),
        "sizes": [len(file) for file in files],
        "niceness": niceness,
        "seconds": cpu_seconds,
        "memory": MEMORY,
    }
    return understood(answered(json.dumps(question).encode() + b"\n" + b"".join(files)))


def answered(question: bytes) -> bytes:
    """What the process says. Raises TooMuch when it was ended for what it used, BrokenCalendar when it broke."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", MODULE],
            input=question,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TooMuch from None
    if done.returncode < 0:
        raise TooMuch
    if done.returncode > 0:
        raise BrokenCalendar
    return done.stdout


def understood(said: bytes) -> Found:
    """The answer in our own terms. Raises Trouble."""
    answer = json.loads(said)
    if name := answer.get("trouble"):
        raise getattr(errors, name)(answer["said"])
    return Found(
        busy=[interval(start, end) for start, end in answer["busy"]],
        soon=answer["soon"],
        meetings=[(UUID(id), interval(start, end)) for id, start, end in answer["meetings"]],
    )


def interval(start: float, end: float) -> Interval:
    """An interval of seconds since 1970."""
    return Interval(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
