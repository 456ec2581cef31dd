"""Who could host a meeting at its time: people with their reservations and busy times, in one query."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from psycopg.rows import DictRow

from domain.availability.hours import Interval, WorkingHours, list_working_intervals, load_zone
from domain.availability.slots import IntervalSet
from projections.queries.query import QuerySource
from projections.queries.word_search import match_own_words

MAX_CANDIDATES = 50
# active members; `permissions.expand_roles` says which roles are members
CAN_HOST = "p.active AND p.roles ?| ARRAY['member', 'manager', 'admin']"
CANDIDATES_QUERY = """
SELECT p.person_id AS id, p.name, p.email, p.time_zone, p.weekly_hours, p.date_overrides, EXISTS (
    SELECT FROM {schema}.reservations AS r
    WHERE r.host_id = p.person_id AND r.during && tstzrange(%(start)s, %(end)s) AND r.booking_id <> %(booking_id)s
) OR p.person_id <> ALL(%(hosts)s::uuid[]) AND EXISTS (
    SELECT FROM {schema}.busy_intervals AS b
    WHERE b.person_id = p.person_id AND b.during && tstzrange(%(start)s, %(end)s)
) AS busy
FROM people AS p
WHERE {can_host} AND p.person_id <> ALL(%(never)s::uuid[]){words}
ORDER BY busy, {schema}.fold_text(p.name), p.person_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person who could be asked to host, and whether they are busy and within their hours at that time."""

    id: UUID
    name: str
    email: str
    busy: bool
    within_hours: bool


def find_candidates(
    source: QuerySource,
    meeting: Interval,
    reserved_interval: Interval,
    booking_id: UUID,
    host_ids: list[UUID],
    excluded_ids: list[UUID],
    q: str | None = None,
) -> tuple[list[Candidate], bool]:
    """Active members, free ones first, buffers and their own calendars included; and whether there are more.

    The booking itself, which reserves the time of its hosts `host_ids`, does not make them busy.
    """
    words_condition = f" AND {match_own_words('p.words')}" if q else ""
    params = {
        "start": reserved_interval.start,
        "end": reserved_interval.end,
        "booking_id": booking_id,
        "hosts": host_ids,
        "never": excluded_ids,
        "q": q,
        "limit": MAX_CANDIDATES + 1,
    }
    rows = source.fetch_rows(
        CANDIDATES_QUERY.replace("{words}", words_condition).replace("{can_host}", CAN_HOST), params
    )
    return [to_candidate(row, meeting) for row in rows[:MAX_CANDIDATES]], len(rows) > MAX_CANDIDATES


def to_candidate(row: DictRow, meeting: Interval) -> Candidate:
    """A record as a candidate; its hours are compared with the meeting, without buffers."""
    hours = WorkingHours(row["time_zone"], row["weekly_hours"], row["date_overrides"])
    zone = load_zone(row["time_zone"])
    days = (instant.astimezone(zone).date() for instant in (meeting.start, meeting.end))
    is_within_hours = IntervalSet.from_intervals(list_working_intervals(hours, *days)).is_covering(meeting)
    return Candidate(row["id"], row["name"], row["email"], cast(bool, row["busy"]), is_within_hours)
