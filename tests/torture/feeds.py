"""Random calendars, read by us and by ical.js: `python -m tests.torture.feeds [--feeds N] [--seed N]`.

All are valid (RFC 5545). Where the two readers differ, the feed is printed with both answers. Needs Node.js and the
packages of `tests/node`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from icalendar.prop import vRecur

from integrations.calendars.recurrence import compute_busy_times, merge_times
from integrations.vtimezone import build_vtimezone
from tests.node import tools

START, END = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 7, 1, tzinfo=UTC)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Pacific/Apia",
)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST_SERIES = 400
SATURDAY = 5
Interval = list[float]


@dataclass
class FeedWriter:
    """Writes random feeds; a seed writes the same ones."""

    chance: random.Random
    zones: set[str] = field(default_factory=set)

    def write_feed(self) -> str:
        """Write a feed of up to six entries."""
        self.zones = set()
        entries = [
            entry for number in range(self.chance.randint(1, 6)) for entry in self.write_entry(f"{number}@feeds")
        ]
        calendar = Calendar()
        calendar.add("prodid", "-//Random//EN")
        calendar.add("version", "2.0")
        for zone in sorted(self.zones - {"UTC"}):
            calendar.add_component(build_vtimezone(zone, 2025, 2030))
        for entry in entries:
            calendar.add_component(entry)
        return str(calendar.to_ical().decode())

    def write_entry(self, uid: str) -> Iterator[Event]:
        """Write an entry, with what replaces some of its times."""
        start = self.choose_start()
        entry = Event()
        entry.add("uid", uid)
        entry.add("dtstamp", START)
        entry.add("dtstart", start)
        self.add_length(entry, start)
        if self.chance.random() < 0.1:
            entry.add("transp", "TRANSPARENT")
        if self.chance.random() < 0.6:
            entry.add("rrule", self.choose_rule(start))
            yield from self.replace_times(entry, start)
        if self.chance.random() < 0.15:
            entry.add("rdate", [start + timedelta(days=self.chance.randint(1, 90)) for _ in range(2)])
        yield entry

    def choose_start(self) -> datetime | date:
        """Choose a start: a day, a time in UTC, a floating one, or one in a zone."""
        day = date(2026, 11, 1) + timedelta(days=self.chance.randint(0, 500))
        if self.chance.random() < 0.2:
            return day
        # not where clocks change: a local time that is not there, or there twice, is read in several ways
        start = datetime(day.year, day.month, day.day, self.chance.randint(6, 22), self.chance.choice((0, 15, 30, 50)))
        zone = self.chance.choice((None, *ZONES))
        if zone is None:
            return start
        self.zones.add(zone)
        return start.replace(tzinfo=ZoneInfo(zone))

    def add_length(self, entry: Event, start: datetime | date) -> None:
        """Add an end, a duration, or neither."""
        days = not isinstance(start, datetime)
        length = (
            timedelta(days=self.chance.randint(1, 3)) if days else timedelta(minutes=self.chance.choice((15, 45, 90)))
        )
        how = self.chance.random()
        if how < 0.5:
            entry.add("dtend", start + length)
        elif how < 0.9 or not days:
            entry.add("duration", length)

    def choose_rule(self, start: datetime | date) -> vRecur:
        """Choose a recurrence rule that ends, and that the start fits: else its meaning is undefined (3.8.5.3)."""
        frequency = self.chance.choice(("DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY"))
        rule: dict[str, object] = {"FREQ": frequency, "INTERVAL": self.chance.choice((1, 1, 1, 2, 3))}
        if frequency == "WEEKLY" and self.chance.random() < 0.6:
            days = {DAYS[start.weekday()], *self.chance.sample(DAYS, self.chance.randint(0, 3))}
            rule |= {"BYDAY": sorted(days, key=DAYS.index), "WKST": self.chance.choice(("MO", "SU"))}
        elif frequency == "MONTHLY" and self.chance.random() < 0.6:
            rule |= self.chance.choice(list_monthly_rules(start))
        if self.chance.random() < 0.5:
            rule["COUNT"] = self.chance.randint(1, 30)
        else:
            rule["UNTIL"] = self.choose_until(start)
        return vRecur(rule)

    def choose_until(self, start: datetime | date) -> datetime | date:
        """Choose when a series ends: a value of the kind of its start (3.3.10)."""
        until = start + timedelta(days=self.chance.randint(0, LONGEST_SERIES))
        return until.astimezone(UTC) if isinstance(until, datetime) and until.tzinfo else until

    def replace_times(self, entry: Event, start: datetime | date) -> Iterator[Event]:
        """Leave out, cancel or move the first times of a series."""
        if self.chance.random() < 0.3:
            entry.add("exdate", start)
        elif self.chance.random() < 0.4:
            replacement = Event()
            replacement.add("uid", entry["UID"])
            replacement.add("dtstamp", START)
            replacement.add("recurrence-id", start)
            replacement.add("sequence", 1)
            moved_start = start + timedelta(days=self.chance.randint(0, 4))
            replacement.add("dtstart", moved_start)
            self.add_length(replacement, moved_start)
            if self.chance.random() < 0.3:
                replacement.add("status", "CANCELLED")
            yield replacement


def list_monthly_rules(start: datetime | date) -> list[dict[str, object]]:
    """List the rules by which a day is one of its month."""
    day = DAYS[start.weekday()]
    last_day = monthrange(start.year, start.month)[1]
    workdays = [n for n in range(1, last_day + 1) if start.replace(day=n).weekday() < SATURDAY]
    rules: list[dict[str, object]] = [
        {"BYDAY": [f"{(start.day - 1) // 7 + 1}{day}"]},
        {"BYDAY": [f"-{(last_day - start.day) // 7 + 1}{day}"]},
        {"BYMONTHDAY": [start.day]},
        {"BYMONTHDAY": [start.day - last_day - 1]},
    ]
    if start.day in workdays:
        number = workdays.index(start.day)
        rules.append({"BYDAY": list(DAYS[:SATURDAY]), "BYSETPOS": [number + 1]})
        if number > 0:  # ical.js does not find the first by its negative number
            rules.append({"BYDAY": list(DAYS[:SATURDAY]), "BYSETPOS": [number - len(workdays)]})
    return rules


def read_by_us(feed: str) -> list[Interval]:
    """Read the busy times of a feed as the service does."""
    return merge_times(compute_busy_times([feed.encode()], ZoneInfo("UTC"), START, END))


def read_by_ical_js(feeds: Sequence[str]) -> list[list[Interval]]:
    """Read the busy times of feeds with ical.js."""
    tools.require_package("ical.js")
    request = json.dumps({"feeds": list(feeds), "start": START.timestamp(), "end": END.timestamp()})
    process = subprocess.run(
        [tools.require_node(), str(tools.FOLDER / "busy_times.mjs")],
        input=request,
        capture_output=True,
        text=True,
        env={**os.environ, "TZ": "UTC"},
        check=True,
        timeout=600,
    )
    return [merge_intervals(intervals) for intervals in json.loads(process.stdout)]


def merge_intervals(intervals: Sequence[Interval]) -> list[Interval]:
    """Merge intervals that touch, cut to the time that is read."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        start, end = max(start, START.timestamp()), min(end, END.timestamp())
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def find_differences(count: int, seed: int) -> Iterator[str]:
    """Find the feeds that the two read differently; each with both answers."""
    writer = FeedWriter(random.Random(seed))
    feeds = [writer.write_feed() for _ in range(count)]
    for feed, theirs in zip(feeds, read_by_ical_js(feeds), strict=True):
        ours = read_by_us(feed)
        if ours != theirs:
            yield f"{feed}\nonly ours: {format_missing(ours, theirs)}\nonly theirs: {format_missing(theirs, ours)}\n"


def format_missing(intervals: Sequence[Interval], others: Sequence[Interval]) -> str:
    """Format the intervals that are not among others."""
    return ", ".join(
        f"{datetime.fromtimestamp(start, UTC)} to {datetime.fromtimestamp(end, UTC)}"
        for start, end in intervals
        if [start, end] not in others
    )


def main() -> int:
    """Compare; exit code 1 when something differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.feeds", description=__doc__)
    parser.add_argument("--feeds", type=int, default=800)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    differences = list(find_differences(options.feeds, options.seed))
    for difference in differences[:5]:
        print(difference)
    print(f"{options.feeds} feeds of seed {options.seed}: {len(differences)} read differently")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
