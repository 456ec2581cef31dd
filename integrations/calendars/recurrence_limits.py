"""How often a recurrence rule repeats (RFC 5545, 3.3.10); rules that repeat too often are refused."""

import re

from integrations.calendars.errors import BrokenCalendar, TooComplex

MAX_TIMES_A_DAY = 96
PER_DAY = {"SECONDLY": 86_400, "MINUTELY": 1_440, "HOURLY": 24}
# what each of these lists multiplies, for the frequencies above which it adds times instead of filtering them
MULTIPLIES = {
    "BYHOUR": ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
    "BYMINUTE": ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
    "BYSECOND": ("MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
}


def refuse_too_often(rule: str) -> None:
    """Refuse a rule that repeats more than every 15 minutes. Raises TooComplex, BrokenCalendar."""
    if re.search(r"INTERVAL=(?:0+|-\d+)(?:;|\s*$)", rule, re.IGNORECASE):
        raise BrokenCalendar("RRULE: its INTERVAL is not 1 or more.")
    if count_times_a_day(rule) > MAX_TIMES_A_DAY:
        raise TooComplex(f"RRULE: an entry repeats more than {MAX_TIMES_A_DAY} times a day.")


def count_times_a_day(rule: str) -> float:
    """Count how often a rule repeats on one day at most."""
    rule_parts = dict(part.upper().partition("=")[::2] for part in rule.strip().split(";"))
    frequency = rule_parts.get("FREQ", "")
    interval = rule_parts.get("INTERVAL", "1")
    count = PER_DAY.get(frequency, 1) / max(1, int(interval) if interval.isdecimal() and len(interval) < 9 else 1)
    for name, frequencies in MULTIPLIES.items():
        if name in rule_parts and frequency in frequencies:
            count *= len(set(rule_parts[name].split(",")))
    return count
