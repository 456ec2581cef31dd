"""Decides whether some order of one-at-a-time operations explains a history (Wing and Gong, with Lowe's memoisation).

An order explains it when each operation happens between its start and its end, and each answer is one that the
specification gives in the state it then meets. An operation without an answer may happen at any time after its
start, or never. Models that share no host, link or token are checked each by itself: no answer of one depends on
another, so a history is explained exactly when each model's part of it is (Herlihy and Wing's locality).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.torture.history import Operation
from tests.torture.reference_model import CHANGES, ReferenceModel, State

MAX_STATES = 2_000_000


class Undecided(Exception):
    """The history has more possible orders than `MAX_STATES` allows to search."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a history is explained; if not, the longest explained order and the operations that could not follow."""

    explained: bool
    states_visited: int
    order: tuple[Operation, ...] = ()
    blocked: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A set of operations that have happened, and the state they led to."""

    done: int
    state: State
    last: Operation | None = None
    previous: "Node | None" = None

    @property
    def order(self) -> tuple[Operation, ...]:
        """The operations that have happened, first to last."""
        operations: list[Operation] = []
        node: Node | None = self
        while node is not None and node.last is not None:
            operations.append(node.last)
            node = node.previous
        return tuple(reversed(operations))


class Checker:
    """Searches the orders of one history, depth first, each (operations done, state) once."""

    def __init__(self, model: ReferenceModel, operations: Sequence[Operation]) -> None:
        self.model = model
        self.operations = sorted(operations, key=lambda operation: operation.started_at)
        self.required = sum(1 << n for n, operation in enumerate(self.operations) if operation.answer is not None)

    def check_history(self, start: State) -> Verdict:
        """Check the history from a start state. Raises Undecided."""
        stack = [Node(0, start)]
        visited: set[tuple[int, State]] = set()
        furthest = stack[0]
        while stack:
            node = stack.pop()
            if node.done & self.required == self.required:
                return Verdict(True, len(visited), node.order)
            if (node.done, node.state) in visited:
                continue
            visited.add((node.done, node.state))
            if len(visited) > MAX_STATES:
                raise Undecided(f"more than {MAX_STATES} states of {len(self.operations)} operations")
            if node.done.bit_count() > furthest.done.bit_count():
                furthest = node
            stack.extend(self.iterate_next(node))
        blocked = tuple(self.operations[n] for n in self.list_candidates(furthest.done))
        return Verdict(False, len(visited), furthest.order, blocked)

    def list_candidates(self, done: int) -> list[int]:
        """List what may happen next: what started before everything else that must still happen has ended."""
        candidates: list[int] = []
        first_end = float("inf")
        for n in range((~done & (done + 1)).bit_length() - 1, len(self.operations)):
            operation = self.operations[n]
            if done >> n & 1:
                continue
            if operation.started_at > first_end:
                break
            candidates.append(n)
            if operation.answer is not None and operation.ended_at is not None:
                first_end = min(first_end, operation.ended_at)
        return [n for n in candidates if self.operations[n].started_at <= first_end]

    def is_read_only(self, n: int) -> bool:
        """Return whether an operation with this answer leaves every state as it is, not only the one it meets now."""
        answer = self.operations[n].answer
        return answer is not None and answer[0] not in CHANGES

    def compute_end(self, n: int) -> float:
        """Compute when an operation had happened at the latest."""
        ended_at = self.operations[n].ended_at
        return float("inf") if ended_at is None else ended_at

    def iterate_next(self, node: Node) -> Iterator[Node]:
        """Iterate over what can come next. A read that is true now needs no alternative: it may happen now."""
        following = []
        for n in sorted(self.list_candidates(node.done), key=self.compute_end):
            for state in self.iterate_states_after(node.state, n):
                next_node = Node(node.done | 1 << n, state, self.operations[n], node)
                if self.is_read_only(n):
                    return iter([next_node])
                following.append(next_node)
        return reversed(following)

    def iterate_states_after(self, state: State, n: int) -> Iterator[State]:
        """Iterate over the states after an operation with its answer; without one, over every other state."""
        operation = self.operations[n]
        for answer, next_state in self.model.list_steps(state, operation.action):
            if answer == operation.answer or (operation.answer is None and next_state != state):
                yield next_state
