"""Small histories by chance, and the slowest way to judge them: every order of every choice of what never answered."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, permutations

from tests.torture.history import Operation
from tests.torture.reference_model import Action, Answer, Desk, LinkState, State

DESK = Desk(
    hosts={"x": frozenset({"ada", "bob"}), "y": frozenset({"bob"}), "z": frozenset({"eve"})},
    lengths={"short": 1, "long": 2},
)
VERBS = ("issue", "view", "see_link", "read_link", "book", "book", "book", "reschedule", "cancel", "edit", "switch")
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
)


def start() -> State:
    """A desk with its links, and a token for each of two of them."""
    state = State({name: LinkState("short") for name in DESK.hosts})
    for name, link in (("t1", "x"), ("t2", "y")):
        [(_, state)] = DESK.steps(state, Action("issue", link, name))
    return state


def explained(operations: Sequence[Operation]) -> bool:
    """Whether any order at all explains a history."""
    answered = [one for one in operations if one.answer is not None]
    lost = [one for one in operations if one.answer is None]
    chosen = chain.from_iterable(combinations(lost, count) for count in range(len(lost) + 1))
    return any(
        in_time(order) and runs(order, start()) for happened in chosen for order in permutations([*answered, *happened])
    )


def in_time(order: Sequence[Operation]) -> bool:
    """Whether nothing comes after something that began when it had ended."""
    return not any(
        later.ended is not None and later.ended < earlier.began
        for n, earlier in enumerate(order)
        for later in order[n + 1 :]
    )


def runs(order: Sequence[Operation], state: State) -> bool:
    """Whether the answers are those that the specification gives in this order."""
    if not order:
        return True
    one, *rest = order
    return any(
        runs(rest, after)
        for answer, after in DESK.steps(state, one.action)
        if one.answer is None or answer == one.answer
    )


def histories(seed: int, most: int = 5) -> Iterator[list[Operation]]:
    """Histories without end: what really happened on a desk, some answers lost or changed, some times exchanged."""
    chance = random.Random(seed)
    while True:
        operations = [disturbed(chance, one) for one in happened(chance, chance.randint(2, most))]
        yield swapped(operations) if chance.random() < 0.3 else operations


def swapped(operations: list[Operation]) -> list[Operation]:
    """The operations with the times of the first and the last exchanged."""
    if len(operations) < 2:
        return operations
    first, *others, last = operations
    changed = [replace(first, began=last.began, ended=last.ended), replace(last, began=first.began, ended=first.ended)]
    return [one if one.answer else replace(one, ended=None) for one in (*changed, *others)]


def happened(chance: random.Random, count: int) -> Iterator[Operation]:
    """Operations that happened one after the other, around the instants 1, 2, 3 …"""
    state = start()
    for instant in range(1, count + 1):
        action = any_action(chance)
        steps = list(DESK.steps(state, action))
        if not steps:
            continue
        answer, state = chance.choice(steps)
        began, ended = instant - chance.uniform(0, 1.2), instant + chance.uniform(0, 1.2)
        yield Operation(action, began, ended, answer)


def any_action(chance: random.Random) -> Action:
    """Something that a client may ask for."""
    verb = chance.choice(VERBS)
    about = chance.choice("xyz" if verb in ("issue", "see_link", "read_link", "edit", "switch") else ("t1", "t2"))
    kind = chance.choice(("on", "off") if verb == "switch" else ("short", "long"))
    version = chance.choice((None, 1, 2)) if verb == "edit" else None
    key = chance.choice(("t1", "t3")) if verb == "issue" else chance.choice((None, "k1", "k2"))
    return Action(verb, about, key, chance.randint(1, 2), kind, version)


def disturbed(chance: random.Random, one: Operation) -> Operation:
    """The operation as it was, or with its answer lost, or with another one."""
    what = chance.random()
    if what < 0.15:
        return Operation(one.action, one.began)
    if what < 0.3:
        return Operation(one.action, one.began, one.ended, chance.choice(ANSWERS))
    return one
