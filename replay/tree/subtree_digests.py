"""Subtree digests: the first eight bytes of many hashes of the tree, in a checkpoint, to locate a change of the log.

A checkpoint's root only says that the log differs. The digests, signed with it, say where: the last 1,024 events have
one each, the last 65,536 one for each 64 of them, and so on, so that few digests cover the whole log. Checkpoints
taken at least every 1,024 events have, together, one for every event. Each row begins where a subtree of the next
height begins, so that a difference before it shows there first.
"""

import base64
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

from replay.tree.sealed_tree import WIDTH_BITS, SealedTree

DIGEST_BYTES = 8
MAX_DIGESTS = 1_024


class BadSubtreeDigests(ValueError):
    """A line of subtree digests cannot be parsed."""


@dataclass(frozen=True, slots=True)
class DigestRow:
    """The digests of consecutive subtrees of one height, from the number `first` on."""

    height: int
    first: int
    digests: bytes

    @property
    def end(self) -> int:
        """The number after the last one."""
        return self.first + len(self.digests) // DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class SubtreeDigests:
    """Rows of digests from the leaves up, and the positions of the leaves that have one."""

    rows: tuple[DigestRow, ...] = ()
    positions: tuple[tuple[int, int], ...] = ()

    def format_lines(self) -> Iterator[str]:
        """The lines of a checkpoint that contain the digests."""
        if self.rows:
            yield "positions " + (",".join(f"{first}-{last}" for first, last in self.positions) or "none")
        for row in self.rows:
            yield f"marks {row.height * WIDTH_BITS} {row.first} {base64.b64encode(row.digests).decode()}"

    @classmethod
    def from_lines(cls, lines: list[str]) -> "SubtreeDigests":
        """The digests in the lines of a checkpoint; other lines are ignored. Raises BadSubtreeDigests."""
        try:
            rows = tuple(parse_row(line.split(" ")) for line in lines if line.startswith("marks "))
            range_texts = [line.split(" ")[1] for line in lines if line.startswith("positions ")]
            ranges = [
                range_text.split("-")
                for range_text in ",".join(range_texts).split(",")
                if range_text and range_text != "none"
            ]
            positions = tuple((int(first), int(last)) for first, last in ranges)
        except (ValueError, IndexError):
            raise BadSubtreeDigests("a line of marks cannot be read") from None
        check_digests(rows, positions)
        return cls(rows, positions)


class ExpectedDigests:
    """The digests of several checkpoints of one log, merged: eight bytes for each digest, however many checkpoints."""

    def __init__(self, digest_sets: Iterable[SubtreeDigests]) -> None:
        self.digests: dict[int, bytearray] = {}
        self.is_known: dict[int, bytearray] = {}
        self.positions = array("q")
        for digests in digest_sets:
            for row in digests.rows:
                self.add_row(row)
            if digests.rows and digests.rows[0].height == 0:
                self.add_positions(digests.rows[0].first, digests.positions)

    def add_row(self, row: DigestRow) -> None:
        """Adds a row of digests."""
        digests = self.digests.setdefault(row.height, bytearray())
        is_known = self.is_known.setdefault(row.height, bytearray())
        missing_count = max(0, row.end - len(is_known))
        is_known.extend(bytes(missing_count))
        digests.extend(bytes(missing_count * DIGEST_BYTES))
        is_known[row.first : row.end] = b"\x01" * (row.end - row.first)
        digests[row.first * DIGEST_BYTES : row.end * DIGEST_BYTES] = row.digests

    def add_positions(self, first: int, ranges: Iterable[tuple[int, int]]) -> None:
        """Adds the positions of consecutive leaves, from the number `first` on."""
        positions = array("q", chain.from_iterable(range(start, last + 1) for start, last in ranges))
        self.positions.extend([0] * (first + len(positions) - len(self.positions)))
        self.positions[first : first + len(positions)] = positions

    def find_digest(self, height: int, number: int) -> bytes | None:
        """The digest of a subtree; None when there is none."""
        is_known = self.is_known.get(height, b"")
        if number >= len(is_known) or not is_known[number]:
            return None
        return bytes(self.digests[height][number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])

    def find_position(self, number: int) -> int | None:
        """The position of a leaf's event; None when it has no digest."""
        is_known = self.is_known.get(0, b"")
        return self.positions[number] if number < len(is_known) and is_known[number] else None


def parse_row(words: list[str]) -> DigestRow:
    """The row in the words of a line. Raises ValueError."""
    _, level, first, encoded_digests = words
    return DigestRow(int(level) // WIDTH_BITS, int(first), base64.b64decode(encoded_digests, validate=True))


def check_digests(rows: tuple[DigestRow, ...], positions: tuple[tuple[int, int], ...]) -> None:
    """Checks that digests and positions fit each other. Raises BadSubtreeDigests."""
    leaf_count = sum(row.end - row.first for row in rows if row.height == 0)
    if sum(last - first + 1 for first, last in positions) != leaf_count:
        raise BadSubtreeDigests("the positions are not as many as the marks of events")
    if any(first > last for first, last in positions) or any(
        left[1] >= right[0] for left, right in pairwise(positions)
    ):
        raise BadSubtreeDigests("the positions are not in order")


def collect_digests(tree: SealedTree, size: int, limit: int | None = MAX_DIGESTS) -> SubtreeDigests:
    """The digests of the first `size` leaves of the sealed tree; one for every event where `limit` is None.

    Raises DatabaseAway, BrokenTree.
    """
    rows: list[DigestRow] = []
    height = 0
    while (total := size >> (height * WIDTH_BITS)) and (not rows or rows[-1].first):
        first = 0 if limit is None else max(0, total - limit) >> WIDTH_BITS << WIDTH_BITS
        rows.append(
            DigestRow(height, first, b"".join(node[:DIGEST_BYTES] for node in tree.read_nodes(height, first, total)))
        )
        height += 1
    return SubtreeDigests(tuple(rows), tuple(tree.read_positions(rows[0].first, size)) if rows else ())
