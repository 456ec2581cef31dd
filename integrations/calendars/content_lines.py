"""Content lines of iCalendar files (RFC 5545, 3.1): unfolded, and split as their writers meant them."""

import re
from collections.abc import Iterator

TIME_PROPERTIES = ("DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID")
FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]")
LINE_BREAK = re.compile(r"[\r\n]+")
PROPERTY_NAME = re.compile(r"([A-Za-z0-9-]+)[:;]")
TIME_VALUE = re.compile(r"\s*(?:\d{8}|$)")
TZID = re.compile(r';TZID=("[^"]*"|[^;]*)', re.IGNORECASE)
ESCAPED = re.compile(r"\\(.)")
LINE_BREAK_LETTERS = "nN"


def iterate_lines(text: str) -> Iterator[str]:
    """Iterate over the unfolded, non-empty lines."""
    return (line for line in LINE_BREAK.split(FOLD.sub("", text)) if line.strip())


def get_property_name(line: str) -> str:
    """Get the name of a line's property in upper case; empty for what is no property."""
    match = PROPERTY_NAME.match(line)
    return match.group(1).upper() if match else ""


def get_value(line: str) -> str:
    """Get a line's value."""
    return split_line(line)[2]


def split_line(line: str) -> tuple[str, str, str]:
    """Split a line into name with parameters, colon and value; a quoted colon belongs to a parameter.

    So does an unquoted one in the TZID of a time, such as `GMT+05:30`: what follows is no time.
    """
    first = next(iterate_colons(line), None)
    if first is None:
        return line, "", ""
    is_time = get_property_name(line) in TIME_PROPERTIES
    times = (index for index in iterate_colons(line) if TIME_VALUE.match(line, index + 1)) if is_time else iter(())
    colon = next(times, first)
    return line[:colon], ":", line[colon + 1 :]


def iterate_colons(line: str) -> Iterator[int]:
    """Iterate over the indices of a line's colons that are not quoted."""
    quoted = False
    for index, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            yield index


def get_time_zone(line: str) -> str | None:
    """Get the name of a line's time zone, without quotes and escapes; None when it has none."""
    match = TZID.search(split_line(line)[0])
    return unescape_text(match.group(1).strip('"')) if match else None


def replace_time_zone(line: str, name: str) -> str:
    """Replace the name of a line's time zone."""
    head, colon, value = split_line(line)
    return TZID.sub(f";TZID={name}", head, count=1) + colon + value


def unescape_text(text: str) -> str:
    """Unescape a TEXT value (RFC 5545, 3.3.11); some write their parameters so, too."""
    return ESCAPED.sub(lambda match: "\n" if match.group(1) in LINE_BREAK_LETTERS else match.group(1), text).strip()
