"""One run of the torture: clients, faults, and then the verdict."""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

from tests.torture import verdicts
from tests.torture.clients import Client
from tests.torture.environment import LANES, Place, place
from tests.torture.faults import Faults
from tests.torture.history import counts
from tests.torture.rounds import Round, new_round

CLIENTS = 5  # of one round; each lane has a round at any time
ROUND_SECONDS = 2.0
BACK_SECONDS = 5.0
LAST_LINES = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, by which seed, with which faults, and how soon the service must be back after each."""

    seconds: float
    seed: int
    kinds: Sequence[str] = ()
    patience: float = BACK_SECONDS
    focus: Sequence[str] = ()


@dataclass
class Report:
    """What was done, and what was wrong."""

    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    replies_lost: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def idle(self) -> list[str]:
        """What a run that proves anything must have done, and this one has not."""
        wanted = ["book booked", "book link_used", "book slot_taken", "reschedule rescheduled", "edit edited"]
        missing = [name for name in (*wanted, "cancel cancelled") if not self.answers[name]]
        lost = any(name.endswith(" unknown") for name in self.answers)
        return missing + ([] if lost else ["any lost answer"]) + ([] if self.faults.total() else ["any fault"])


def run(plan: Plan) -> Report:
    """Runs, and judges."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, place(Path(folder)) as here:
        report = None
        try:
            report = tortured(here, plan)
            return report
        finally:
            if report is None or report.problems:
                last_words(Path(folder))


def last_words(folder: Path) -> None:
    """What the processes said last, for whoever has to find out why a run could not be judged."""
    for log in sorted(folder.rglob("*.log")):
        print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-LAST_LINES:], sep="\n", file=sys.stderr)


def tortured(here: Place, plan: Plan) -> Report:
    """Rounds in every lane, faults beside them, until the time is over or something is wrong."""
    faults = Faults(here, random.Random(plan.seed), plan.patience, plan.kinds)
    report, enough, calm = Report(), Event(), Event()
    deadline = time.monotonic() + plan.seconds
    with ThreadPoolExecutor(LANES + 1) as threads:
        causing = threads.submit(faults.run, calm)
        lanes = [threads.submit(lane, here, plan, number, report, enough) for number in range(LANES)]
        while time.monotonic() < deadline and not report.problems and not any(one.done() for one in (*lanes, causing)):
            time.sleep(0.05)
        calm.set()
        causing.result()
        enough.set()
        rounds = [round for one in lanes for round in one.result()]
    judge(here, rounds, faults, report)
    return report


def lane(here: Place, plan: Plan, number: int, report: Report, enough: Event) -> list[Round]:
    """One round after the other; each is judged as soon as it is over."""
    done: list[Round] = []
    while not enough.is_set() and not report.problems:
        try:
            done.append(new_round(here, number, len(done)))
            play(here, done[-1], plan, f"{plan.seed} {number} {len(done)}", enough)
        except AssertionError as error:
            report.problems.append(f"an answer that must not be: {error}")
        report.problems += verdicts.of_round(done[-1]) if done else []
    return done


def play(here: Place, round: Round, plan: Plan, seed: str, enough: Event) -> None:
    """Clients act at the same time; then one of them finds out what nobody knows yet."""
    until = time.monotonic() + ROUND_SECONDS
    chances = [random.Random(f"{seed} {number}") for number in range(CLIENTS)]
    clients = [Client(here, round, here.caller(cut=True), chance, plan.focus) for chance in chances]

    def act(client: Client) -> None:
        while time.monotonic() < until and not enough.is_set():
            client.act()

    with ThreadPoolExecutor(CLIENTS) as threads:
        for acting in [threads.submit(partial(act, client)) for client in clients]:
            acting.result()
    clients[0].finish()
    for client in clients:
        client.caller.close()


def judge(here: Place, rounds: list[Round], faults: Faults, report: Report) -> None:
    """Adds what the log and the read models say."""
    operations = [one for round in rounds for one in round.history.operations]
    report.rounds, report.answers = len(rounds), counts(operations)
    report.acknowledged = sum(one.action.verb == "book" and (one.answer or "?")[0] == "booked" for one in operations)
    report.faults, report.slowest, report.replies_lost = faults.done, faults.slowest, here.cuts.done
    report.problems += [*faults.problems, *found(here, rounds)]


def found(here: Place, rounds: list[Round]) -> Iterator[str]:
    """Everything that is wrong with what the torture left."""
    database = here.inside.database
    yield from verdicts.of_promises(rounds, database)
    yield from verdicts.of_calendar(database)
    yield from verdicts.of_read_models(database)
    yield from verdicts.of_rights(database)
