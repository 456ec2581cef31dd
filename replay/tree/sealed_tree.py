"""The sealed Merkle tree in the database: its size and root, and proofs from a few stored hashes per level."""

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg.rows import DictRow

from replay.tree import merkle
from store.database import Database

WIDTH_BITS = 6  # a stored node is over 2^6 nodes of the height below
HEAD = """
SELECT number + 1 AS size, position FROM {schema}.sealed_events
WHERE position <= coalesce(%s, 9223372036854775807) ORDER BY position DESC LIMIT 1
"""
LEAF_AT_POSITION = "SELECT number, hash FROM {schema}.sealed_events WHERE position = %s"
STORED_HASHES = """
SELECT wanted.height, found.number, found.hash
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS wanted (height, first, beyond)
CROSS JOIN LATERAL (
    SELECT number, hash FROM {schema}.sealed_events
    WHERE wanted.height = 0 AND number >= wanted.first AND number < wanted.beyond
    UNION ALL
    SELECT number, hash FROM {schema}.sealed_nodes
    WHERE height = wanted.height AND number >= wanted.first AND number < wanted.beyond
) AS found
"""
LEAF_POSITIONS = """
SELECT min(position) AS first, max(position) AS last FROM (
    SELECT position, position - number AS island FROM {schema}.sealed_events WHERE number >= %s AND number < %s
) AS sealed GROUP BY island ORDER BY first
"""

StoredHashes = dict[tuple[int, int], bytes]


class BrokenTree(Exception):
    """A stored hash is missing; `oncelink verify` says where."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """How many events are sealed, and the position of the last one."""

    size: int
    position: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A sealed event: its number in the tree, and its hash."""

    number: int
    hash: bytes


class SealedTree:
    """Reads the sealed tree. Every method raises DatabaseAway, and BrokenTree where a stored hash is gone."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def read_head(self, until: int | None = None) -> TreeHead:
        """The head of the sealed tree; with `until`, of the part up to a position."""
        rows = self.db.fetch_rows(HEAD, (until,))
        return TreeHead(rows[0]["size"], rows[0]["position"]) if rows else TreeHead(0, 0)

    def find_leaf(self, position: int) -> Leaf | None:
        """The leaf of the event at a position; None when there is no sealed one."""
        return next(
            (Leaf(row["number"], bytes(row["hash"])) for row in self.db.fetch_rows(LEAF_AT_POSITION, (position,))), None
        )

    def compute_root(self, size: int) -> bytes:
        """The root over the first leaves."""
        subtrees = list(merkle.divide_range(0, size))
        hashes = self.read_stored_hashes(subtrees)
        return merkle.join_peaks([compute_subtree_root(hashes, *subtree) for subtree in subtrees])

    def prove_inclusion(self, number: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of a size, in one query."""
        subtrees: list[tuple[int, int]] = []
        merkle.prove_inclusion(record_subtrees(subtrees), number, size)
        hashes = self.read_stored_hashes(subtrees)
        return merkle.prove_inclusion(lambda *subtree: compute_subtree_root(hashes, *subtree), number, size)

    def prove_consistency(self, before: int, size: int) -> list[bytes]:
        """The proof that the tree of a size begins with an earlier one, in one query."""
        subtrees: list[tuple[int, int]] = []
        merkle.prove_consistency(record_subtrees(subtrees), before, size)
        hashes = self.read_stored_hashes(subtrees)
        return merkle.prove_consistency(lambda *subtree: compute_subtree_root(hashes, *subtree), before, size)

    def read_nodes(self, height: int, first: int, end: int) -> list[bytes]:
        """The stored hashes of a height (0 for leaves) with numbers first … end - 1."""
        hashes = {
            row["number"]: bytes(row["hash"]) for row in self.db.fetch_rows(STORED_HASHES, ([height], [first], [end]))
        }
        try:
            return [hashes[number] for number in range(first, end)]
        except KeyError as error:
            raise BrokenTree(f"node {error} of height {height} is missing") from None

    def read_positions(self, first: int, end: int) -> list[tuple[int, int]]:
        """The positions of leaves first … end - 1, as ranges without gaps, both ends included."""
        return [(row["first"], row["last"]) for row in self.db.fetch_rows(LEAF_POSITIONS, (first, end))]

    def read_stored_hashes(self, subtrees: Iterable[tuple[int, int]]) -> StoredHashes:
        """The stored hashes below these subtrees, by height and number."""
        ranges = [compute_stored_range(*subtree) for subtree in subtrees]
        heights, firsts, range_ends = (list(column) for column in zip(*ranges, strict=True)) if ranges else ([], [], [])
        rows: list[DictRow] = self.db.fetch_rows(STORED_HASHES, (heights, firsts, range_ends))
        return {(row["height"], row["number"]): bytes(row["hash"]) for row in rows}


def record_subtrees(subtrees: list[tuple[int, int]]) -> merkle.Subtree:
    """A Subtree function that records which subtrees a proof needs, and returns empty hashes."""

    def record(level: int, number: int) -> bytes:
        subtrees.append((level, number))
        return b""

    return record


def compute_stored_range(level: int, number: int) -> tuple[int, int, int]:
    """The height of the stored nodes below a subtree, and their numbers: the first, and one past the last."""
    height, levels_above = divmod(level, WIDTH_BITS)
    return height, number << levels_above, (number + 1) << levels_above


def compute_subtree_root(stored_hashes: StoredHashes, level: int, number: int) -> bytes:
    """The root of a complete subtree from the stored hashes below it. Raises BrokenTree."""
    height, first, end = compute_stored_range(level, number)
    try:
        hashes = [stored_hashes[height, index] for index in range(first, end)]
    except KeyError as error:
        raise BrokenTree(f"node {error} is missing") from None
    while len(hashes) > 1:
        hashes = [merkle.hash_node(*hashes[index : index + 2]) for index in range(0, len(hashes), 2)]
    return hashes[0]
