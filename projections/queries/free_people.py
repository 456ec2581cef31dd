"""Who could host a meeting at its time: people with what is reserved of them, in one query."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from psycopg.rows import DictRow

from domain.availability.hours import Interval, WorkingHours, windows, zone_of
from domain.availability.slots import Timeline
from projections.queries.query import Source
from projections.queries.word_search import own_words

PEOPLE_SHOWN = 50
QUESTION = """
SELECT p.person_id AS id, p.name, p.email, p.time_zone, p.weekly_hours, p.date_overrides, EXISTS (
    SELECT FROM {schema}.reservations AS r
    WHERE r.host_id = p.person_id AND r.during && tstzrange(%(start)s, %(end)s) AND r.booking_id <> %(but)s
) OR p.person_id <> ALL(%(hosts)s::uuid[]) AND EXISTS (
    SELECT FROM {schema}.busy_intervals AS b
    WHERE b.person_id = p.person_id AND b.during && tstzrange(%(start)s, %(end)s)
) AS busy
FROM people AS p
WHERE p.active AND p.person_id <> ALL(%(never)s::uuid[]){words}
ORDER BY busy, lower(p.name), p.person_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be asked to host, and how that time looks for them."""

    id: UUID
    name: str
    email: str
    busy: bool
    within_hours: bool


def candidates(
    source: Source,
    meeting: Interval,
    held: Interval,
    but: UUID,
    hosts: list[UUID],
    never: list[UUID],
    q: str | None = None,
) -> tuple[list[Candidate], bool]:
    """Active people, those first whose time is free, here and in their calendars, buffers included.

    `but` is the booking, which its `hosts` have the time for. And whether there are more than are shown.
    """
    words = f" AND {own_words('p.words')}" if q else ""
    given = {
        "start": held.start,
        "end": held.end,
        "but": but,
        "hosts": hosts,
        "never": never,
        "q": q,
        "limit": PEOPLE_SHOWN + 1,
    }
    rows = source.rows(QUESTION.replace("{words}", words), given)
    return [candidate(row, meeting) for row in rows[:PEOPLE_SHOWN]], len(rows) > PEOPLE_SHOWN


def candidate(row: DictRow, meeting: Interval) -> Candidate:
    """A record as somebody who may be asked."""
    hours = WorkingHours(row["time_zone"], row["weekly_hours"], row["date_overrides"])
    zone = zone_of(row["time_zone"])
    days = (instant.astimezone(zone).date() for instant in (meeting.start, meeting.end))
    within = Timeline.of(windows(hours, *days)).covers(meeting)
    return Candidate(row["id"], row["name"], row["email"], cast(bool, row["busy"]), within)
