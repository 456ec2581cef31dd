"""A history: what clients asked, when, and what they were answered."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from tests.torture.reference_model import Action, Answer


@dataclass(frozen=True, slots=True)
class Operation:
    """One request: it happened at one instant between `began` and `ended`.

    Without an answer nobody knows whether it happened, and it may still happen: then it has no end.
    """

    action: Action
    began: float
    ended: float | None = None
    answer: Answer | None = None

    def __str__(self) -> str:
        said = " ".join(self.answer) if self.answer else "?"
        asked = " ".join(f"{value}" for value in (self.action.key, self.action.start, self.action.kind) if value)
        until = f"{self.ended:.4f}" if self.ended is not None else "…"
        return f"{self.began:.4f}–{until} {self.action.verb} {self.action.about} {asked} → {said}"


@dataclass
class History:
    """The operations of several clients on one desk, as they end."""

    operations: list[Operation] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, action: Action, began: float, answer: Answer | None) -> None:
        """Notes an operation that has just been answered, or whose answer was lost."""
        ended = time.monotonic() if answer is not None else None
        with self.lock:
            self.operations.append(Operation(action, began, ended, answer))


def counts(operations: Sequence[Operation]) -> Counter[str]:
    """How often each verb was answered how."""
    return Counter(f"{one.action.verb} {one.answer[0] if one.answer else 'unknown'}" for one in operations)
