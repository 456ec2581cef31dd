"""Small random histories, and an exhaustive check of them: every order of every choice of the unanswered operations."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, permutations

from tests.torture.history import Operation
from tests.torture.reference_model import Action, Answer, LinkState, ReferenceModel, State

MODEL = ReferenceModel(
    hosts={"x": frozenset({"ada", "bob"}), "y": frozenset({"bob"}), "z": frozenset({"eve"})},
    lengths={"short": 1, "long": 2},
)
VERBS = (
    "issue",
    "view",
    "see_link",
    "read_link",
    "book",
    "book",
    "book",
    "reschedule",
    "cancel",
    "replace",
    "edit",
    "switch",
)
ANSWERS: tuple[Answer, ...] = (
    ("booked", "short", "1"),
    ("booked", "long", "1"),
    ("booked", "short", "2"),
    ("link_used",),
    ("slot_taken",),
    ("link_disabled",),
    ("used",),
    ("issued",),
    ("open", "short"),
    ("open", "long"),
    ("rescheduled",),
    ("cancelled",),
    ("booking_cancelled",),
    ("edited",),
    ("switched",),
    ("version_conflict",),
    ("idempotency_key_reused",),
    ("replaced",),
    ("not_replaceable",),
)


def create_initial_state() -> State:
    """Create a model state with its links, and a token for each of two of them."""
    state = State({name: LinkState("short") for name in MODEL.hosts})
    for name, link in (("t1", "x"), ("t2", "y")):
        [(_, state)] = MODEL.list_steps(state, Action("issue", link, name))
    return state


def is_explained(operations: Sequence[Operation]) -> bool:
    """Return whether any order explains a history."""
    answered = [operation for operation in operations if operation.answer is not None]
    unanswered = [operation for operation in operations if operation.answer is None]
    completed_sets = chain.from_iterable(combinations(unanswered, count) for count in range(len(unanswered) + 1))
    return any(
        is_in_real_time_order(order) and is_legal_order(order, create_initial_state())
        for completed in completed_sets
        for order in permutations([*answered, *completed])
    )


def is_in_real_time_order(order: Sequence[Operation]) -> bool:
    """Return whether no operation comes after one that started when it had ended."""
    return not any(
        later.ended_at is not None and later.ended_at < earlier.started_at
        for n, earlier in enumerate(order)
        for later in order[n + 1 :]
    )


def is_legal_order(order: Sequence[Operation], state: State) -> bool:
    """Return whether the answers are those of the specification in this order."""
    if not order:
        return True
    first, *rest = order
    return any(
        is_legal_order(rest, next_state)
        for answer, next_state in MODEL.list_steps(state, first.action)
        if first.answer is None or answer == first.answer
    )


def generate_histories(seed: int, max_operations: int = 5) -> Iterator[list[Operation]]:
    """Generate histories without end: what really happened, with some answers lost or changed, some times exchanged."""
    rng = random.Random(seed)
    while True:
        operations = [
            perturb_operation(rng, operation) for operation in generate_operations(rng, rng.randint(2, max_operations))
        ]
        yield swap_times(operations) if rng.random() < 0.3 else operations


def swap_times(operations: list[Operation]) -> list[Operation]:
    """Exchange the times of the first and the last operation."""
    if len(operations) < 2:
        return operations
    first, *others, last = operations
    exchanged = [
        replace(first, started_at=last.started_at, ended_at=last.ended_at),
        replace(last, started_at=first.started_at, ended_at=first.ended_at),
    ]
    return [operation if operation.answer else replace(operation, ended_at=None) for operation in (*exchanged, *others)]


def generate_operations(rng: random.Random, count: int) -> Iterator[Operation]:
    """Generate operations that happened one after the other, around the instants 1, 2, 3 …"""
    state = create_initial_state()
    for instant in range(1, count + 1):
        action = choose_action(rng)
        steps = list(MODEL.list_steps(state, action))
        if not steps:
            continue
        answer, state = rng.choice(steps)
        started_at, ended_at = instant - rng.uniform(0, 1.2), instant + rng.uniform(0, 1.2)
        yield Operation(action, started_at, ended_at, answer)


def choose_action(rng: random.Random) -> Action:
    """Choose a random action."""
    verb = rng.choice(VERBS)
    target = rng.choice("xyz" if verb in ("issue", "see_link", "read_link", "edit", "switch") else ("t1", "t2"))
    kind = rng.choice(("on", "off") if verb == "switch" else ("short", "long"))
    version = rng.choice((None, 1, 2)) if verb == "edit" else None
    key = rng.choice(("t1", "t3")) if verb == "issue" else rng.choice((None, "k1", "k2"))
    return Action(verb, target, key, rng.randint(1, 2), kind, version)


def perturb_operation(rng: random.Random, operation: Operation) -> Operation:
    """Return the operation as it was, or without its answer, or with another answer."""
    draw = rng.random()
    if draw < 0.15:
        return Operation(operation.action, operation.started_at)
    if draw < 0.3:
        return Operation(operation.action, operation.started_at, operation.ended_at, rng.choice(ANSWERS))
    return operation
