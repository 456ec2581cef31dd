"""Marks: eight bytes of many hashes of the tree, carried by a checkpoint, by which a change of the log is found.

A checkpoint's root says only that the log differs. The marks under it, signed with it, say where: the last 1,024
events have one each, the last 65,536 one for each 64 of them, and so on, so that the whole log is covered by few of
them. Checkpoints taken at least every 1,024 events have, together, one for every event. Each row begins where a subtree
of the next height begins, so that a difference before it shows there first.
"""

import base64
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from replay.sealed_tree import WIDTH_BITS, SealedTree

LENGTH = 8
MOST = 1_024


class BadMarks(ValueError):
    """A line of marks cannot be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """Marks of subtrees of one height that follow each other, from the number `first` on."""

    height: int
    first: int
    marks: bytes

    @property
    def beyond(self) -> int:
        """The number after the last one."""
        return self.first + len(self.marks) // LENGTH

    def of(self, number: int) -> bytes | None:
        """The mark of a subtree, if there is one."""
        if not self.first <= number < self.beyond:
            return None
        at = (number - self.first) * LENGTH
        return self.marks[at : at + LENGTH]


@dataclass(frozen=True)
class Marks:
    """Rows of marks from the leaves up, and the positions of the leaves that have one."""

    rows: tuple[Row, ...] = ()
    positions: tuple[tuple[int, int], ...] = ()

    def mark(self, height: int, number: int) -> bytes | None:
        """The mark of a subtree, if there is one."""
        return next((row.of(number) for row in self.rows if row.height == height), None)

    def position(self, number: int) -> int | None:
        """Where a leaf's event was in the log, if it has a mark."""
        leaves = self.rows[0] if self.rows and self.rows[0].height == 0 else None
        if leaves is None or not leaves.first <= number < leaves.beyond:
            return None
        ahead = number - leaves.first
        at = bisect_right(self.offsets, ahead) - 1
        return self.positions[at][0] + ahead - self.offsets[at]

    @cached_property
    def offsets(self) -> list[int]:
        """How many leaves with a mark come before each of the ranges of positions."""
        return list(accumulate((last - first + 1 for first, last in self.positions), initial=0))

    def lines(self) -> Iterator[str]:
        """The lines of a checkpoint that carry them."""
        if self.rows:
            yield "positions " + (",".join(f"{first}-{last}" for first, last in self.positions) or "none")
        for row in self.rows:
            yield f"marks {row.height * WIDTH_BITS} {row.first} {base64.b64encode(row.marks).decode()}"

    @classmethod
    def read(cls, lines: list[str]) -> "Marks":
        """The marks in the lines of a checkpoint; other lines are left alone. Raises BadMarks."""
        try:
            rows = tuple(row_of(line.split(" ")) for line in lines if line.startswith("marks "))
            told = [line.split(" ")[1] for line in lines if line.startswith("positions ")]
            ranges = [one.split("-") for one in ",".join(told).split(",") if one and one != "none"]
            positions = tuple((int(first), int(last)) for first, last in ranges)
        except (ValueError, IndexError):
            raise BadMarks("a line of marks cannot be read") from None
        check(rows, positions)
        return cls(rows, positions)


def row_of(words: list[str]) -> Row:
    """The row in a line's words. Raises ValueError."""
    _, level, first, marks = words
    return Row(int(level) // WIDTH_BITS, int(first), base64.b64decode(marks, validate=True))


def check(rows: tuple[Row, ...], positions: tuple[tuple[int, int], ...]) -> None:
    """Lets only marks and positions pass that fit each other. Raises BadMarks."""
    leaves = sum(row.beyond - row.first for row in rows if row.height == 0)
    if sum(last - first + 1 for first, last in positions) != leaves:
        raise BadMarks("the positions are not as many as the marks of events")
    if any(first > last for first, last in positions) or any(one[1] >= two[0] for one, two in pairwise(positions)):
        raise BadMarks("the positions are not in order")


def taken(tree: SealedTree, size: int, most: int | None = MOST) -> Marks:
    """The marks of the first leaves of the sealed tree; one for every event where `most` is None.

    Raises DatabaseAway, BrokenTree.
    """
    rows: list[Row] = []
    height = 0
    while (total := size >> (height * WIDTH_BITS)) and (not rows or rows[-1].first):
        first = 0 if most is None else max(0, total - most) >> WIDTH_BITS << WIDTH_BITS
        rows.append(Row(height, first, b"".join(one[:LENGTH] for one in tree.nodes(height, first, total))))
        height += 1
    return Marks(tuple(rows), tuple(tree.positions(rows[0].first, size)) if rows else ())
