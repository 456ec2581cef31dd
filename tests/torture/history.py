"""A history: what clients requested, when, and the answers."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from tests.torture.reference_model import Action, Answer


@dataclass(frozen=True, slots=True)
class Operation:
    """One request: it happened at one instant between `started_at` and `ended_at`.

    Without an answer nobody knows whether it happened, and it may still happen: then it has no end.
    """

    action: Action
    started_at: float
    ended_at: float | None = None
    answer: Answer | None = None

    def __str__(self) -> str:
        answer = " ".join(self.answer) if self.answer else "?"
        request = " ".join(f"{value}" for value in (self.action.key, self.action.start, self.action.kind) if value)
        end = f"{self.ended_at:.4f}" if self.ended_at is not None else "…"
        return f"{self.started_at:.4f}–{end} {self.action.verb} {self.action.target} {request} → {answer}"


@dataclass
class History:
    """The operations of several clients on one model, in the order in which they end."""

    operations: list[Operation] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add_operation(self, action: Action, started_at: float, answer: Answer | None) -> None:
        """Record an operation that has just been answered, or whose answer was lost."""
        ended_at = time.monotonic() if answer is not None else None
        with self.lock:
            self.operations.append(Operation(action, started_at, ended_at, answer))


def count_answers(operations: Sequence[Operation]) -> Counter[str]:
    """Count the answers of each verb."""
    return Counter(
        f"{operation.action.verb} {operation.answer[0] if operation.answer else 'unknown'}" for operation in operations
    )
