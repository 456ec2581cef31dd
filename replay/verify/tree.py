"""Recomputes the sealed tree from the events themselves, and compares every leaf and node with what was sealed."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

from replay.tree.merkle import Growing
from replay.tree.sealed_tree import WIDTH_BITS
from replay.verify.checkpoint_comparison import Comparison
from replay.verify.problems import Problem, Report
from store.database import Database

CHECK = "sealed events"
STRETCH = 20_000
FIRST = -(1 << 63)
# one statement, so that the nodes are those over the seals that end there
ENDS = """
SELECT settled, sealed, node.height, node.number, node.hash
FROM (
    SELECT (SELECT position FROM {schema}.follower) AS settled,
           coalesce((SELECT position FROM {schema}.sealed_events ORDER BY number DESC LIMIT 1), 0) AS sealed
) AS ends LEFT JOIN {schema}.sealed_nodes AS node ON true
"""
NEXT = """
SELECT max(position) FROM (
    (SELECT position FROM {schema}.events
     WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(most)s)
    UNION ALL
    (SELECT position FROM {schema}.sealed_events
     WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(most)s)
) AS ends
"""
# identities only where they are needed: most rows say only that a hash is what it was
LEAVES = """
SELECT position, hash, sealed_hash, number,
       CASE WHEN hash IS DISTINCT FROM sealed_hash THEN coalesce(sealed_stream_id, stream_id)::text END,
       CASE WHEN hash IS DISTINCT FROM sealed_hash THEN coalesce(sealed_version, version) END,
       CASE WHEN hash IS DISTINCT FROM sealed_hash AND (stream_id, version) <> (sealed_stream_id, sealed_version)
            THEN concat('version ', version, ' of ', stream_id) END
FROM (
    SELECT position, stream_id, version,
           {schema}.leaf_hash(position, recorded_at, stream_id, version, type, data) AS hash
    FROM {schema}.events WHERE position > %(after)s AND position <= %(until)s
) AS event FULL JOIN (
    SELECT position, number, hash AS sealed_hash, stream_id AS sealed_stream_id, version AS sealed_version
    FROM {schema}.sealed_events WHERE position > %(after)s AND position <= %(until)s
) AS sealed USING (position)
ORDER BY position
"""


class TreeCheck:
    """Walks over the log once, in stretches, with the seals beside it."""

    def __init__(self, db: Database, connection: Connection[Any], comparison: Comparison) -> None:
        self.db = db
        self.connection = connection
        self.comparison = comparison
        self.sealed = Growing()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.at = 0
        self.sealed_until = 0

    def run(self, report: Report) -> Iterator[Problem]:
        """Every event that is not as it was sealed, every seal that is not as it was made."""
        ends = self.rows(ENDS).fetchall()
        settled, self.sealed_until, *_ = ends[0]
        self.nodes = {(height, number): hash for _, _, height, number, hash in ends if hash is not None}
        after, until = FIRST, max(settled, self.sealed_until)
        while end := (self.rows(NEXT, {"after": after, "until": until, "most": STRETCH}).fetchone() or (None,))[0]:
            for row in self.rows(LEAVES, {"after": after, "until": end}):
                yield from self.leaf(report, *row)
            after = end
        report.sealed_events = self.sealed.size
        yield from self.left_over()
        yield from self.comparison.problems()

    def leaf(
        self,
        report: Report,
        position: int,
        hash: bytes | None,
        sealed: bytes | None,
        number: int | None,
        stream: str | None,
        version: int | None,
        now: str | None,
    ) -> Iterator[Problem]:
        """One position: its event, its seal, or both."""
        if hash is not None:
            report.checked_events += 1
            self.comparison.add(position, hash)
        if position > self.sealed_until:
            report.unproven_events += 1
            return
        if hash != sealed:
            said = difference(hash, sealed, version, now)
            yield Problem(CHECK, said, stream_id=stream and UUID(stream), position=position)  # type: ignore[arg-type]
        if sealed is not None and number is not None:
            yield from self.seal(position, number, sealed)

    def seal(self, position: int, number: int, sealed: bytes) -> Iterator[Problem]:
        """A leaf as it was sealed, and the nodes that it completes."""
        if number != self.sealed.size:
            yield Problem(CHECK, f"its seal has number {number} instead of {self.sealed.size}.", position=position)
        completed = self.sealed.add(sealed)
        for height in range(1, (len(completed) - 1) // WIDTH_BITS + 1):
            node = height, (self.sealed.size - 1) >> (height * WIDTH_BITS)
            if self.nodes.pop(node, None) != completed[height * WIDTH_BITS]:
                said = f"the sealed node of height {height} that ends here does not fit its leaves."
                yield Problem(CHECK, said, position=position)

    def left_over(self) -> Iterator[Problem]:
        """Nodes over leaves that there are not."""
        for height, number in sorted(self.nodes):
            yield Problem(CHECK, f"node {number} of height {height} is over seals that are gone.")

    def rows(self, query: str, params: dict[str, Any] | None = None) -> Cursor[Any]:
        """The rows of a statement, as tuples, in PostgreSQL's binary form."""
        cursor = self.connection.cursor(binary=True, row_factory=tuple_row)
        return cursor.execute(self.db.text(query), params or {})


def difference(hash: bytes | None, sealed: bytes | None, version: int | None, now: str | None) -> str:
    """What happened to an event since it was sealed."""
    if hash is None:
        return f"version {version} was sealed here, and is gone."
    if sealed is None:
        return f"version {version} is below the last sealed position, and was never sealed."
    if now is not None:
        return f"version {version} was sealed here, and now there is {now}."
    return f"version {version} is not as it was sealed: its data, type or time was changed."
