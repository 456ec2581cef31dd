"""Decides whether some order of one-at-a-time operations explains a history (Wing and Gong, with Lowe's memory).

An order explains it when each operation happens between its beginning and its end, and each answer is one that the
specification gives in the state it then meets. An operation without an answer may happen at any time after its
beginning, or never. Desks that share no host, link or token are checked each by itself: no answer of one depends on
another, so a history is explained exactly when each desk's part of it is (Herlihy and Wing's locality).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.torture.history import Operation
from tests.torture.reference_model import CHANGES, Desk, State

MOST_STATES = 2_000_000


class Undecided(Exception):
    """The history has more possible orders than can be looked at."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a history is explained; if not, the most that was, and what could not come next."""

    explained: bool
    looked_at: int
    order: tuple[Operation, ...] = ()
    stuck_at: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """Some operations have happened, which led to this state."""

    done: int
    state: State
    last: Operation | None = None
    before: "Node | None" = None

    @property
    def order(self) -> tuple[Operation, ...]:
        """The operations that have happened, first to last."""
        found: list[Operation] = []
        node: Node | None = self
        while node is not None and node.last is not None:
            found.append(node.last)
            node = node.before
        return tuple(reversed(found))


class Checker:
    """Searches the orders of one history, depth first, each (operations done, state) once."""

    def __init__(self, desk: Desk, operations: Sequence[Operation]) -> None:
        self.desk = desk
        self.operations = sorted(operations, key=lambda one: one.began)
        self.required = sum(1 << n for n, one in enumerate(self.operations) if one.answer is not None)

    def check(self, start: State) -> Verdict:
        """The verdict on the history that began in a state. Raises Undecided."""
        stack = [Node(0, start)]
        seen: set[tuple[int, State]] = set()
        furthest = stack[0]
        while stack:
            node = stack.pop()
            if node.done & self.required == self.required:
                return Verdict(True, len(seen), node.order)
            if (node.done, node.state) in seen:
                continue
            seen.add((node.done, node.state))
            if len(seen) > MOST_STATES:
                raise Undecided(f"more than {MOST_STATES} states of {len(self.operations)} operations")
            if node.done.bit_count() > furthest.done.bit_count():
                furthest = node
            stack.extend(self.next(node))
        stuck = tuple(self.operations[n] for n in self.candidates(furthest.done))
        return Verdict(False, len(seen), furthest.order, stuck)

    def candidates(self, done: int) -> list[int]:
        """What may happen next: what began before everything else that must still happen has ended."""
        found: list[int] = []
        first_end = float("inf")
        for n in range((~done & (done + 1)).bit_length() - 1, len(self.operations)):
            one = self.operations[n]
            if done >> n & 1:
                continue
            if one.began > first_end:
                break
            found.append(n)
            if one.answer is not None and one.ended is not None:
                first_end = min(first_end, one.ended)
        return [n for n in found if self.operations[n].began <= first_end]

    def changes_nothing(self, n: int) -> bool:
        """Whether an operation with this answer leaves every state as it is, not only the one it meets now."""
        answer = self.operations[n].answer
        return answer is not None and answer[0] not in CHANGES

    def end(self, n: int) -> float:
        """When an operation had happened at the latest."""
        ended = self.operations[n].ended
        return float("inf") if ended is None else ended

    def next(self, node: Node) -> Iterator[Node]:
        """What can come next. What never changes anything and is true now needs no alternative: it may be now."""
        found = []
        for n in sorted(self.candidates(node.done), key=self.end):
            for state in self.after(node.state, n):
                after = Node(node.done | 1 << n, state, self.operations[n], node)
                if self.changes_nothing(n):
                    return iter([after])
                found.append(after)
        return reversed(found)

    def after(self, state: State, n: int) -> Iterator[State]:
        """The states that an operation leads to with its answer; without one, every other state it may lead to."""
        one = self.operations[n]
        for answer, after in self.desk.steps(state, one.action):
            if answer == one.answer or (one.answer is None and after != state):
                yield after
