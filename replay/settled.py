"""How far the log is settled: no append with a lower position can still appear, so readers may rely on it."""

from psycopg.errors import LockNotAvailable

from domain.refusals import TryAgain
from projections.following.positions import read_positions
from store.database import Database

SHORT_LOCK_TIMEOUT, LONG_LOCK_TIMEOUT = "20ms", "1s"

# one statement, so that the timeout applies to nothing else
SETTLE = """
SELECT now.settled
FROM (SELECT set_config('lock_timeout', %s, true) AS limited OFFSET 0) AS hurry,
     LATERAL (SELECT {schema}.settle() AS settled WHERE hurry.limited IS NOT NULL) AS now
"""


def find_settled_position(db: Database) -> int:
    """A settled position; the last one unless a writer takes longer than 20 ms just now. Raises DatabaseAway."""
    positions = read_positions(db)
    if positions.position >= positions.head:
        return positions.position
    settled_position = settle_log(db, SHORT_LOCK_TIMEOUT)
    return positions.position if settled_position is None else settled_position


def find_last_settled_position(db: Database) -> int:
    """The last settled position: everything recorded until now is at or before it.

    Raises TryAgain, DatabaseAway.
    """
    settled_position = settle_log(db, LONG_LOCK_TIMEOUT)
    if settled_position is None:
        raise TryAgain
    return settled_position


def settle_log(db: Database, lock_timeout: str) -> int | None:
    """The position up to which the log is settled; None when a writer takes longer than the timeout."""
    with db.acquire_connection() as connection:
        try:
            row = connection.execute(db.compose_query(SETTLE), (lock_timeout,)).fetchone()
        except LockNotAvailable:
            return None
    assert row is not None
    return int(row["settled"])
