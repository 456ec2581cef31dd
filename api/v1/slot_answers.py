"""The JSON of slots: written from runs of starts, and cut at a whole day when there are too many."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from domain.availability.grid import StartRun
from domain.availability.hours import load_zone

MAX_SLOTS = 3_000  # every half hour of 62 days, in 190 kB; a day has at most 1,500


def render_slots(runs: Sequence[StartRun], duration: timedelta, time_zone: str) -> bytes:
    """Render the answer `Slots`; `next_from` is the first day that it leaves out, if any."""
    runs, next_from = cut_to_whole_days(runs, time_zone)
    slots = ",".join(
        f'{{"start":"{start.isoformat()}Z","end":"{(start + duration).isoformat()}Z"}}'
        for run in runs
        for start in run._replace(first=run.first.replace(tzinfo=None)).list_starts()  # UTC, and whole seconds
    )
    following = json.dumps(next_from and next_from.isoformat())
    return f'{{"time_zone":{json.dumps(time_zone)},"slots":[{slots}],"next_from":{following}}}'.encode()


def cut_to_whole_days(runs: Sequence[StartRun], time_zone: str) -> tuple[Sequence[StartRun], date | None]:
    """Return the runs of the first days that have at most MAX_SLOTS together, and the first day left out, if any."""
    if sum(run.length for run in runs) <= MAX_SLOTS:
        return runs, None
    zone = load_zone(time_zone)
    parts = [part for run in runs for part in run.split_by_date(zone)]
    counts: Counter[date] = Counter()
    for day, part in parts:
        counts[day] += part.length
    total = 0
    for day in sorted(counts):
        total += counts[day]
        if total > MAX_SLOTS:
            return [part for part_day, part in parts if part_day < day], day
    raise AssertionError("their sum is larger")
