"""Recomputes the sealed tree from the events, and compares every leaf and node with what was sealed."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

from replay.tree.merkle import IncrementalTree
from replay.tree.sealed_tree import WIDTH_BITS
from replay.verify.checkpoint_comparison import CheckpointComparison
from replay.verify.problems import Problem, Report
from store.database import Database

CHECK = "sealed events"
EVENTS_PER_RANGE = 20_000
MIN_POSITION = -(1 << 63)
# one statement, so that the nodes fit the seals up to that end
TREE_ENDS = """
SELECT settled, sealed, node.height, node.number, node.hash
FROM (
    SELECT (SELECT position FROM {schema}.follower) AS settled,
           coalesce((SELECT position FROM {schema}.sealed_events ORDER BY number DESC LIMIT 1), 0) AS sealed
) AS ends LEFT JOIN {schema}.sealed_nodes AS node ON true
"""
NEXT_RANGE_END = """
SELECT max(position) FROM (
    (SELECT position FROM {schema}.events
     WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(most)s)
    UNION ALL
    (SELECT position FROM {schema}.sealed_events
     WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(most)s)
) AS ends
"""
# ids only where they are needed: most rows only say that a hash is unchanged
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
    """Reads the log once, in ranges, together with its seals."""

    def __init__(self, db: Database, connection: Connection[Any], comparison: CheckpointComparison) -> None:
        self.db = db
        self.connection = connection
        self.comparison = comparison
        self.sealed_tree = IncrementalTree()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.at = 0
        self.sealed_until = 0

    def run(self, report: Report) -> Iterator[Problem]:
        """Yields a problem for every event, seal or node that differs from what was sealed."""
        ends = self.execute(TREE_ENDS).fetchall()
        settled_position, self.sealed_until, *_ = ends[0]
        self.nodes = {(height, number): hash for _, _, height, number, hash in ends if hash is not None}
        after, until = MIN_POSITION, max(settled_position, self.sealed_until)
        while end := (
            self.execute(NEXT_RANGE_END, {"after": after, "until": until, "most": EVENTS_PER_RANGE}).fetchone()
            or (None,)
        )[0]:
            for row in self.execute(LEAVES, {"after": after, "until": end}):
                yield from self.check_leaf(report, *row)
            after = end
        report.sealed_events = self.sealed_tree.size
        yield from self.check_leftover_nodes()
        yield from self.comparison.list_problems()

    def check_leaf(
        self,
        report: Report,
        position: int,
        hash: bytes | None,
        sealed_hash: bytes | None,
        number: int | None,
        stream_id: str | None,
        version: int | None,
        replacement: str | None,
    ) -> Iterator[Problem]:
        """Checks one position: its event, its seal, or both."""
        if hash is not None:
            report.checked_events += 1
            self.comparison.add_event(position, hash)
        if position > self.sealed_until:
            report.unproven_events += 1
            return
        if hash != sealed_hash:
            message = describe_difference(hash, sealed_hash, version, replacement)
            yield Problem(CHECK, message, stream_id=stream_id and UUID(stream_id), position=position)  # type: ignore[arg-type]
        if sealed_hash is not None and number is not None:
            yield from self.check_seal(position, number, sealed_hash)

    def check_seal(self, position: int, number: int, sealed_hash: bytes) -> Iterator[Problem]:
        """Checks the number of a sealed leaf, and the nodes that it completes."""
        if number != self.sealed_tree.size:
            yield Problem(CHECK, f"its seal has number {number} instead of {self.sealed_tree.size}.", position=position)
        subtree_roots = self.sealed_tree.add_leaf(sealed_hash)
        for height in range(1, (len(subtree_roots) - 1) // WIDTH_BITS + 1):
            node = height, (self.sealed_tree.size - 1) >> (height * WIDTH_BITS)
            if self.nodes.pop(node, None) != subtree_roots[height * WIDTH_BITS]:
                message = f"the sealed node of height {height} that ends here does not fit its leaves."
                yield Problem(CHECK, message, position=position)

    def check_leftover_nodes(self) -> Iterator[Problem]:
        """Yields a problem for every node whose leaves are missing."""
        for height, number in sorted(self.nodes):
            yield Problem(CHECK, f"node {number} of height {height} is over seals that are gone.")

    def execute(self, query: str, params: dict[str, Any] | None = None) -> Cursor[Any]:
        """Runs a statement. Its rows are tuples, in PostgreSQL's binary format."""
        cursor = self.connection.cursor(binary=True, row_factory=tuple_row)
        return cursor.execute(self.db.compose_query(query), params or {})


def describe_difference(
    hash: bytes | None, sealed_hash: bytes | None, version: int | None, replacement: str | None
) -> str:
    """What happened to an event since it was sealed."""
    if hash is None:
        return f"version {version} was sealed here, and is gone."
    if sealed_hash is None:
        return f"version {version} is below the last sealed position, and was never sealed."
    if replacement is not None:
        return f"version {version} was sealed here, and now there is {replacement}."
    return f"version {version} is not as it was sealed: its data, type or time was changed."
