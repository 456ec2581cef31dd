"""Resolves an instant or a position to a point in time: a settled position, and the instant that is "now" there."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.refusals import Invalid
from projections.following.positions import read_positions
from replay.settled import find_last_settled_position
from store.database import Database

# Recording times are not exactly in the order of positions: appends overlap, and clocks are set back. So the event
# nearest to an instant is only the start: everything recorded within 10 s of it is looked at, at any position, and
# from
# the outermost of these the search continues in steps of 1,000 positions as long as it finds more.
LAST_POSITION = """
WITH RECURSIVE reached (position) AS (
    SELECT greatest(
        (SELECT e.position FROM {schema}.events AS e WHERE e.recorded_at <= %(instant)s AND e.position <= %(settled)s
         ORDER BY e.recorded_at DESC, e.position DESC LIMIT 1),
        (SELECT max(e.position + 0) FROM {schema}.events AS e WHERE e.recorded_at <= %(instant)s
         AND e.recorded_at > %(instant)s - interval '10 seconds' AND e.position <= %(settled)s))
    UNION ALL
    SELECT further.position FROM reached CROSS JOIN LATERAL (
        SELECT max(e.position + 0) AS position FROM {schema}.events AS e WHERE e.recorded_at <= %(instant)s
        AND e.position > reached.position AND e.position <= least(reached.position + 1000, %(settled)s)
    ) AS further WHERE further.position IS NOT NULL
)
SELECT max(position) AS position FROM reached
"""
FIRST_POSITION = """
WITH RECURSIVE reached (position) AS (
    SELECT least(
        (SELECT e.position FROM {schema}.events AS e WHERE e.recorded_at >= %(instant)s AND e.position <= %(settled)s
         ORDER BY e.recorded_at, e.position LIMIT 1),
        (SELECT min(e.position + 0) FROM {schema}.events AS e WHERE e.recorded_at >= %(instant)s
         AND e.recorded_at < %(instant)s + interval '10 seconds' AND e.position <= %(settled)s))
    UNION ALL
    SELECT further.position FROM reached CROSS JOIN LATERAL (
        SELECT min(e.position + 0) AS position FROM {schema}.events AS e WHERE e.recorded_at >= %(instant)s
        AND e.position < reached.position AND e.position >= reached.position - 1000
    ) AS further WHERE further.position IS NOT NULL
)
SELECT min(position) AS position FROM reached
"""
FIRST_EVENT = "SELECT position, recorded_at FROM {schema}.events ORDER BY position LIMIT 1"
RECORDED_AT = "SELECT recorded_at FROM {schema}.events WHERE position <= %(position)s ORDER BY position DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class PointInTime:
    """The log up to a settled position, and the instant that is "now" for what depends on time."""

    position: int
    instant: datetime


def resolve_point_in_time(db: Database, at: int | datetime, now: datetime) -> PointInTime:
    """The point in time of a position or an instant.

    Raises Invalid for one before the log or in the future, TryAgain and DatabaseAway.
    """
    return resolve_position(db, at) if isinstance(at, int) else resolve_instant(db, at, now)


def resolve_position(db: Database, requested_position: int) -> PointInTime:
    """The point in time of a position; its instant is when it was recorded.

    Raises Invalid when it is not in the log.
    """
    first, _ = read_first_event(db)
    if requested_position < first:
        raise Invalid("at", f"This is before the log, which begins at position {first}.")
    if requested_position > read_positions(db).position and requested_position > (
        settled_position := find_last_settled_position(db)
    ):
        raise Invalid("at", f"This is in the future: the log ends at position {settled_position}.")
    (row,) = db.fetch_rows(RECORDED_AT, {"position": requested_position})
    return PointInTime(requested_position, row["recorded_at"].astimezone(UTC))


def resolve_instant(db: Database, instant: datetime, now: datetime) -> PointInTime:
    """The log up to the highest settled position recorded at or before an instant.

    Raises Invalid for one in the future or before the log.
    """
    if instant > now:
        raise Invalid("at", "This instant is in the future.")
    last_position = find_last_position(db, instant, find_last_settled_position(db))
    if last_position is None:
        _, first = read_first_event(db)
        raise Invalid("at", f"This is before the log, which begins at {first:%Y-%m-%dT%H:%M:%S.%fZ}.")
    return PointInTime(last_position, instant)


def read_first_event(db: Database) -> tuple[int, datetime]:
    """The first position and when it was recorded. Raises Invalid for an empty log."""
    for row in db.fetch_rows(FIRST_EVENT):
        return row["position"], row["recorded_at"].astimezone(UTC)
    raise Invalid("at", "The log is empty.")


def find_last_position(db: Database, instant: datetime, settled: int) -> int | None:
    """The highest position, up to a settled one, that was recorded at or before an instant; None without one."""
    return fetch_position(db, LAST_POSITION, instant, settled)


def find_first_position(db: Database, instant: datetime, settled: int) -> int:
    """The lowest position that was recorded at or after an instant; the settled one plus 1 without any."""
    first_position = fetch_position(db, FIRST_POSITION, instant, settled)
    return settled + 1 if first_position is None else first_position


def fetch_position(db: Database, query: str, instant: datetime, settled: int) -> int | None:
    """The position that a query finds. The statement is planned for this instant."""
    with db.acquire_connection() as connection:
        row = connection.execute(
            db.compose_query(query), {"instant": instant, "settled": settled}, prepare=False
        ).fetchone()
    assert row is not None
    position: int | None = row["position"]
    return position
