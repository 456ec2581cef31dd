"""The sealed tree as it is stored: its size and root, and proofs from a few stored hashes per level."""

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
AT = "SELECT number, hash FROM {schema}.sealed_events WHERE position = %s"
STORED = """
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
POSITIONS = """
SELECT min(position) AS first, max(position) AS last FROM (
    SELECT position, position - number AS island FROM {schema}.sealed_events WHERE number >= %s AND number < %s
) AS sealed GROUP BY island ORDER BY first
"""

Stored = dict[tuple[int, int], bytes]


class BrokenTree(Exception):
    """A stored hash is missing: `oncelink verify` says where."""


@dataclass(frozen=True, slots=True)
class Head:
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

    def head(self, until: int | None = None) -> Head:
        """Where the sealed tree ends, or ended when it reached no further than a position."""
        rows = self.db.rows(HEAD, (until,))
        return Head(rows[0]["size"], rows[0]["position"]) if rows else Head(0, 0)

    def leaf(self, position: int) -> Leaf | None:
        """The leaf of the event at a position, if there is a sealed one."""
        return next((Leaf(row["number"], bytes(row["hash"])) for row in self.db.rows(AT, (position,))), None)

    def root(self, size: int) -> bytes:
        """The root over the first leaves."""
        wanted = list(merkle.complete(0, size))
        found = self.stored(wanted)
        return merkle.joined([subtree_of(found, *one) for one in wanted])

    def inclusion(self, number: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of a size, in one query."""
        wanted: list[tuple[int, int]] = []
        merkle.inclusion(noting(wanted), number, size)
        found = self.stored(wanted)
        return merkle.inclusion(lambda *one: subtree_of(found, *one), number, size)

    def consistency(self, before: int, size: int) -> list[bytes]:
        """The proof that the tree of a size begins with an earlier one, in one query."""
        wanted: list[tuple[int, int]] = []
        merkle.consistency(noting(wanted), before, size)
        found = self.stored(wanted)
        return merkle.consistency(lambda *one: subtree_of(found, *one), before, size)

    def nodes(self, height: int, first: int, beyond: int) -> list[bytes]:
        """The stored hashes of a height (0 for leaves) from one number to before another."""
        found = {row["number"]: bytes(row["hash"]) for row in self.db.rows(STORED, ([height], [first], [beyond]))}
        try:
            return [found[number] for number in range(first, beyond)]
        except KeyError as error:
            raise BrokenTree(f"node {error} of height {height} is missing") from None

    def positions(self, first: int, beyond: int) -> list[tuple[int, int]]:
        """The positions of some leaves, as ranges without gaps, both ends included."""
        return [(row["first"], row["last"]) for row in self.db.rows(POSITIONS, (first, beyond))]

    def stored(self, wanted: Iterable[tuple[int, int]]) -> Stored:
        """The stored hashes that these subtrees are made of, by height and number."""
        ranges = [stored_range(*one) for one in wanted]
        heights, firsts, beyonds = (list(column) for column in zip(*ranges, strict=True)) if ranges else ([], [], [])
        rows: list[DictRow] = self.db.rows(STORED, (heights, firsts, beyonds))
        return {(row["height"], row["number"]): bytes(row["hash"]) for row in rows}


def noting(wanted: list[tuple[int, int]]) -> merkle.Subtree:
    """Stands in for the subtrees while the ones that a proof needs are written down."""

    def note(level: int, number: int) -> bytes:
        wanted.append((level, number))
        return b""

    return note


def stored_range(level: int, number: int) -> tuple[int, int, int]:
    """The height of the stored nodes that a complete subtree is made of, and their numbers from … to before."""
    height, above = divmod(level, WIDTH_BITS)
    return height, number << above, (number + 1) << above


def subtree_of(found: Stored, level: int, number: int) -> bytes:
    """The root of a complete subtree from the stored nodes below it. Raises BrokenTree."""
    height, first, beyond = stored_range(level, number)
    try:
        hashes = [found[height, one] for one in range(first, beyond)]
    except KeyError as error:
        raise BrokenTree(f"node {error} is missing") from None
    while len(hashes) > 1:
        hashes = [merkle.node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
    return hashes[0]
