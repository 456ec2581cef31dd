"""Filters iCalendar files (RFC 5545): keeps the lines that say when somebody is busy, drops the rest unparsed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from integrations.calendars.errors import BrokenCalendar, NotACalendar, TooComplex
from integrations.calendars.recurrence_limits import refuse_too_often
from integrations.calendars.zones import find_zone

TIME_PROPERTIES = ("DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID")
KEPT_PROPERTIES = {
    *TIME_PROPERTIES,
    "UID",
    "DURATION",
    "RRULE",
    "STATUS",
    "TRANSP",
    "SEQUENCE",
    "X-MICROSOFT-CDO-BUSYSTATUS",
}
ZONE_COMPONENTS = ("VTIMEZONE", "STANDARD", "DAYLIGHT")
MAX_ENTRIES = 20_000
MAX_DATES = 20_000
FILE_START = re.compile(r"\s*BEGIN:VCALENDAR\s", re.IGNORECASE)
FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]")
LINE_BREAK = re.compile(r"[\r\n]+")
PROPERTY_NAME = re.compile(r"[A-Za-z0-9-]+")
TZID = re.compile(r';TZID=("[^"]*"|[^;:]*)', re.IGNORECASE)
DATE = re.compile(r":(\d{8})(?:T\d{6}Z?)?$")


@dataclass(frozen=True, slots=True)
class Span:
    """The relevant days as YYYYMMDD, compared as text."""

    first: str
    last: str


@dataclass
class FilteredCalendar:
    """The kept lines of time zones and entries, and FREEBUSY periods."""

    zones: dict[str, list[str]] = field(default_factory=dict)
    entries: list[list[str]] = field(default_factory=list)
    periods: list[str] = field(default_factory=list)
    dates: int = 0

    def render_calendar(self) -> str:
        """Render one calendar from the kept lines. Raises BrokenCalendar for an unknown time zone."""
        zones = [line for lines in self.zones.values() for line in lines]
        entries = [self.resolve_zone(line) for lines in self.entries for line in lines]
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Oncelink//Busy//EN", *zones, *entries, "END:VCALENDAR"]
        return "\r\n".join(lines) + "\r\n"

    def resolve_zone(self, line: str) -> str:
        """Replace a line's TZID by its IANA name, unless the calendar defines that zone. Raises BrokenCalendar."""
        head, colon, value = split_line(line)
        match = TZID.search(head)
        if match is None:
            return line
        name = match.group(1).strip('"')
        if name in self.zones:
            return line
        zone = find_zone(name)
        if zone is None:
            raise BrokenCalendar("TZID: it names a time zone that is neither known nor described in it.")
        return f"{head[: match.start()]};TZID={zone}{head[match.end() :]}{colon}{value}"


def filter_files(files: Sequence[bytes], span: Span) -> FilteredCalendar:
    """Filter files for a span. Raises NotACalendar, BrokenCalendar, TooComplex."""
    filtered = FilteredCalendar()
    for number, file in enumerate(files):
        text = file.decode("utf-8-sig", "replace")
        if not FILE_START.match(text):
            raise NotACalendar
        filter_file(filtered, number, text, span)
    return filtered


def filter_file(filtered: FilteredCalendar, number: int, text: str, span: Span) -> None:
    """Filter one file; UIDs of different files never mix."""
    open_components: list[str] = []
    lines: list[str] = []
    for line in iterate_lines(text):
        name, value = get_property_name(line), split_line(line)[2].strip().upper()
        if name == "BEGIN":
            open_components.append(value)
            lines = ["BEGIN:" + value] if value in ("VEVENT", "VTIMEZONE") else lines
            if value in ("STANDARD", "DAYLIGHT"):
                lines.append("BEGIN:" + value)
        elif name == "END":
            if not open_components or open_components.pop() != value:
                raise BrokenCalendar(f"END:{value[:40]} does not close what was begun last.")
            end_component(filtered, number, value, lines, span)
        elif open_components:
            keep_line(filtered, open_components[-1], name, line, lines)
    if open_components:
        raise BrokenCalendar("It ends in the middle: END:VCALENDAR is missing.")


def keep_line(filtered: FilteredCalendar, component: str, name: str, line: str, lines: list[str]) -> None:
    """Keep a line if it is relevant."""
    if component in ZONE_COMPONENTS or (component == "VEVENT" and name in KEPT_PROPERTIES):
        lines.append(line)
    elif component == "VFREEBUSY" and name == "FREEBUSY" and "FBTYPE=FREE" not in split_line(line)[0].upper():
        filtered.periods += split_line(line)[2].split(",")
        count_dates(filtered, line)
    if name in ("RDATE", "EXDATE"):
        count_dates(filtered, line)
    if name == "RRULE" and component == "VEVENT":
        refuse_too_often(split_line(line)[2])


def end_component(filtered: FilteredCalendar, number: int, component: str, lines: list[str], span: Span) -> None:
    """Store a complete component."""
    if component in ("STANDARD", "DAYLIGHT"):
        lines.append("END:" + component)
    elif component == "VTIMEZONE":
        id = next((split_line(line)[2].strip() for line in lines if get_property_name(line) == "TZID"), "")
        filtered.zones.setdefault(id, [*lines, "END:VTIMEZONE"])
    elif component == "VEVENT" and is_relevant(lines, span):
        if len(filtered.entries) >= MAX_ENTRIES:
            raise TooComplex(f"There may be {MAX_ENTRIES:,} at most.")
        filtered.entries.append([*assign_uid(lines, number, len(filtered.entries)), "END:VEVENT"])


def assign_uid(lines: list[str], file: int, entry: int) -> list[str]:
    """Assign a UID that no entry of another file can have."""
    ids = [split_line(line)[2] for line in lines if get_property_name(line) == "UID"]
    others = [line for line in lines[1:] if get_property_name(line) != "UID"]
    return [lines[0], f"UID:{file}/{ids[0]}" if ids and ids[0].strip() else f"UID:{file}//{entry}", *others]


def is_relevant(lines: list[str], span: Span) -> bool:
    """Whether an entry can overlap the span. Raises BrokenCalendar when it has no start."""
    by_name = {get_property_name(line): line for line in lines}
    if "DTSTART" not in by_name:
        raise BrokenCalendar("DTSTART: an entry has no start.")
    start, end = parse_day(by_name["DTSTART"]), parse_day(by_name.get("DTEND", by_name["DTSTART"]))
    if start is None or end is None or by_name.keys() & {"RDATE", "RECURRENCE-ID"}:
        return True  # the library that reads it reports what is wrong
    return start <= span.last and (end >= span.first or not by_name.keys().isdisjoint({"DURATION", "RRULE"}))


def parse_day(line: str) -> str | None:
    """Parse the day of a time, as YYYYMMDD; None when there is none."""
    match = DATE.search(line.rstrip())
    return match.group(1) if match else None


def count_dates(filtered: FilteredCalendar, line: str) -> None:
    """Count the dates of a list. Raises TooComplex."""
    filtered.dates += line.count(",") + 1
    if filtered.dates > MAX_DATES:
        raise TooComplex(f"RDATE, EXDATE and FREEBUSY may hold {MAX_DATES:,} dates at most.")


def iterate_lines(text: str) -> Iterator[str]:
    """Iterate over the unfolded, non-empty lines."""
    return (line for line in LINE_BREAK.split(FOLD.sub("", text)) if line.strip())


def get_property_name(line: str) -> str:
    """Get the name of a line's property."""
    match = PROPERTY_NAME.match(line)
    return match.group().upper() if match else ""


def split_line(line: str) -> tuple[str, str, str]:
    """Split a line into name with parameters, colon and value; a quoted colon belongs to a parameter."""
    quoted = False
    for index, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            return line[:index], ":", line[index + 1 :]
    return line, "", ""
