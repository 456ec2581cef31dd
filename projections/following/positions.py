"""How far the read models have followed the log."""

from dataclasses import dataclass
from datetime import datetime

from store.database import Database

POSITIONS = """
SELECT position, moved_at, (SELECT coalesce(max(position), 0) FROM {schema}.events) AS head FROM {schema}.follower
"""


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the read models are, since when, and where the log ends."""

    position: int
    head: int
    moved_at: datetime


def position(db: Database) -> Positions:
    """How far the read models are, read now. Raises DatabaseAway."""
    (row,) = db.rows(POSITIONS)
    return Positions(row["position"], row["head"], row["moved_at"])
