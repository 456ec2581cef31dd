"""Exports of the log and the meeting log, read in batches. No cursor stays open, and memory stays constant."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import DictRow

from projections import catalogue, meeting_log
from projections.meeting_log import MeetingRow
from projections.queries.query import to_utc
from replay.tree.leaf_encoding import WITHHELD_FIELD, encode_json, hash_event, sort_names
from store.database import Database

EVENTS_PER_BATCH = 1_000
MEETINGS_PER_BATCH = 500

# the Merkle tree is built over the text of data
EVENTS = """
SELECT position, recorded_at, stream_id, version, type, data::text AS data FROM {schema}.events
WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(most)s
"""
BOOKINGS = """
SELECT position, stream_id FROM {schema}.events
WHERE position > %(after)s AND position <= %(until)s AND type LIKE 'MeetingBooked.%%' ORDER BY position LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class EventExport:
    """Every event up to a settled position, in the order of the log."""

    db: Database
    until: int

    def iterate_rows(self) -> Iterator[DictRow]:
        """The events, `data` as the text of its JSON, without secrets. Raises DatabaseAway."""
        for batch in iterate_batches(self.db, EVENTS, self.until, EVENTS_PER_BATCH):
            yield from (hide_secrets(to_utc(row)) for row in batch)


def hide_secrets(row: DictRow) -> DictRow:
    """An event without the secret address of a calendar; then `leaf` is the hash of the whole event in the tree."""
    if f'"{WITHHELD_FIELD}": "' not in row["data"]:
        return row
    data = json.loads(row["data"])
    if not data.get(WITHHELD_FIELD):
        return row
    event = {**row, "recorded_at": format_instant(row["recorded_at"]), "stream_id": str(row["stream_id"]), "data": data}
    withheld = encode_json(sort_names({**data, WITHHELD_FIELD: None}))
    return {**row, "data": withheld, "leaf": hash_event(event).hex()}


def format_instant(instant: datetime) -> str:
    """An instant in UTC, always with microseconds."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


@dataclass(frozen=True, slots=True)
class MeetingExport:
    """The meeting log at a settled position, with the names of that time, in the order of booking."""

    db: Database
    until: int

    def iterate_rows(self) -> Iterator[MeetingRow]:
        """The booked meetings. Raises DatabaseAway."""
        source = catalogue.from_log(self.db, self.until)
        for batch in iterate_batches(self.db, BOOKINGS, self.until, MEETINGS_PER_BATCH):
            yield from meeting_log.find_meetings(source, [row["stream_id"] for row in batch])


def iterate_batches(db: Database, query: str, until: int, limit: int) -> Iterator[list[dict[str, Any]]]:
    """The rows of a query by position, in batches of `limit`, each read by a statement of its own."""
    after = 0
    while rows := db.fetch_rows(query, {"after": after, "until": until, "most": limit}):
        after = rows[-1]["position"]
        yield rows
