"""Compares a log, event by event, with saved checkpoints, and finds the first position at which it differs."""

from collections.abc import Sequence
from dataclasses import dataclass

from replay.tree.checkpoint import Checkpoint
from replay.tree.merkle import EMPTY_ROOT, IncrementalTree
from replay.tree.sealed_tree import WIDTH_BITS
from replay.tree.subtree_digests import DIGEST_BYTES, ExpectedDigests
from replay.verify.problems import Problem

CHECK = "checkpoint"
UNKNOWN_CHANGE = "an event was changed, put in, or is gone"
MAX_HEIGHT = 10  # blocks of 64^10 events


@dataclass(frozen=True, slots=True)
class DifferenceRange:
    """The first difference is at one of these positions, both included. `reason` is what is known about it."""

    first: int
    last: int
    reason: str


class CheckpointComparison:
    """Compares a log with several of its checkpoints; together they locate a change.

    The digests of all of them are merged, so that an event costs the same whatever their number. The first difference
    in the order of the log is the most exact one: each checkpoint's digests cover the log that way.
    """

    def __init__(self, checkpoints: Sequence[Checkpoint]) -> None:
        self.tree = IncrementalTree()
        self.position = 0
        self.confirmed_position: int | None = None  # up to this position a checkpoint's root was right
        self.digest_difference: DifferenceRange | None = None
        self.root_difference: DifferenceRange | None = None
        self.differing_sizes: list[int] = []
        self.block_starts = [1] * (MAX_HEIGHT + 1)
        self.expected = ExpectedDigests(checkpoint.digests for checkpoint in checkpoints)
        self.roots: dict[int, set[bytes]] = {}
        for checkpoint in checkpoints:
            self.roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
        self.check_root(EMPTY_ROOT)

    def add_event(self, position: int, hash: bytes) -> None:
        """Compares the next event, in the order of the log."""
        number = self.tree.size
        self.record_block_starts(number, self.position + 1 if number else min(1, position))
        subtree_roots = self.tree.add_leaf(hash)
        self.position = position
        if self.digest_difference is None:
            self.digest_difference = self.compare_leaf(number, position, hash) or self.compare_blocks(
                number, subtree_roots
            )
        if number + 1 in self.roots:
            self.check_root(self.tree.compute_root())

    def record_block_starts(self, number: int, position: int) -> None:
        """Records where each block that begins here starts: right after the event before it."""
        height = 0
        while height <= MAX_HEIGHT and not number & ((1 << (height * WIDTH_BITS)) - 1):
            self.block_starts[height] = position
            height += 1

    def compare_leaf(self, number: int, position: int, hash: bytes) -> DifferenceRange | None:
        """Compares an event with its own digest; None when it fits or has none."""
        expected_position = self.expected.find_position(number)
        if expected_position is None:
            return None
        if expected_position != position:
            reason = "an event is gone" if expected_position < position else "an event was put in"
            return DifferenceRange(min(expected_position, position), min(expected_position, position), reason)
        if self.expected.find_digest(0, number) != hash[:DIGEST_BYTES]:
            return DifferenceRange(position, position, "the event was changed")
        return None

    def compare_blocks(self, number: int, subtree_roots: list[bytes]) -> DifferenceRange | None:
        """Compares the blocks that end at an event with their digests. None when they fit or have none."""
        for height in range(1, (len(subtree_roots) - 1) // WIDTH_BITS + 1):
            digest = self.expected.find_digest(height, number >> (height * WIDTH_BITS))
            if digest is not None and digest != subtree_roots[height * WIDTH_BITS][:DIGEST_BYTES]:
                return DifferenceRange(self.block_starts[height], self.position, UNKNOWN_CHANGE)
        return None

    def check_root(self, root: bytes) -> None:
        """Compares the root so far with the roots of the checkpoints of this size."""
        expected_roots = self.roots.get(self.tree.size, {root})
        if expected_roots == {root}:
            self.confirmed_position = self.position if self.tree.size else None
            return
        self.differing_sizes.append(self.tree.size)
        if self.root_difference is None:
            self.root_difference = DifferenceRange(
                1 if self.confirmed_position is None else self.confirmed_position + 1, self.position, UNKNOWN_CHANGE
            )

    def list_problems(self) -> list[Problem]:
        """What differs, after the whole log was added: the first position, as exactly as can be proven."""
        missing_sizes = [size for size in sorted(self.roots) if size > self.tree.size]
        differences = [
            difference for difference in (self.digest_difference, self.root_difference) if difference is not None
        ]
        if missing_sizes and not differences:
            expected_position = self.expected.find_position(self.tree.size)
            position = self.position + 1 if expected_position is None else expected_position
            differences = [DifferenceRange(position, position, f"the log has {self.tree.size} events: the end is gone")]
        if not differences:
            return []
        first, last = (
            max(difference.first for difference in differences),
            min(difference.last for difference in differences),
        )
        if self.digest_difference is not None and first > last:  # a missing event can be before the range of a root
            first = last = self.digest_difference.first
        where = f"at position {first}" if first == last else f"between positions {first} and {last}"
        sizes = format_sizes([*self.differing_sizes, *missing_sizes])
        reason = differences[0].reason
        message = f"The log does not extend the checkpoint of {sizes} events: it first differs {where} ({reason})."
        return [Problem(CHECK, message, position=first)]


def format_sizes(sizes: Sequence[int]) -> str:
    """The sizes of checkpoints; the first five when there are more."""
    return ", ".join(map(str, sizes[:5])) + (f" and {len(sizes) - 5} more" if len(sizes) > 5 else "")
