"""The checker of histories: it agrees with exhaustive search, and no mutant of it does."""

import random
from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torture import checker, reference_model
from tests.torture.checker import Checker, Undecided, Verdict
from tests.torture.history import Operation
from tests.torture.reference_model import Action, Answer, ReferenceModel, State
from tests.torture.small_histories import MODEL, create_initial_state, generate_histories, is_explained

SEEDS = st.integers(0, 2**32)
HISTORY_COUNT = 1_500


def check_operations(operations: list[Operation], initial_state: State | None = None) -> Verdict:
    """Check a history with the checker."""
    return Checker(MODEL, operations).check_history(initial_state or create_initial_state())


@cache
def check_exhaustively() -> list[tuple[list[Operation], bool]]:
    """Check small histories exhaustively, before anything is mutated. Return each with the expected result."""
    return [(history, is_explained(history)) for history in islice(generate_histories(7), HISTORY_COUNT)]


def build_operation(
    verb: str, target: str, started_at: float, ended_at: float | None, answer: Answer | None, **extra: Any
) -> Operation:
    """Build an operation."""
    return Operation(Action(verb, target, **extra), started_at, ended_at, answer)


def build_booking(
    token: str, key: str | None, started_at: float, ended_at: float, *answer: str, start: int = 1
) -> Operation:
    """Build a booking."""
    return build_operation("book", token, started_at, ended_at, answer or None, key=key, start=start)


BOOKED = ("booked", "short", "1")
EXPLAINED = {
    "the same key gets the same answer": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_booking("t1", "a", 3, 4, *BOOKED),
    ],
    "somebody else is told so": [build_booking("t1", "a", 1, 2, *BOOKED), build_booking("t1", "b", 3, 4, "link_used")],
    "at the same time, the later one may win": [
        build_booking("t1", "a", 1, 9, "link_used"),
        build_booking("t1", "b", 2, 3, *BOOKED),
    ],
    "a lost answer, found by its key": [build_booking("t1", "a", 1, 2), build_booking("t1", "a", 3, 4, *BOOKED)],
    "a lost answer that happens late": [
        build_booking("t1", "a", 1, 2),
        build_operation("view", "t1", 3, 4, ("issued",)),
        build_operation("view", "t1", 5, 6, ("used",)),
    ],
    "a lost answer that never happens": [build_booking("t1", "a", 1, 2), build_booking("t1", "b", 3, 4, *BOOKED)],
    "a change that was so already, but not when it was asked for": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("reschedule", "t1", 3, 9, ("rescheduled",), start=2),
        build_operation("reschedule", "t1", 4, 10, ("rescheduled",), start=1),
        build_operation("see_meeting", "t1", 11, 12, ("booked", "1")),
    ],
    "a replacement, which books once more": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("replace", "t1", 3, 4, ("not_replaceable",), key="r"),
        build_operation("cancel", "t1", 5, 6, ("cancelled",)),
        build_operation("replace", "t1", 7, 8, None, key="r"),
        build_operation("replace", "t1", 9, 10, ("replaced",), key="r"),
        build_operation("replace", "t1", 9, 10, ("not_replaceable",), key="s"),
        build_booking("t1+", "b", 11, 12, *BOOKED),
        build_booking("t1", "c", 11, 12, "link_used"),
    ],
    "a page that opens between": [
        build_operation("edit", "x", 1, 4, ("edited",), kind="long"),
        build_operation("see_link", "x", 2, 3, ("open", "short")),
    ],
}
NOT_EXPLAINED = {
    "two meetings of one token": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_booking("t1", "b", 3, 4, "booked", "short", "2", start=2),
    ],
    "a winner who is told that somebody else won": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_booking("t1", "a", 3, 4, "link_used"),
    ],
    "nobody won": [build_booking("t1", "a", 1, 3, "link_used"), build_booking("t1", "b", 2, 4, "link_used")],
    "an acknowledged booking is lost": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("view", "t1", 3, 4, ("issued",)),
    ],
    "two meetings at once of one host": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_booking("t2", "b", 3, 4, *BOOKED),
    ],
    "a slot that nobody has is taken": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("reschedule", "t1", 3, 4, ("rescheduled",), start=2),
        build_booking("t2", "b", 5, 6, "slot_taken"),
    ],
    "booked by a link as it no longer was": [
        build_operation("edit", "x", 1, 2, ("edited",), kind="long"),
        build_booking("t1", "a", 3, 4, *BOOKED),
    ],
    "booked after the link was switched off": [
        build_operation("switch", "x", 1, 2, ("switched",), kind="off"),
        build_booking("t1", "a", 3, 4, *BOOKED),
    ],
    "another request under the same key": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_booking("t1", "a", 3, 4, *BOOKED, start=2),
    ],
    "looking books": [build_operation("view", "t1", 1, 2, ("issued",)), build_operation("view", "t1", 3, 4, ("used",))],
    "an edit on an old version": [
        build_operation("edit", "x", 1, 2, ("edited",), kind="long"),
        build_operation("edit", "x", 3, 4, ("edited",), kind="short", version=1),
    ],
    "a replacement given twice": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("cancel", "t1", 3, 4, ("cancelled",)),
        build_operation("replace", "t1", 5, 7, ("replaced",), key="r"),
        build_operation("replace", "t1", 6, 8, ("replaced",), key="s"),
    ],
    "a replacement of a meeting that stands": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("replace", "t1", 3, 4, ("replaced",), key="r"),
    ],
    "a used link that books after its replacement": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("cancel", "t1", 3, 4, ("cancelled",)),
        build_operation("replace", "t1", 5, 6, ("replaced",), key="r"),
        build_booking("t1", "b", 7, 8, *BOOKED),
    ],
    "a change of a cancelled meeting": [
        build_booking("t1", "a", 1, 2, *BOOKED),
        build_operation("cancel", "t1", 3, 4, ("cancelled",)),
        build_operation("reschedule", "t1", 5, 6, ("rescheduled",), start=2),
    ],
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_accepts(name: str) -> None:
    verdict = check_operations(EXPLAINED[name])
    assert verdict.explained
    assert set(verdict.order) >= {operation for operation in EXPLAINED[name] if operation.answer}


@pytest.mark.parametrize("name", NOT_EXPLAINED)
def test_rejects(name: str) -> None:
    verdict = check_operations(NOT_EXPLAINED[name])
    assert not verdict.explained
    assert verdict.blocked


@given(SEEDS)
@settings(max_examples=300, deadline=None, database=None)
def test_agrees_with_exhaustive_search(seed: int) -> None:
    operations = next(generate_histories(seed))
    assert check_operations(operations).explained == is_explained(operations)


def test_both_verdicts_are_common_among_these_histories() -> None:
    verdicts = [check_operations(history).explained for history in islice(generate_histories(1), 400)]
    assert min(verdicts.count(True), verdicts.count(False)) > 80


def ignore_times(self: Checker, done: int) -> list[int]:
    """A mutant: the times of operations are ignored."""
    return [n for n in range(len(self.operations)) if not done >> n & 1]


def ignore_other_changes(self: Checker, n: int) -> bool:
    """A mutant: what is neither booked nor issued counts as a read."""
    answer = self.operations[n].answer
    return answer is not None and answer[0] not in ("booked", "issued")


def exclude_lost_operations(self: Checker, state: State, n: int) -> Any:
    """A mutant: an operation without an answer did not happen."""
    answer = self.operations[n].answer
    return [
        next_state
        for expected, next_state in self.model.list_steps(state, self.operations[n].action)
        if expected == answer
    ]


def accept_any_answer(self: Checker, state: State, n: int) -> Any:
    """A mutant: any correct answer is accepted."""
    return [next_state for _, next_state in self.model.list_steps(state, self.operations[n].action)]


def take_first_candidate(self: Checker, node: Any) -> Any:
    """A mutant: never returns to the other candidates."""
    return list(ITERATE_NEXT(self, node))[:1]


def enforce_start_order(self: Checker, done: int) -> list[int]:
    """A mutant: one at a time in the order in which they started."""
    return LIST_CANDIDATES(self, done)[:1]


def ignore_overlap(self: ReferenceModel, first: Any, second: Any) -> bool:
    """A mutant of the specification: meetings never overlap."""
    return False


ITERATE_NEXT, LIST_CANDIDATES = Checker.iterate_next, Checker.list_candidates
MUTANTS: dict[str, tuple[type, str, Callable[..., Any]]] = {
    "times": (Checker, "list_candidates", ignore_times),
    "lost answers": (Checker, "iterate_states_after", exclude_lost_operations),
    "answers": (Checker, "iterate_states_after", accept_any_answer),
    "haste": (Checker, "is_read_only", ignore_other_changes),
    "choice": (Checker, "iterate_next", take_first_candidate),
    "order": (Checker, "list_candidates", enforce_start_order),
    "overlaps": (ReferenceModel, "_overlap", ignore_overlap),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some history is judged differently than exhaustive search judged it before the mutation."""
    samples = check_exhaustively()
    owner, method, mutant = MUTANTS[name]
    monkeypatch.setattr(owner, method, mutant)
    assert any(check_operations(history).explained != expected for history, expected in samples)


def test_a_memo_that_ignores_the_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = check_exhaustively()
    monkeypatch.setattr(State, "__hash__", lambda self: 1)
    monkeypatch.setattr(State, "__eq__", lambda self, other: True)
    assert any(check_operations(history).explained != expected for history, expected in samples)


def test_a_long_history_of_many_clients_is_checked_quickly() -> None:
    """Eight at a time for hundreds of operations, some answers lost: memory keeps the search small."""
    rng = random.Random(3)
    operations, state = [], create_initial_state()
    for n in range(400):
        verb, target = rng.choice([("book", "t1"), ("book", "t2"), ("view", "t1"), ("edit", "x"), ("reschedule", "t2")])
        action = Action(verb, target, f"k{n}", rng.randint(1, 2), rng.choice(["short", "long"]))
        if steps := list(MODEL.list_steps(state, action)):
            answer, state = rng.choice(steps)
            is_lost = rng.random() < 0.03
            operations.append(Operation(action, n - 4, None if is_lost else n + 4, None if is_lost else answer))
    verdict = check_operations(operations)
    assert verdict.explained
    assert verdict.states_visited < 50_000


def test_says_when_it_cannot_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "MAX_STATES", 1)
    with pytest.raises(Undecided):
        check_operations(EXPLAINED["somebody else is told so"])


def test_every_verb_has_a_specification() -> None:
    verbs = ("issue", "view", "book", "reschedule", "cancel", "edit")
    assert all(hasattr(reference_model.ReferenceModel, f"_{verb}") for verb in verbs)
