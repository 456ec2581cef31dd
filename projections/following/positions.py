"""How far the read models have followed the log."""

from dataclasses import dataclass
from datetime import datetime

from store.database import Database

POSITIONS = """
SELECT position, moved_at, (SELECT coalesce(max(position), 0) FROM {schema}.events) AS head FROM {schema}.follower
"""


@dataclass(frozen=True, slots=True)
class Positions:
    """The follower's position, when it last moved, and the last position of the log."""

    position: int
    head: int
    moved_at: datetime


def read_positions(db: Database) -> Positions:
    """The follower's position, read now. Raises DatabaseAway."""
    (row,) = db.fetch_rows(POSITIONS)
    return Positions(row["position"], row["head"], row["moved_at"])
