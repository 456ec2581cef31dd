"""Compares a log, event after event, with saved checkpoints, and finds the first position at which it differs."""

from collections.abc import Sequence
from dataclasses import dataclass

from replay.tree.checkpoint import Checkpoint
from replay.tree.merkle import EMPTY_ROOT, Growing
from replay.tree.sealed_tree import WIDTH_BITS
from replay.tree.subtree_digests import LENGTH, Expected
from replay.verify.problems import Problem

CHECK = "checkpoint"
SOMEHOW = "an event was changed, put in, or is gone"
HIGHEST = 10  # blocks of 64^10 events


@dataclass(frozen=True, slots=True)
class Within:
    """The first difference is at one of these positions, both included; `said` is what is known of it."""

    first: int
    last: int
    said: str


class Comparison:
    """Several checkpoints of one log; together they narrow down where it was changed.

    The marks of all of them are put together, so that an event costs the same whatever their number. Whatever comes
    first in the order of the log is the narrowest: the marks of each checkpoint cover it so
    (see `replay.tree.subtree_digests`).
    """

    def __init__(self, checkpoints: Sequence[Checkpoint]) -> None:
        self.tree = Growing()
        self.position = 0
        self.good: int | None = None  # up to here a checkpoint's root was right
        self.by_mark: Within | None = None
        self.by_root: Within | None = None
        self.differing: list[int] = []
        self.firsts = [1] * (HIGHEST + 1)
        self.expected = Expected(one.marks for one in checkpoints)
        self.roots: dict[int, set[bytes]] = {}
        for one in checkpoints:
            self.roots.setdefault(one.size, set()).add(one.root)
        self.check_root(EMPTY_ROOT)

    def add(self, position: int, hash: bytes) -> None:
        """Shows the next event, in the order of the log."""
        number = self.tree.size
        self.begin(number, self.position + 1 if number else min(1, position))
        completed = self.tree.add(hash)
        self.position = position
        if self.by_mark is None:
            self.by_mark = self.by_leaf(number, position, hash) or self.by_blocks(number, completed)
        if number + 1 in self.roots:
            self.check_root(self.tree.root())

    def begin(self, number: int, position: int) -> None:
        """Keeps where each of the blocks at hand begins: right behind the event before it, whatever was there."""
        height = 0
        while height <= HIGHEST and not number & ((1 << (height * WIDTH_BITS)) - 1):
            self.firsts[height] = position
            height += 1

    def by_leaf(self, number: int, position: int, hash: bytes) -> Within | None:
        """What the mark of an event says of it."""
        was = self.expected.position(number)
        if was is None:
            return None
        if was != position:
            said = "an event is gone" if was < position else "an event was put in"
            return Within(min(was, position), min(was, position), said)
        if self.expected.mark(0, number) != hash[:LENGTH]:
            return Within(position, position, "the event was changed")
        return None

    def by_blocks(self, number: int, completed: list[bytes]) -> Within | None:
        """What the marks of the blocks say that end with an event, the smallest first."""
        for height in range(1, (len(completed) - 1) // WIDTH_BITS + 1):
            mark = self.expected.mark(height, number >> (height * WIDTH_BITS))
            if mark is not None and mark != completed[height * WIDTH_BITS][:LENGTH]:
                return Within(self.firsts[height], self.position, SOMEHOW)
        return None

    def check_root(self, root: bytes) -> None:
        """Compares the root so far with that of the checkpoints of this size."""
        wanted = self.roots.get(self.tree.size, {root})
        if wanted == {root}:
            self.good = self.position if self.tree.size else None
            return
        self.differing.append(self.tree.size)
        if self.by_root is None:
            self.by_root = Within(1 if self.good is None else self.good + 1, self.position, SOMEHOW)

    def problems(self) -> list[Problem]:
        """What differs, once the whole log was shown: the first position, as narrowly as the checkpoints prove it."""
        missing = [size for size in sorted(self.roots) if size > self.tree.size]
        found = [one for one in (self.by_mark, self.by_root) if one is not None]
        if missing and not found:
            was = self.expected.position(self.tree.size)
            at = self.position + 1 if was is None else was
            found = [Within(at, at, f"the log has {self.tree.size} events: the end is gone")]
        if not found:
            return []
        first, last = max(one.first for one in found), min(one.last for one in found)
        if self.by_mark is not None and first > last:  # what is gone can be before where a root was compared
            first = last = self.by_mark.first
        where = f"at position {first}" if first == last else f"between positions {first} and {last}"
        sizes = named([*self.differing, *missing])
        said = f"The log does not extend the checkpoint of {sizes} events: it first differs {where} ({found[0].said})."
        return [Problem(CHECK, said, position=first)]


def named(sizes: Sequence[int]) -> str:
    """The sizes of checkpoints; of many the first ones."""
    return ", ".join(map(str, sizes[:5])) + (f" and {len(sizes) - 5} more" if len(sizes) > 5 else "")
