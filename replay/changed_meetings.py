"""The meetings that changed after a position, each as it stands where the log is settled: for those who poll."""

from typing import Any
from uuid import UUID

from projections import catalogue, meeting_log
from projections.meeting_log import MEETING_LOG
from projections.queries.pagination import MAX_ROWS
from replay.settled import find_last_settled_position
from store.database import Database

# an erasure changes a row too
NAMES = [*MEETING_LOG.events, "PersonalDetailsErased"]
# the last change of each booked token, so that a meeting that changes again only moves to the end
CHANGES = """
SELECT e.position, e.stream_id FROM {schema}.events AS e
WHERE e.position > %(after)s AND e.position <= %(until)s AND split_part(e.type, '.', 1) = ANY(%(names)s)
    AND NOT EXISTS (
        SELECT FROM {schema}.events AS later
        WHERE later.stream_id = e.stream_id AND later.version > e.version AND later.position <= %(until)s
            AND split_part(later.type, '.', 1) = ANY(%(names)s))
    AND EXISTS (
        SELECT FROM {schema}.events AS booked
        WHERE booked.stream_id = e.stream_id AND booked.type LIKE 'MeetingBooked.%%' AND booked.position <= %(until)s)
ORDER BY e.position LIMIT %(limit)s
"""


def list_changed_meetings(db: Database, after: int, limit: int, visible_to: UUID | None = None) -> list[dict[str, Any]]:
    """List the meetings that changed after a position, ascending, each with the `position` of its last change.

    Only settled events count, so none with a lower position can appear later. Somebody who polls with the position of
    the last row misses nothing. `visible_to` leaves out what that person may not see. Raises TryAgain, DatabaseAway.
    """
    until, limit = find_last_settled_position(db), max(1, min(limit, MAX_ROWS))
    source = catalogue.from_log(db, until)
    while True:
        params = {"after": after, "until": until, "names": NAMES, "limit": limit}
        changes = db.fetch_rows(CHANGES, params)
        positions = {row["stream_id"]: row["position"] for row in changes}
        rows = meeting_log.find_meetings(source, list(positions), visible_to)
        if rows or len(changes) < limit:
            return [{**trim_row(row), "position": positions[row["booking_id"]]} for row in rows]
        after = changes[-1]["position"]


def trim_row(row: Any) -> dict[str, Any]:
    """Trim a booking to the columns of the meeting log."""
    return {name: row[name] for name in meeting_log.MeetingRow.__annotations__}
