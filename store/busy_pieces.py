"""What fills people's time: each meeting and each entry of their calendars, one by one."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from domain.availability.hours import Interval
from store.database import Database

SELECT_PIECES = """
SELECT host_id AS person_id, lower(during) AS begins, upper(during) AS ends, booking_id, NULL AS calendar
FROM {schema}.reservations
WHERE host_id = ANY (%(people)s) AND during && tstzrange(%(start)s, %(end)s)
UNION ALL
SELECT b.person_id, lower(b.during), upper(b.during), NULL, c.name
FROM {schema}.busy_intervals b JOIN {schema}.busy_calendars c ON c.id = b.calendar_id
WHERE b.person_id = ANY (%(people)s) AND b.during && tstzrange(%(start)s, %(end)s)
ORDER BY begins, ends
"""


LAST_INSTANT = datetime.max.replace(tzinfo=UTC)


class BusyPiece(NamedTuple):
    """What fills a piece of somebody's time: a meeting, buffers included, or an entry of one of their calendars.

    `ends` is None where the calendar is not known any further.
    """

    begins: datetime
    ends: datetime | None
    booking_id: UUID | None
    calendar: str | None

    def to_interval(self) -> Interval:
        """Returns the time that is taken, to the end of the calendar where no end is known."""
        return Interval(self.begins, self.ends or LAST_INSTANT)


def find_busy_pieces(database: Database, person_ids: Sequence[UUID], within: Interval) -> dict[UUID, list[BusyPiece]]:
    """Returns what fills the time of each of these people now. Raises DatabaseAway."""
    pieces: dict[UUID, list[BusyPiece]] = defaultdict(list)
    params = {"people": list(person_ids), "start": within.start, "end": within.end}
    for row in database.fetch_rows(SELECT_PIECES, params):
        pieces[row["person_id"]].append(BusyPiece(row["begins"], row["ends"], row["booking_id"], row["calendar"]))
    return pieces
