"""How a decision is run: which outcomes are decided again, which are final, and when standbys are waited for."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.commands.aggregate_cache import AggregateCache
from domain.commands.command_application import MAX_ATTEMPTS, CommandApplication
from domain.link import Link, LinkProperties
from domain.log import OutcomeUnknown, StaleRead
from domain.refusals import HostNotFree, LinkUsed, NotFound, Refusal, SlotTaken, TryAgain
from tests.domain.commands.memory_log import MemoryLog
from tests.domain.example import JULIO, LINK, TYPE, build_context

DONE = "done"
CACHED, FRESH = False, True
Outcome = str | type[Exception]


def run_script(script: list[Outcome], fresh: bool = False) -> tuple[Outcome, list[bool], int]:
    """Run a decision with these outcomes. Return the result, what each attempt read, and the waits for standbys."""
    log = MemoryLog()
    application, remaining, reads = CommandApplication(log, log, AggregateCache()), list(script), list[bool]()

    def decide(read_fresh: bool) -> str:
        reads.append(read_fresh)
        outcome = remaining.pop(0)
        if isinstance(outcome, str):
            return outcome
        raise outcome

    try:
        return application.run_decision(decide, fresh), reads, log.standby_waits
    except Refusal as refusal:
        return type(refusal), reads, log.standby_waits


@pytest.mark.parametrize(
    ("script", "result", "reads"),
    [
        pytest.param([DONE], DONE, [CACHED], id="done at once"),
        pytest.param([LinkUsed, DONE], DONE, [CACHED, FRESH], id="a cached aggregate refuses nobody"),
        pytest.param([LinkUsed, LinkUsed], LinkUsed, [CACHED, FRESH], id="a fresh refusal is final"),
        pytest.param([LinkUsed, NotFound], NotFound, [CACHED, FRESH], id="the fresh refusal counts"),
        pytest.param([SlotTaken], SlotTaken, [CACHED], id="a taken slot is never cached"),
        pytest.param([HostNotFree], HostNotFree, [CACHED], id="nor a host who is not free"),
        pytest.param([StaleRead, DONE], DONE, [CACHED, FRESH], id="stale, decided again"),
        pytest.param([StaleRead, LinkUsed], LinkUsed, [CACHED, FRESH], id="stale, then refused fresh"),
        pytest.param([StaleRead, SlotTaken], SlotTaken, [CACHED, FRESH], id="stale, then taken"),
        pytest.param([OutcomeUnknown, DONE], DONE, [CACHED, FRESH], id="unknown, decided again"),
        pytest.param(
            [OutcomeUnknown, LinkUsed, DONE], DONE, [CACHED, FRESH, FRESH], id="unknown: the next refusal is not final"
        ),
        pytest.param(
            [OutcomeUnknown, SlotTaken, DONE], DONE, [CACHED, FRESH, FRESH], id="unknown: nor is a taken slot"
        ),
        pytest.param(
            [OutcomeUnknown, LinkUsed, LinkUsed], LinkUsed, [CACHED, FRESH, FRESH], id="unknown: the second one is"
        ),
        pytest.param(
            [OutcomeUnknown, LinkUsed, SlotTaken], SlotTaken, [CACHED, FRESH, FRESH], id="unknown: the second, taken"
        ),
        pytest.param(
            [OutcomeUnknown, SlotTaken, LinkUsed], LinkUsed, [CACHED, FRESH, FRESH], id="unknown: taken, then refused"
        ),
        pytest.param(
            [OutcomeUnknown, StaleRead, LinkUsed, DONE],
            DONE,
            [CACHED, FRESH, FRESH, FRESH],
            id="a stale read in between says nothing about the unknown outcome",
        ),
        pytest.param(
            [OutcomeUnknown, LinkUsed, OutcomeUnknown, LinkUsed, DONE],
            DONE,
            [CACHED, *[FRESH] * 4],
            id="each unknown outcome has its own refusal",
        ),
        pytest.param([StaleRead] * MAX_ATTEMPTS, TryAgain, [CACHED, *[FRESH] * 4], id="stale to the end"),
        pytest.param([OutcomeUnknown] * MAX_ATTEMPTS, TryAgain, [CACHED, *[FRESH] * 4], id="unknown to the end"),
        pytest.param(
            [StaleRead] * (MAX_ATTEMPTS - 1) + [OutcomeUnknown], TryAgain, [CACHED, *[FRESH] * 4], id="unknown last"
        ),
        pytest.param([StaleRead] * (MAX_ATTEMPTS - 1) + [DONE], DONE, [CACHED, *[FRESH] * 4], id="done at last"),
    ],
)
def test_outcomes_lead_to_a_result(script: list[Outcome], result: Outcome, reads: list[bool]) -> None:
    assert run_script(script)[:2] == (result, reads)


@pytest.mark.parametrize(
    ("script", "result", "reads"),
    [
        pytest.param([LinkUsed], LinkUsed, [FRESH], id="refused"),
        pytest.param([OutcomeUnknown, LinkUsed, LinkUsed], LinkUsed, [FRESH] * 3, id="unknown, then refused"),
    ],
)
def test_a_decision_may_begin_fresh(script: list[Outcome], result: Outcome, reads: list[bool]) -> None:
    assert run_script(script, fresh=True)[:2] == (result, reads)


@pytest.mark.parametrize("error", [ValueError, KeyError])
def test_an_error_is_not_decided_again(error: type[Exception]) -> None:
    with pytest.raises(error):
        run_script([error, DONE])


@pytest.mark.parametrize(
    ("script", "waits"),
    [
        pytest.param([DONE], 1, id="an answer from the log waits"),
        pytest.param([StaleRead, DONE], 1, id="once, whatever came before"),
        pytest.param([LinkUsed, LinkUsed], 0, id="a refusal waits for nobody"),
        pytest.param([OutcomeUnknown] * MAX_ATTEMPTS, 0, id="nor does an outcome that nobody knows"),
    ],
)
def test_what_was_found_in_the_log_is_as_safe_as_an_append(script: list[Outcome], waits: int) -> None:
    assert run_script(script)[2] == waits


def append_link(application: CommandApplication) -> int | None:
    """Append a new link."""
    properties = LinkProperties(kind="standard", name="Intro", slug="intro", owner_id=JULIO, meeting_type_id=TYPE)
    return application.append_events(Link.create(LINK, properties, build_context()))


def append_nothing(application: CommandApplication) -> int | None:
    """Append an aggregate without pending events."""
    return application.append_events(Link(LINK))


@pytest.mark.parametrize(
    ("decide", "waits"), [(append_link, 0), (append_nothing, 1)], ids=lambda value: getattr(value, "__name__", None)
)
def test_only_an_append_of_its_own_vouches_for_an_answer(decide: Callable[[Any], int | None], waits: int) -> None:
    log = MemoryLog()
    application = CommandApplication(log, log, AggregateCache())
    application.run_decision(lambda _: decide(application))
    assert log.standby_waits == waits


def test_an_append_of_an_earlier_attempt_vouches_for_nothing() -> None:
    log = MemoryLog()
    application, attempts = CommandApplication(log, log, AggregateCache()), list[bool]()

    def decide(fresh: bool) -> None:
        attempts.append(fresh)
        if len(attempts) == 1:
            append_link(application)
            raise StaleRead

    application.run_decision(decide)
    assert (len(attempts), log.standby_waits) == (2, 1)
