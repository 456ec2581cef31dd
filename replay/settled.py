"""How far the log is settled: no append with a lower position can still appear, so that readers may rely on it."""

from psycopg.errors import LockNotAvailable

from domain.refusals import TryAgain
from projections.following.positions import position
from store.database import Database

HURRIED, PATIENT = "20ms", "1s"

# one statement, so that the limit is for nothing else
SETTLE = """
SELECT now.settled
FROM (SELECT set_config('lock_timeout', %s, true) AS limited OFFSET 0) AS hurry,
     LATERAL (SELECT {schema}.settle() AS settled WHERE hurry.limited IS NOT NULL) AS now
"""


def settled(db: Database) -> int:
    """A settled position, the last one unless a writer takes longer than 20 ms just now. Raises DatabaseAway."""
    at = position(db)
    if at.position >= at.head:
        return at.position
    found = settle(db, HURRIED)
    return at.position if found is None else found


def settled_now(db: Database) -> int:
    """The last settled position: everything recorded until now has one up to it. Raises TryAgain, DatabaseAway."""
    found = settle(db, PATIENT)
    if found is None:
        raise TryAgain
    return found


def settle(db: Database, patience: str) -> int | None:
    """The position up to which the log is settled, or None when a writer takes longer than that."""
    with db.connection() as connection:
        try:
            row = connection.execute(db.text(SETTLE), (patience,)).fetchone()
        except LockNotAvailable:
            return None
    assert row is not None
    return int(row["settled"])
