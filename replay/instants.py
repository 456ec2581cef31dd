"""From an instant or a position to a moment of the log: up to where it had got, and what was "now" then."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.refusals import Invalid
from projections.positions import position
from replay.settled import settled_now
from store.database import Database

# Recording times are not quite in the order of positions (concurrent appends, a clock that was set back), so halving
# finds a place next to the instant, and what lies on the wrong side of it is looked up through the summary index.
AROUND = """
WITH RECURSIVE halving AS (
    SELECT 0::bigint AS low, %(settled)s::bigint + 1 AS high
    UNION ALL
    SELECT CASE WHEN probe.recorded_at > %(instant)s THEN low ELSE middle END,
           CASE WHEN probe.recorded_at > %(instant)s THEN probe.position ELSE high END
    FROM halving CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle) AS half
    LEFT JOIN LATERAL (
        SELECT e.position, e.recorded_at FROM {schema}.events AS e
        WHERE e.position > low AND e.position <= middle ORDER BY e.position DESC LIMIT 1
    ) AS probe ON true
    WHERE high - low > 1
)
SELECT max(low) AS low FROM halving
"""
# position + 0 is what the summary index is on; the primary key would be walked through everything that came later
LAST = """
SELECT coalesce(
    (SELECT max(e.position + 0) FROM {schema}.events AS e
     WHERE e.position + 0 > %(low)s AND e.position + 0 <= %(settled)s AND e.recorded_at <= %(instant)s),
    (SELECT e.position FROM {schema}.events AS e WHERE e.position <= %(low)s ORDER BY e.position DESC LIMIT 1)
) AS position
"""
FIRST = """
SELECT coalesce(
    (SELECT min(e.position + 0) FROM {schema}.events AS e
     WHERE e.position + 0 <= %(low)s AND e.recorded_at >= %(instant)s),
    %(low)s + 1
) AS position
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
    params = {"instant": instant, "settled": settled}
    return asked(db, LAST, params | {"low": asked(db, AROUND, params, "low")})


def first_recorded(db: Database, instant: datetime, settled: int) -> int:
    """No position lower than this was recorded at an instant or later."""
    params = {"instant": instant, "settled": settled}
    found = asked(db, FIRST, params | {"low": asked(db, AROUND, params, "low")})
    assert found is not None
    return found


def asked(db: Database, query: str, params: dict[str, object], name: str = "position") -> int | None:
    """One number, planned for these very parameters."""
    with db.connection() as connection:
        row = connection.execute(db.text(query), params, prepare=False).fetchone()
    assert row is not None
    number: int | None = row[name]
    return number
