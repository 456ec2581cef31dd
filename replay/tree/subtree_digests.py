"""Marks: eight bytes of many hashes of the tree, carried by a checkpoint, by which a change of the log is found.

A checkpoint's root says only that the log differs. The marks under it, signed with it, say where: the last 1,024
events have one each, the last 65,536 one for each 64 of them, and so on, so that the whole log is covered by few of
them. Checkpoints taken at least every 1,024 events have, together, one for every event. Each row begins where a subtree
of the next height begins, so that a difference before it shows there first.
"""

import base64
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

from replay.tree.sealed_tree import WIDTH_BITS, SealedTree

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


@dataclass(frozen=True, slots=True)
class Marks:
    """Rows of marks from the leaves up, and the positions of the leaves that have one."""

    rows: tuple[Row, ...] = ()
    positions: tuple[tuple[int, int], ...] = ()

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


class Expected:
    """The marks of several checkpoints of one log, put together: eight bytes for each, however many checkpoints."""

    def __init__(self, all_marks: Iterable[Marks]) -> None:
        self.marks: dict[int, bytearray] = {}
        self.known: dict[int, bytearray] = {}
        self.positions = array("q")
        for marks in all_marks:
            for row in marks.rows:
                self.put(row)
            if marks.rows and marks.rows[0].height == 0:
                self.place(marks.rows[0].first, marks.positions)

    def put(self, row: Row) -> None:
        """Takes a row of marks in."""
        marks = self.marks.setdefault(row.height, bytearray())
        known = self.known.setdefault(row.height, bytearray())
        lacking = max(0, row.beyond - len(known))
        known.extend(bytes(lacking))
        marks.extend(bytes(lacking * LENGTH))
        known[row.first : row.beyond] = b"\x01" * (row.beyond - row.first)
        marks[row.first * LENGTH : row.beyond * LENGTH] = row.marks

    def place(self, first: int, ranges: Iterable[tuple[int, int]]) -> None:
        """Takes in where in the log some leaves are, from a number on."""
        placed = array("q", chain.from_iterable(range(one, last + 1) for one, last in ranges))
        self.positions.extend([0] * (first + len(placed) - len(self.positions)))
        self.positions[first : first + len(placed)] = placed

    def mark(self, height: int, number: int) -> bytes | None:
        """The mark of a subtree, if there is one."""
        known = self.known.get(height, b"")
        if number >= len(known) or not known[number]:
            return None
        return bytes(self.marks[height][number * LENGTH : (number + 1) * LENGTH])

    def position(self, number: int) -> int | None:
        """Where a leaf's event was in the log, if it has a mark."""
        known = self.known.get(0, b"")
        return self.positions[number] if number < len(known) and known[number] else None


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
