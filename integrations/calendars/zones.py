"""Time zones by the many names that calendars give them."""

import re
from functools import cache
from zoneinfo import available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON


@cache
def all_zones() -> dict[str, str]:
    """IANA names by their lower case."""
    return {name.lower(): name for name in available_timezones() - {"Factory", "localtime"}}


@cache
def windows_zones() -> dict[str, str]:
    """IANA names by Windows' names in lower case."""
    return {name.lower(): zone for name, zone in WINDOWS_TO_OLSON.items()}


def known_zone(name: str) -> str | None:
    """The IANA name of a zone that is known: by it, by Windows' name, or at the end of a path as libraries write it."""
    wanted = name.strip().lower()
    for known in (all_zones(), windows_zones()):
        if wanted in known:
            return known[wanted]
    parts = [part for part in wanted.split("/") if part]
    for size in (3, 2, 1):
        if wanted.startswith("/") and len(parts) > size and "/".join(parts[-size:]) in all_zones():
            return all_zones()["/".join(parts[-size:])]
    return offset_zone(wanted)


def offset_zone(wanted: str) -> str | None:
    """The zone of some whole hours from UTC, such as GMT+0200; its IANA name has the sign the other way round."""
    found = re.fullmatch(r"(?:utc|gmt)([+-])0?(\d{1,2})(?::?00)?", wanted)
    if found is None or int(found.group(2)) > 12:
        return None
    hours = int(found.group(2))
    return "Etc/UTC" if hours == 0 else f"Etc/GMT{'-' if found.group(1) == '+' else '+'}{hours}"
