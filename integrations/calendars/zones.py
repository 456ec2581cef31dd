"""Time zones by the many names that calendars give them."""

import re
from functools import cache
from zoneinfo import available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON


@cache
def index_iana_zones() -> dict[str, str]:
    """Map lower-case names to IANA names."""
    return {name.lower(): name for name in available_timezones() - {"Factory", "localtime"}}


@cache
def index_windows_zones() -> dict[str, str]:
    """Map lower-case Windows names to IANA names."""
    return {name.lower(): zone for name, zone in WINDOWS_TO_OLSON.items()}


def find_zone(name: str) -> str | None:
    """Find a zone's IANA name: by that name, by Windows' name, or at the end of a path; None when it is unknown."""
    normalized_name = name.strip().lower()
    for zones in (index_iana_zones(), index_windows_zones()):
        if normalized_name in zones:
            return zones[normalized_name]
    segments = [segment for segment in normalized_name.split("/") if segment]
    for size in (3, 2, 1):
        if (
            normalized_name.startswith("/")
            and len(segments) > size
            and "/".join(segments[-size:]) in index_iana_zones()
        ):
            return index_iana_zones()["/".join(segments[-size:])]
    return find_offset_zone(normalized_name)


def find_offset_zone(normalized_name: str) -> str | None:
    """Find the zone of a whole-hour offset such as GMT+0200; its IANA name has the opposite sign."""
    match = re.fullmatch(r"(?:utc|gmt)([+-])0?(\d{1,2})(?::?00)?", normalized_name)
    if match is None or int(match.group(2)) > 12:
        return None
    hours = int(match.group(2))
    return "Etc/UTC" if hours == 0 else f"Etc/GMT{'-' if match.group(1) == '+' else '+'}{hours}"
