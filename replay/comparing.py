"""Compares a log, event after event, with saved checkpoints, and finds the first position at which it differs."""

from collections.abc import Sequence
from dataclasses import dataclass

from replay.checkpoint import Checkpoint
from replay.marks import LENGTH
from replay.merkle import EMPTY_ROOT, Growing
from replay.problems import Problem
from replay.sealed_tree import WIDTH_BITS

CHECK = "checkpoint"
BLOCK = 1 << WIDTH_BITS


@dataclass(frozen=True, slots=True)
class Within:
    """The first difference is at one of these positions, both included; `said` is what is known of it."""

    first: int
    last: int
    said: str


@dataclass(slots=True)
class Trial:
    """One checkpoint, to which the log is shown."""

    checkpoint: Checkpoint
    found: Within | None = None
    differs: bool = False

    def leaf(self, number: int, position: int, hash: bytes) -> None:
        """The next event."""
        mark, was = self.checkpoint.marks.mark(0, number), self.checkpoint.marks.position(number)
        if self.found or mark is None or was is None:
            return
        if was != position:
            said = "an event is gone" if was < position else "an event was put in"
            self.found = Within(min(was, position), min(was, position), said)
        elif mark != hash[:LENGTH]:
            self.found = Within(position, position, "the event was changed")

    def block(self, height: int, number: int, first: int, last: int, hash: bytes) -> None:
        """A subtree that is complete, over the events at these positions."""
        mark = self.checkpoint.marks.mark(height, number)
        if not self.found and mark is not None and mark != hash[:LENGTH]:
            self.found = Within(first, last, "an event was changed, put in, or is gone")

    def root(self, root: bytes, position: int) -> None:
        """The root at the checkpoint's size, with the position of the last event."""
        self.differs = root != self.checkpoint.root
        if self.differs and not self.found:
            self.found = Within(1, position, "an event was changed, put in, or is gone")
        if not self.differs:
            self.found = None

    def ended(self, size: int, position: int) -> None:
        """The log is over before it has the checkpoint's size."""
        self.differs = True
        if self.found is None:
            was = self.checkpoint.marks.position(size)
            at = position + 1 if was is None else was
            self.found = Within(at, at, f"the log has {size} events, and had {self.checkpoint.size}: the end is gone")


class Comparison:
    """Several checkpoints of one log; together they narrow down where it was changed."""

    def __init__(self, checkpoints: Sequence[Checkpoint]) -> None:
        self.tree = Growing()
        self.position = 0
        self.trials = [Trial(one) for one in checkpoints]
        self.firsts: dict[int, int] = {}
        self.good: int | None = None
        self.ends: dict[int, list[Trial]] = {}
        for trial in self.trials:
            self.ends.setdefault(trial.checkpoint.size, []).append(trial)
        for trial in self.ends.get(0, []):
            trial.root(EMPTY_ROOT, 0)

    def add(self, position: int, hash: bytes) -> None:
        """Shows the next event, in the order of the log."""
        number = self.tree.size
        self.begin(number, self.position + 1 if number else min(1, position))
        completed = self.tree.add(hash)
        self.position = position
        open_trials = [trial for trial in self.trials if number < trial.checkpoint.size]
        for trial in open_trials:
            trial.leaf(number, position, hash)
        for height in range(1, (len(completed) - 1) // WIDTH_BITS + 1):
            self.complete(open_trials, height, number, completed[height * WIDTH_BITS])
        for trial in self.ends.get(number + 1, []):
            trial.root(self.tree.root(), position)
            if not trial.differs:
                self.good = position

    def begin(self, number: int, position: int) -> None:
        """Keeps where each of the blocks at hand begins: right behind the event before it, whatever was there."""
        height = 0
        while number % (1 << (height * WIDTH_BITS)) == 0:
            self.firsts[height] = position
            height += 1
            if height > 10:
                return

    def complete(self, trials: Sequence[Trial], height: int, number: int, hash: bytes) -> None:
        """Shows a complete block that ends with a leaf."""
        block = number >> (height * WIDTH_BITS)
        for trial in trials:
            trial.block(height, block, self.firsts.get(height, 0), self.position, hash)

    def problems(self) -> list[Problem]:
        """What differs, once the whole log was shown: the first position, as narrowly as the checkpoints prove it."""
        for trial in self.trials:
            if trial.checkpoint.size > self.tree.size:
                trial.ended(self.tree.size, self.position)
        found = [trial.found for trial in self.trials if trial.differs and trial.found]
        if not found:
            return []
        sizes = ", ".join(str(trial.checkpoint.size) for trial in self.trials if trial.differs)
        first = max(one.first for one in found)
        first = first if self.good is None else max(first, self.good + 1)
        narrowest = min(found, key=lambda one: (one.last - one.first, one.last))
        last = max(first, min(one.last for one in found))
        where = f"at position {first}" if first == last else f"between positions {first} and {last}"
        said = f"The log does not extend the checkpoint of {sizes} events: it first differs {where} ({narrowest.said})."
        return [Problem(CHECK, said, position=first)]
