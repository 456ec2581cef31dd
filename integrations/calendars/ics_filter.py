"""The lines of iCalendar files (RFC 5545) that say when somebody is busy: everything else is left aside unread."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from integrations.calendars.errors import BrokenCalendar, NotACalendar, TooMuch
from integrations.calendars.recurrence_limits import refuse_too_often
from integrations.calendars.zones import known_zone

TIMES = ("DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID")
KEPT = {*TIMES, "UID", "DURATION", "RRULE", "STATUS", "TRANSP", "SEQUENCE", "X-MICROSOFT-CDO-BUSYSTATUS"}
ZONE_PARTS = ("VTIMEZONE", "STANDARD", "DAYLIGHT")
MOST_ENTRIES = 20_000
MOST_DATES = 20_000
BEGINNING = re.compile(r"\s*BEGIN:VCALENDAR\s", re.IGNORECASE)
FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]")
BREAK = re.compile(r"[\r\n]+")
NAME = re.compile(r"[A-Za-z0-9-]+")
TZID = re.compile(r';TZID=("[^"]*"|[^;:]*)', re.IGNORECASE)
DATE = re.compile(r":(\d{8})(?:T\d{6}Z?)?$")


@dataclass(frozen=True, slots=True)
class Span:
    """The days that matter, as iCalendar writes them: YYYYMMDD, compared as text."""

    first: str
    last: str


@dataclass
class Sifted:
    """What was found: lines of time zones, of entries, and periods of busy time that need no working out."""

    zones: dict[str, list[str]] = field(default_factory=dict)
    entries: list[list[str]] = field(default_factory=list)
    periods: list[str] = field(default_factory=list)
    dates: int = 0

    def calendar(self) -> str:
        """One calendar with all of it. Raises BrokenCalendar for a zone that nobody knows."""
        zones = [line for lines in self.zones.values() for line in lines]
        entries = [self.in_known_zone(line) for lines in self.entries for line in lines]
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Oncelink//Busy//EN", *zones, *entries, "END:VCALENDAR"]
        return "\r\n".join(lines) + "\r\n"

    def in_known_zone(self, line: str) -> str:
        """The line with its zone's IANA name, unless the calendar itself describes that zone."""
        head, colon, value = split(line)
        found = TZID.search(head)
        if found is None:
            return line
        name = found.group(1).strip('"')
        if name in self.zones:
            return line
        known = known_zone(name)
        if known is None:
            raise BrokenCalendar("TZID: it names a time zone that is neither known nor described in it.")
        return f"{head[: found.start()]};TZID={known}{head[found.end() :]}{colon}{value}"


def sift(files: Sequence[bytes], span: Span) -> Sifted:
    """What these files say of a span. Raises NotACalendar, BrokenCalendar, TooMuch."""
    found = Sifted()
    for number, file in enumerate(files):
        text = file.decode("utf-8-sig", "replace")
        if not BEGINNING.match(text):
            raise NotACalendar
        sift_file(found, number, text, span)
    return found


def sift_file(found: Sifted, number: int, text: str, span: Span) -> None:
    """Adds what one file says; each file's ids are its own."""
    inside: list[str] = []
    lines: list[str] = []
    for line in lines_of(text):
        name, value = name_of(line), split(line)[2].strip().upper()
        if name == "BEGIN":
            inside.append(value)
            lines = ["BEGIN:" + value] if value in ("VEVENT", "VTIMEZONE") else lines
            if value in ("STANDARD", "DAYLIGHT"):
                lines.append("BEGIN:" + value)
        elif name == "END":
            if not inside or inside.pop() != value:
                raise BrokenCalendar(f"END:{value[:40]} does not close what was begun last.")
            ended(found, number, value, lines, span)
        elif inside:
            keep(found, inside[-1], name, line, lines)
    if inside:
        raise BrokenCalendar("It ends in the middle: END:VCALENDAR is missing.")


def keep(found: Sifted, component: str, name: str, line: str, lines: list[str]) -> None:
    """Keeps a line that matters."""
    if component in ZONE_PARTS or (component == "VEVENT" and name in KEPT):
        lines.append(line)
    elif component == "VFREEBUSY" and name == "FREEBUSY" and "FBTYPE=FREE" not in split(line)[0].upper():
        found.periods += split(line)[2].split(",")
        count_dates(found, line)
    if name in ("RDATE", "EXDATE"):
        count_dates(found, line)
    if name == "RRULE" and component == "VEVENT":
        refuse_too_often(split(line)[2])


def ended(found: Sifted, number: int, component: str, lines: list[str], span: Span) -> None:
    """Files a component that is complete."""
    if component in ("STANDARD", "DAYLIGHT"):
        lines.append("END:" + component)
    elif component == "VTIMEZONE":
        id = next((split(line)[2].strip() for line in lines if name_of(line) == "TZID"), "")
        found.zones.setdefault(id, [*lines, "END:VTIMEZONE"])
    elif component == "VEVENT" and matters(lines, span):
        if len(found.entries) >= MOST_ENTRIES:
            raise TooMuch(f"There may be {MOST_ENTRIES:,} at most.")
        found.entries.append([*with_id(lines, number, len(found.entries)), "END:VEVENT"])


def with_id(lines: list[str], file: int, entry: int) -> list[str]:
    """The lines with an id: one for an entry without, and none that another file's entry may have."""
    ids = [split(line)[2] for line in lines if name_of(line) == "UID"]
    others = [line for line in lines[1:] if name_of(line) != "UID"]
    return [lines[0], f"UID:{file}/{ids[0]}" if ids and ids[0].strip() else f"UID:{file}//{entry}", *others]


def matters(lines: list[str], span: Span) -> bool:
    """Whether an entry could touch the span. Raises BrokenCalendar where it has no start."""
    by_name = {name_of(line): line for line in lines}
    if "DTSTART" not in by_name:
        raise BrokenCalendar("DTSTART: an entry has no start.")
    start, end = day_of(by_name["DTSTART"]), day_of(by_name.get("DTEND", by_name["DTSTART"]))
    if start is None or end is None or by_name.keys() & {"RDATE", "RECURRENCE-ID"}:
        return True  # whoever reads it says what is wrong with it
    return start <= span.last and (end >= span.first or not by_name.keys().isdisjoint({"DURATION", "RRULE"}))


def day_of(line: str) -> str | None:
    """The day of a time, as text."""
    found = DATE.search(line.rstrip())
    return found.group(1) if found else None


def count_dates(found: Sifted, line: str) -> None:
    """Counts the dates of a list. Raises TooMuch."""
    found.dates += line.count(",") + 1
    if found.dates > MOST_DATES:
        raise TooMuch(f"RDATE, EXDATE and FREEBUSY may hold {MOST_DATES:,} dates at most.")


def lines_of(text: str) -> Iterator[str]:
    """The unfolded lines, empty ones left out."""
    return (line for line in BREAK.split(FOLD.sub("", text)) if line.strip())


def name_of(line: str) -> str:
    """The name of a line's property."""
    found = NAME.match(line)
    return found.group().upper() if found else ""


def split(line: str) -> tuple[str, str, str]:
    """Name and parameters, the colon, and the value: colons within quotes belong to a parameter."""
    quoted = False
    for place, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            return line[:place], ":", line[place + 1 :]
    return line, "", ""
