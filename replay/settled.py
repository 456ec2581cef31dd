"""How far the log is settled: no append with a lower position can still appear, so that readers may rely on it."""

import time

from psycopg.errors import LockNotAvailable

from domain.refusals import TryAgain
from projections.positions import position
from store.database import Database

FENCES = 6
PAUSE_SECONDS = 0.2  # after a fence that was not free: a waiting one would hold up every writer

# one statement, so that the fence is held for no more than its own moment
FENCE = """
SELECT now.settled
FROM (SELECT set_config('lock_timeout', '20ms', true) AS limited OFFSET 0) AS hurry,
     LATERAL (SELECT {schema}.settle() AS settled WHERE hurry.limited IS NOT NULL) AS now
"""


def settled(db: Database) -> int:
    """A settled position, the last one unless writers are in the way just now. Raises DatabaseAway."""
    at = position(db)
    if at.position >= at.head:
        return at.position
    fenced = fence(db)
    return at.position if fenced is None else fenced


def settled_now(db: Database) -> int:
    """The last settled position: everything recorded until now has one up to it. Raises TryAgain, DatabaseAway."""
    for _ in range(FENCES):
        fenced = fence(db)
        if fenced is not None:
            return fenced
        time.sleep(PAUSE_SECONDS)
    raise TryAgain


def fence(db: Database) -> int | None:
    """The position up to which the log is settled, or None when a writer takes longer than 20 ms."""
    with db.connection() as connection:
        try:
            row = connection.execute(db.text(FENCE)).fetchone()
        except LockNotAvailable:
            return None
    assert row is not None
    return int(row["settled"])
