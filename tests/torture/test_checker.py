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
from tests.torture.reference_model import Action, Answer, Desk, State
from tests.torture.small_histories import DESK, explained, histories, start

SEEDS = st.integers(0, 2**32)
MANY = 1_500


def judged(operations: list[Operation], begin: State | None = None) -> Verdict:
    """The checker's verdict."""
    return Checker(DESK, operations).check(begin or start())


@cache
def judged_exhaustively() -> list[tuple[list[Operation], bool]]:
    """Small histories with the truth about them, found before anything is mutated."""
    return [(one, explained(one)) for one in islice(histories(7), MANY)]


def op(verb: str, about: str, began: float, ended: float | None, answer: Answer | None, **more: Any) -> Operation:
    """One operation."""
    return Operation(Action(verb, about, **more), began, ended, answer)


def book(token: str, key: str | None, began: float, ended: float, *answer: str, at: int = 1) -> Operation:
    """One booking."""
    return op("book", token, began, ended, answer or None, key=key, start=at)


BOOKED = ("booked", "short", "1")
EXPLAINED = {
    "the same key gets the same answer": [book("t1", "a", 1, 2, *BOOKED), book("t1", "a", 3, 4, *BOOKED)],
    "somebody else is told so": [book("t1", "a", 1, 2, *BOOKED), book("t1", "b", 3, 4, "link_used")],
    "at the same time, the later one may win": [book("t1", "a", 1, 9, "link_used"), book("t1", "b", 2, 3, *BOOKED)],
    "a lost answer, found by its key": [book("t1", "a", 1, 2), book("t1", "a", 3, 4, *BOOKED)],
    "a lost answer that happens late": [
        book("t1", "a", 1, 2),
        op("view", "t1", 3, 4, ("issued",)),
        op("view", "t1", 5, 6, ("used",)),
    ],
    "a lost answer that never happens": [book("t1", "a", 1, 2), book("t1", "b", 3, 4, *BOOKED)],
    "a change that was so already, but not when it was asked for": [
        book("t1", "a", 1, 2, *BOOKED),
        op("reschedule", "t1", 3, 9, ("rescheduled",), start=2),
        op("reschedule", "t1", 4, 10, ("rescheduled",), start=1),
        op("see_meeting", "t1", 11, 12, ("booked", "1")),
    ],
    "a page that opens between": [
        op("edit", "x", 1, 4, ("edited",), kind="long"),
        op("see_link", "x", 2, 3, ("open", "short")),
    ],
}
NOT_EXPLAINED = {
    "two meetings of one token": [book("t1", "a", 1, 2, *BOOKED), book("t1", "b", 3, 4, "booked", "short", "2", at=2)],
    "a winner who is told that somebody else won": [book("t1", "a", 1, 2, *BOOKED), book("t1", "a", 3, 4, "link_used")],
    "nobody won": [book("t1", "a", 1, 3, "link_used"), book("t1", "b", 2, 4, "link_used")],
    "an acknowledged booking is lost": [book("t1", "a", 1, 2, *BOOKED), op("view", "t1", 3, 4, ("issued",))],
    "two meetings at once of one host": [book("t1", "a", 1, 2, *BOOKED), book("t2", "b", 3, 4, *BOOKED)],
    "a slot that nobody has is taken": [
        book("t1", "a", 1, 2, *BOOKED),
        op("reschedule", "t1", 3, 4, ("rescheduled",), start=2),
        book("t2", "b", 5, 6, "slot_taken"),
    ],
    "booked by a link as it no longer was": [
        op("edit", "x", 1, 2, ("edited",), kind="long"),
        book("t1", "a", 3, 4, *BOOKED),
    ],
    "booked after the link was switched off": [
        op("switch", "x", 1, 2, ("switched",), kind="off"),
        book("t1", "a", 3, 4, *BOOKED),
    ],
    "another request under the same key": [book("t1", "a", 1, 2, *BOOKED), book("t1", "a", 3, 4, *BOOKED, at=2)],
    "looking books": [op("view", "t1", 1, 2, ("issued",)), op("view", "t1", 3, 4, ("used",))],
    "an edit on an old version": [
        op("edit", "x", 1, 2, ("edited",), kind="long"),
        op("edit", "x", 3, 4, ("edited",), kind="short", version=1),
    ],
    "a change of a cancelled meeting": [
        book("t1", "a", 1, 2, *BOOKED),
        op("cancel", "t1", 3, 4, ("cancelled",)),
        op("reschedule", "t1", 5, 6, ("rescheduled",), start=2),
    ],
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_accepts(name: str) -> None:
    found = judged(EXPLAINED[name])
    assert found.explained
    assert set(found.order) >= {one for one in EXPLAINED[name] if one.answer}


@pytest.mark.parametrize("name", NOT_EXPLAINED)
def test_rejects(name: str) -> None:
    found = judged(NOT_EXPLAINED[name])
    assert not found.explained
    assert found.stuck_at


@given(SEEDS)
@settings(max_examples=300, deadline=None, database=None)
def test_agrees_with_exhaustive_search(seed: int) -> None:
    operations = next(histories(seed))
    assert judged(operations).explained == explained(operations)


def test_both_verdicts_are_common_among_these_histories() -> None:
    found = [judged(one).explained for one in islice(histories(1), 400)]
    assert min(found.count(True), found.count(False)) > 80


def any_time(self: Checker, done: int) -> list[int]:
    """A mutant: the times of operations do not matter."""
    return [n for n in range(len(self.operations)) if not done >> n & 1]


def greedy(self: Checker, n: int) -> bool:
    """A mutant: what is not booked or issued changes nothing."""
    answer = self.operations[n].answer
    return answer is not None and answer[0] not in ("booked", "issued")


def lost_never_happens(self: Checker, state: State, n: int) -> Any:
    """A mutant: what was not answered did not happen."""
    answer = self.operations[n].answer
    return [after for given, after in self.desk.steps(state, self.operations[n].action) if given == answer]


def answers_do_not_matter(self: Checker, state: State, n: int) -> Any:
    """A mutant: any true answer will do."""
    return [after for _, after in self.desk.steps(state, self.operations[n].action)]


def only_the_first(self: Checker, node: Any) -> Any:
    """A mutant: does not come back to the other candidates."""
    return list(NEXT(self, node))[:1]


def strictly_before(self: Checker, done: int) -> list[int]:
    """A mutant: one at a time in the order in which they began."""
    return CANDIDATES(self, done)[:1]


def no_overlap(self: Desk, one: Any, other: Any) -> bool:
    """A mutant of the specification: meetings never overlap."""
    return False


NEXT, CANDIDATES = Checker.next, Checker.candidates
MUTANTS: dict[str, tuple[type, str, Callable[..., Any]]] = {
    "times": (Checker, "candidates", any_time),
    "lost answers": (Checker, "after", lost_never_happens),
    "answers": (Checker, "after", answers_do_not_matter),
    "haste": (Checker, "changes_nothing", greedy),
    "choice": (Checker, "next", only_the_first),
    "order": (Checker, "candidates", strictly_before),
    "overlaps": (Desk, "_overlap", no_overlap),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some history is judged differently than exhaustive search judged it before the mutation."""
    samples = judged_exhaustively()
    place, method, mutant = MUTANTS[name]
    monkeypatch.setattr(place, method, mutant)
    assert any(judged(one).explained != truth for one, truth in samples)


def test_a_memory_that_forgets_the_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = judged_exhaustively()
    monkeypatch.setattr(State, "__hash__", lambda self: 1)
    monkeypatch.setattr(State, "__eq__", lambda self, other: True)
    assert any(judged(one).explained != truth for one, truth in samples)


def test_a_long_history_of_many_clients_is_judged_quickly() -> None:
    """Eight at a time for hundreds of operations, some answers lost: memory keeps the search small."""
    chance = random.Random(3)
    operations, state = [], start()
    for n in range(400):
        verb, about = chance.choice(
            [("book", "t1"), ("book", "t2"), ("view", "t1"), ("edit", "x"), ("reschedule", "t2")]
        )
        action = Action(verb, about, f"k{n}", chance.randint(1, 2), chance.choice(["short", "long"]))
        if steps := list(DESK.steps(state, action)):
            answer, state = chance.choice(steps)
            lost = chance.random() < 0.03
            operations.append(Operation(action, n - 4, None if lost else n + 4, None if lost else answer))
    found = judged(operations)
    assert found.explained
    assert found.looked_at < 50_000


def test_says_when_it_cannot_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "MOST_STATES", 1)
    with pytest.raises(Undecided):
        judged(EXPLAINED["somebody else is told so"])


def test_every_verb_has_a_specification() -> None:
    verbs = ("issue", "view", "book", "reschedule", "cancel", "edit")
    assert all(hasattr(reference_model.Desk, f"_{verb}") for verb in verbs)
