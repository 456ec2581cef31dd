"""From an instant or a position to a moment of the log: up to where it had got, and what was "now" then."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.refusals import Invalid
from projections.following.positions import position
from replay.settled import settled_now
from store.database import Database

# Recording times are not quite in the order of positions: appends overlap, and clocks are set back. So the event next
# to an instant is not the end of the search: what was recorded within 10 s of it is looked at, wherever that stands,
# and from the outermost of that, 1,000 positions further and further as long as there is more.
LAST = """
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
FIRST = """
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
BEGINNING = "SELECT position, recorded_at FROM {schema}.events ORDER BY position LIMIT 1"
AT = "SELECT recorded_at FROM {schema}.events WHERE position <= %(position)s ORDER BY position DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Moment:
    """The log up to a settled position, and the instant that is "now" for what depends on time."""

    position: int
    instant: datetime


def moment(db: Database, at: int | datetime, now: datetime) -> Moment:
    """The moment of a position or an instant.

    Raises Invalid for one before the log or in the future, TryAgain and DatabaseAway.
    """
    return at_position(db, at) if isinstance(at, int) else at_instant(db, at, now)


def at_position(db: Database, wanted: int) -> Moment:
    """The log up to a position, whose own instant is now. Raises Invalid when the log is not there, or not yet."""
    first, _ = beginning(db)
    if wanted < first:
        raise Invalid("at", f"This is before the log, which begins at position {first}.")
    if wanted > position(db).position and wanted > (end := settled_now(db)):
        raise Invalid("at", f"This is in the future: the log ends at position {end}.")
    (row,) = db.rows(AT, {"position": wanted})
    return Moment(wanted, row["recorded_at"].astimezone(UTC))


def at_instant(db: Database, instant: datetime, now: datetime) -> Moment:
    """The log up to the highest settled position recorded at or before an instant.

    Raises Invalid for one in the future or before the log.
    """
    if instant > now:
        raise Invalid("at", "This instant is in the future.")
    found = last_recorded(db, instant, settled_now(db))
    if found is None:
        _, first = beginning(db)
        raise Invalid("at", f"This is before the log, which begins at {first:%Y-%m-%dT%H:%M:%S.%fZ}.")
    return Moment(found, instant)


def beginning(db: Database) -> tuple[int, datetime]:
    """The first position and when it was recorded. Raises Invalid for an empty log."""
    for row in db.rows(BEGINNING):
        return row["position"], row["recorded_at"].astimezone(UTC)
    raise Invalid("at", "The log is empty.")


def last_recorded(db: Database, instant: datetime, settled: int) -> int | None:
    """The highest position, up to a settled one, that was recorded at or before an instant; None without one."""
    return asked(db, LAST, instant, settled)


def first_recorded(db: Database, instant: datetime, settled: int) -> int:
    """The lowest position that was recorded at an instant or later; beyond the settled one without any."""
    found = asked(db, FIRST, instant, settled)
    return settled + 1 if found is None else found


def asked(db: Database, query: str, instant: datetime, settled: int) -> int | None:
    """The position that a query finds, planned for this very instant."""
    with db.connection() as connection:
        row = connection.execute(db.text(query), {"instant": instant, "settled": settled}, prepare=False).fetchone()
    assert row is not None
    position: int | None = row["position"]
    return position
