"""How often a rule repeats an entry (RFC 5545, 3.3.10): one that repeats more often than meetings do is refused."""

import re

from integrations.calendars.errors import BrokenCalendar, TooMuch

MOST_A_DAY = 96
PER_DAY = {"SECONDLY": 86_400, "MINUTELY": 1_440, "HOURLY": 24}
# what each of these lists multiplies, for the frequencies above which it adds times instead of filtering them
MULTIPLIES = {
    "BYHOUR": ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
    "BYMINUTE": ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
    "BYSECOND": ("MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
}


def refuse_too_often(rule: str) -> None:
    """Lets a rule pass that repeats no more than every quarter of an hour. Raises TooMuch, BrokenCalendar."""
    if re.search(r"INTERVAL=(?:0+|-\d+)(?:;|\s*$)", rule, re.IGNORECASE):
        raise BrokenCalendar("RRULE: its INTERVAL is not 1 or more.")
    if times_a_day(rule) > MOST_A_DAY:
        raise TooMuch(f"RRULE: an entry repeats more than {MOST_A_DAY} times a day.")


def times_a_day(rule: str) -> float:
    """How often a rule repeats on one day at most; 0 for one that is no rule, which its reader says."""
    parts = dict(part.upper().partition("=")[::2] for part in rule.strip().split(";"))
    frequency = parts.get("FREQ", "")
    interval = parts.get("INTERVAL", "1")
    times = PER_DAY.get(frequency, 1) / max(1, int(interval) if interval.isdecimal() and len(interval) < 9 else 1)
    for name, frequencies in MULTIPLIES.items():
        if name in parts and frequency in frequencies:
            times *= len(set(parts[name].split(",")))
    return times
