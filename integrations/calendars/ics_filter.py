"""Filters iCalendar files (RFC 5545): keeps the lines that say when somebody is busy, drops the rest unparsed."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain

from integrations.calendars.content_lines import (
    get_property_name,
    get_time_zone,
    get_value,
    iterate_lines,
    replace_time_zone,
    split_line,
    unescape_text,
)
from integrations.calendars.errors import BrokenCalendar, NotACalendar, TooComplex
from integrations.calendars.participation import DECLINED, is_declined_by
from integrations.calendars.recurrence_limits import refuse_too_often
from integrations.calendars.zones import find_zone

# an entry is free by one of these; said twice, and not the same, it says nothing
FREEING_PROPERTIES = ("STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", DECLINED)
DATE_LISTS = ("RDATE", "EXDATE")
KEPT_PROPERTIES = {
    "DTSTART", "DTEND", "RECURRENCE-ID", "UID", "DURATION", "RRULE", "SEQUENCE", *DATE_LISTS, *FREEING_PROPERTIES,
}  # fmt: skip
ZONE_COMPONENTS = ("VTIMEZONE", "STANDARD", "DAYLIGHT")
MAX_ENTRIES = 20_000
MAX_DATES = 20_000
FILE_START = re.compile(r"\s*BEGIN:VCALENDAR\s", re.IGNORECASE)
COMPONENT_NAME = re.compile(r"[A-Z0-9-]+")
DATE = re.compile(r":(\d{8})(?:T\d{6}Z?)?$")


@dataclass(frozen=True, slots=True)
class Span:
    """The relevant days as YYYYMMDD, compared as text."""

    first: str
    last: str


@dataclass
class FilteredCalendar:
    """The kept lines of entries and of the time zones that they are in, and FREEBUSY periods."""

    zones: dict[str, list[str]] = field(default_factory=dict)  # by a name that no two descriptions share
    entries: list[list[str]] = field(default_factory=list)
    periods: list[str] = field(default_factory=list)
    dates: int = 0

    def render_calendar(self) -> str:
        """Render one calendar from the kept lines."""
        zones, entries = (chain.from_iterable(components) for components in (self.zones.values(), self.entries))
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Oncelink//Busy//EN", *zones, *entries, "END:VCALENDAR"]
        return "\r\n".join(lines) + "\r\n"


@dataclass
class ObjectFilter:
    """Filters one iCalendar object; its UIDs and the names of its time zones never mix with another's."""

    filtered: FilteredCalendar
    number: int
    span: Span
    addresses: Collection[str]
    zones: dict[str, tuple[str, list[str]]] = field(default_factory=dict)  # lines with a unique name, by name
    entries: list[list[str]] = field(default_factory=list)

    def keep_line(self, component: str, name: str, line: str, lines: list[str]) -> None:
        """Keep a line of a component if it is relevant. Raises TooComplex, BrokenCalendar."""
        if component in ZONE_COMPONENTS:
            lines.append(line)
        elif component == "VFREEBUSY" and name == "FREEBUSY" and "FBTYPE=FREE" not in split_line(line)[0].upper():
            self.filtered.periods += get_value(line).split(",")
            count_dates(self.filtered, line)
        if component != "VEVENT":
            return
        if name == "ATTENDEE" and (is_declined := is_declined_by(line, self.addresses)) is not None:
            lines.append(f"{DECLINED}:{str(is_declined).upper()}")
        elif name in DATE_LISTS:
            count_dates(self.filtered, line)
            head, _, dates = split_line(line)
            if dates := ",".join(filter(None, map(str.strip, dates.split(",")))):
                lines.append(f"{head}:{dates}")
        elif name in KEPT_PROPERTIES:
            lines.append(line)
        if name == "RRULE":
            refuse_too_often(get_value(line))

    def end_component(self, component: str, lines: list[str]) -> None:
        """Store a complete component. Raises TooComplex, BrokenCalendar."""
        if component in ("STANDARD", "DAYLIGHT"):
            lines.append("END:" + component)
        elif component == "VTIMEZONE":
            self.store_zone([*lines, "END:VTIMEZONE"])
        elif component == "VEVENT" and is_relevant(lines, self.span):
            if len(self.filtered.entries) + len(self.entries) >= MAX_ENTRIES:
                raise TooComplex(f"There may be {MAX_ENTRIES:,} at most.")
            unambiguous_lines = drop_contradictions(lines)
            self.entries.append([*assign_uid(unambiguous_lines, self.number, len(self.entries)), "END:VEVENT"])

    def store_zone(self, lines: list[str]) -> None:
        """Store the description of a time zone under a name that no other has; the first of a name counts."""
        id = next((unescape_text(get_value(line)) for line in lines if get_property_name(line) == "TZID"), "")
        others = [line for line in lines if get_property_name(line) != "TZID"]
        name = f"Zone-{sha256(repr(others).encode()).hexdigest()[:16]}"
        self.zones.setdefault(id, (name, [lines[0], f"TZID:{name}", *others[1:]]))

    def store_entries(self) -> None:
        """Store the entries, now that all time zones of the object are known. Raises BrokenCalendar."""
        self.filtered.entries += [[self.resolve_zone(line) for line in lines] for lines in self.entries]
        self.entries.clear()

    def resolve_zone(self, line: str) -> str:
        """Replace a line's TZID by its IANA name, or by that of its description. Raises BrokenCalendar."""
        name = get_time_zone(line)
        if name is None:
            return line
        zone = find_zone(name)
        if zone is None and name in self.zones:
            zone, lines = self.zones[name]
            self.filtered.zones[zone] = lines
        if zone is None:
            raise BrokenCalendar("TZID: it names a time zone that is neither known nor described in it.")
        return replace_time_zone(line, zone)


def filter_files(files: Sequence[bytes], span: Span, addresses: Collection[str] = ()) -> FilteredCalendar:
    """Filter files for a span. `addresses` are their owner's, in lower case, as what they declined takes no time.

    Raises NotACalendar, BrokenCalendar, TooComplex.
    """
    filtered = FilteredCalendar()
    number = 0
    for file in files:
        text = file.decode("utf-8-sig", "replace")
        if not FILE_START.match(text):
            raise NotACalendar
        for component_lines in split_objects(text):
            object_filter = ObjectFilter(filtered, number, span, addresses)
            filter_object(object_filter, component_lines)
            number += 1
    return filtered


def split_objects(text: str) -> Iterator[list[str]]:
    """Split a file into the lines of each of its iCalendar objects."""
    lines: list[str] = []
    for line in iterate_lines(text):
        if lines and line.strip().upper() == "BEGIN:VCALENDAR":
            yield lines
            lines = []
        lines.append(line)
    yield lines


def filter_object(object_filter: ObjectFilter, object_lines: Sequence[str]) -> None:
    """Filter the lines of one iCalendar object. Raises BrokenCalendar, TooComplex."""
    open_components: list[str] = []
    lines: list[str] = []
    for line in object_lines:
        name = get_property_name(line)
        if name not in ("BEGIN", "END"):
            if open_components:
                object_filter.keep_line(open_components[-1], name, line, lines)
            continue
        value = get_value(line).rstrip().upper()
        if not COMPONENT_NAME.fullmatch(value):
            continue  # the rest of a text that was not folded
        if name == "BEGIN":
            open_components.append(value)
            lines = ["BEGIN:" + value] if value in ("VEVENT", "VTIMEZONE") else lines
            if value in ("STANDARD", "DAYLIGHT"):
                lines.append("BEGIN:" + value)
        else:
            if not open_components or open_components.pop() != value:
                raise BrokenCalendar(f"END:{value[:40]} does not close what was begun last.")
            object_filter.end_component(value, lines)
    if open_components:
        raise BrokenCalendar("It ends in the middle: END:VCALENDAR is missing.")
    object_filter.store_entries()


def drop_contradictions(lines: list[str]) -> list[str]:
    """Drop what frees an entry where it is said in several ways, or in a text that was not folded: it takes time."""
    values: dict[str, set[str]] = {}
    for line in lines:
        if (name := get_property_name(line)) in FREEING_PROPERTIES:
            values.setdefault(name, set()).add(get_value(line).rstrip().upper())
    doubtful_names = {
        name for name, texts in values.items() if len(texts) > 1 or any(text != text.lstrip() for text in texts)
    }
    return [line for line in lines if get_property_name(line) not in doubtful_names]


def assign_uid(lines: list[str], number: int, entry: int) -> list[str]:
    """Assign a UID that no entry of another object can have."""
    ids = [get_value(line) for line in lines if get_property_name(line) == "UID"]
    others = [line for line in lines[1:] if get_property_name(line) != "UID"]
    return [lines[0], f"UID:{number}/{ids[0]}" if ids and ids[0].strip() else f"UID:{number}//{entry}", *others]


def is_relevant(lines: list[str], span: Span) -> bool:
    """Whether an entry can overlap the span. Raises BrokenCalendar when it has no start."""
    by_name = {get_property_name(line): line for line in lines}
    if "DTSTART" not in by_name:
        raise BrokenCalendar("DTSTART: an entry has no start.")
    start, end = parse_day(by_name["DTSTART"]), parse_day(by_name.get("DTEND", by_name["DTSTART"]))
    if start is None or end is None or by_name.keys() & {"RDATE", "RECURRENCE-ID"}:
        return True  # the library that reads it reports what is wrong
    return start <= span.last and (
        max(start, end) >= span.first or not by_name.keys().isdisjoint({"DURATION", "RRULE"})
    )


def parse_day(line: str) -> str | None:
    """Parse the day of a time, as YYYYMMDD; None when there is none."""
    match = DATE.search(line.rstrip())
    return match.group(1) if match else None


def count_dates(filtered: FilteredCalendar, line: str) -> None:
    """Count the dates of a list. Raises TooComplex."""
    filtered.dates += line.count(",") + 1
    if filtered.dates > MAX_DATES:
        raise TooComplex(f"RDATE, EXDATE and FREEBUSY may hold {MAX_DATES:,} dates at most.")
