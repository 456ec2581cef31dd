"""The log and the meeting log, read to their end in batches: no cursor stays open, and memory stays constant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg.rows import DictRow

from projections import catalogue, meeting_log
from projections.meeting_log import MeetingRow
from projections.queries.query import in_utc
from store.database import Database

MOST_EVENTS = 1_000
MOST_MEETINGS = 500

# the text of data is what the tree of the log is made of
EVENTS = """
SELECT position, recorded_at, stream_id, version, type, data::text AS data FROM {schema}.events
WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(most)s
"""
BOOKED = """
SELECT position, stream_id FROM {schema}.events
WHERE position > %(after)s AND position <= %(until)s AND type LIKE 'MeetingBooked.%%' ORDER BY position LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Events:
    """Every event up to a settled position, in the order of the log."""

    db: Database
    until: int

    def rows(self) -> Iterator[DictRow]:
        """The events, `data` as the text of its JSON. Raises DatabaseAway."""
        for batch in batches(self.db, EVENTS, self.until, MOST_EVENTS):
            yield from map(in_utc, batch)


@dataclass(frozen=True, slots=True)
class Meetings:
    """The meeting log as it stood at a settled position, names as they were then, in the order of booking."""

    db: Database
    until: int

    def rows(self) -> Iterator[MeetingRow]:
        """The booked meetings. Raises DatabaseAway."""
        source = catalogue.from_log(self.db, self.until)
        for batch in batches(self.db, BOOKED, self.until, MOST_MEETINGS):
            yield from meeting_log.many(source, [row["stream_id"] for row in batch])


def batches(db: Database, query: str, until: int, most: int) -> Iterator[list[dict[str, Any]]]:
    """The rows of a query by position, so many at a time, each read by a statement of its own."""
    after = 0
    while rows := db.rows(query, {"after": after, "until": until, "most": most}):
        after = rows[-1]["position"]
        yield rows
