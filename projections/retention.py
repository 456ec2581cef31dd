"""Meetings whose guests' details are kept no longer: where to look for them, and how much there is to erase."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from typing_extensions import TypedDict

from projections.queries.query import QuerySource

# a meeting begins before it ends, so that an index on its start finds those that ended
ENDED = "m.ends_at <= %(until)s AND m.starts_at <= %(until)s"
FIND_MEETINGS = f"""
SELECT m.booking_id AS id FROM meeting_log AS m
WHERE {ENDED} AND EXISTS (SELECT FROM {{schema}}.personal_details AS d WHERE d.stream_id = m.booking_id)
ORDER BY m.starts_at LIMIT %(limit)s
"""
COUNT_MEETINGS = f"""
SELECT count(DISTINCT m.booking_id)::int AS meetings, count(*)::int AS details, min(m.ends_at) AS first_ended_at
FROM meeting_log AS m JOIN {{schema}}.personal_details AS d ON d.stream_id = m.booking_id WHERE {ENDED}
"""


class OverdueDetails(TypedDict):
    """How many meetings ended before an instant and have details still, how many rows, and when the first ended."""

    meetings: int
    details: int
    first_ended_at: datetime | None


def find_overdue_meetings(source: QuerySource, until: datetime, limit: int) -> Sequence[UUID]:
    """The meetings that ended by an instant and have personal details still, the oldest first."""
    return [row["id"] for row in source.fetch_rows(FIND_MEETINGS, {"until": until, "limit": limit})]


def count_overdue_details(source: QuerySource, until: datetime) -> OverdueDetails:
    """Counts what would be erased if details were kept no longer than to an instant."""
    return cast(OverdueDetails, source.fetch_rows(COUNT_MEETINGS, {"until": until})[0])
