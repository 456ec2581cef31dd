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
from tests.torture.environment import LANES, TortureEnvironment, run_environment
from tests.torture.faults import FaultInjector
from tests.torture.history import count_answers
from tests.torture.rounds import Round, create_round

CLIENTS = 5  # of one round; each lane has a round at any time
ROUND_SECONDS = 2.0
BACK_SECONDS = 5.0
LAST_LINES = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """The duration, the seed, the faults, and how soon the service must recover after each.

    With `enough_kinds` the run ends earlier: after so many kinds of faults, as soon as its coverage is complete.
    """

    seconds: float
    seed: int
    kinds: Sequence[str] = ()
    max_recovery_seconds: float = BACK_SECONDS
    focus: Sequence[str] = ()
    enough_kinds: int | None = None


@dataclass
class Report:
    """The counts of a run, and its problems."""

    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    slowest_recovery: dict[str, float] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    responses_lost: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def missing_coverage(self) -> list[str]:
        """What a meaningful run must include, and this one does not."""
        required = ["book booked", "book link_used", "book slot_taken", "reschedule rescheduled", "edit edited"]
        missing = [name for name in (*required, "cancel cancelled") if not self.answers[name]]
        has_lost_answer = any(name.endswith(" unknown") for name in self.answers)
        return (
            missing + ([] if has_lost_answer else ["any lost answer"]) + ([] if self.faults.total() else ["any fault"])
        )


def run_torture(plan: Plan) -> Report:
    """Run the torture and check its results."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, run_environment(Path(folder)) as environment:
        report = None
        try:
            report = run_rounds(environment, plan)
            return report
        finally:
            if report is None or report.problems:
                print_log_tails(Path(folder))


def print_log_tails(folder: Path) -> None:
    """Print the last lines of the processes' logs, to explain why a run could not be checked."""
    for log in sorted(folder.rglob("*.log")):
        print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-LAST_LINES:], sep="\n", file=sys.stderr)


def run_rounds(environment: TortureEnvironment, plan: Plan) -> Report:
    """Run rounds in every lane, with faults, until the time is over or something is wrong."""
    injector = FaultInjector(environment, random.Random(plan.seed), plan.max_recovery_seconds, plan.kinds)
    report, stop, faults_stopped = Report(), Event(), Event()
    deadline = time.monotonic() + plan.seconds
    lane_rounds: list[list[Round]] = [[] for _ in range(LANES)]
    with ThreadPoolExecutor(LANES + 1) as threads:
        fault_future = threads.submit(injector.inject_faults, faults_stopped)
        lanes = [
            threads.submit(run_lane, environment, plan, number, report, stop, rounds)
            for number, rounds in enumerate(lane_rounds)
        ]
        while (
            time.monotonic() < deadline
            and not report.problems
            and not any(future.done() for future in (*lanes, fault_future))
            and not has_enough(plan, injector, lane_rounds)
        ):
            time.sleep(0.05)
        faults_stopped.set()
        fault_future.result()
        stop.set()
        for future in lanes:
            future.result()
    check_results(environment, [round for rounds in lane_rounds for round in rounds], injector, report)
    return report


def has_enough(plan: Plan, injector: FaultInjector, lane_rounds: Sequence[Sequence[Round]]) -> bool:
    """Return whether a run may end early: it had enough kinds of faults, and its finished rounds cover everything."""
    if plan.enough_kinds is None or len(injector.counts) < plan.enough_kinds:
        return False
    operations = [
        operation for rounds in lane_rounds for round in rounds[:-1] for operation in round.history.operations
    ]
    return not Report(faults=injector.counts, answers=count_answers(operations)).missing_coverage


def run_lane(
    environment: TortureEnvironment, plan: Plan, number: int, report: Report, stop: Event, rounds: list[Round]
) -> None:
    """Run one round after the other, and add each to `rounds`; each is checked as soon as it is over."""
    while not stop.is_set() and not report.problems:
        try:
            rounds.append(create_round(environment, number, len(rounds)))
            run_round(environment, rounds[-1], plan, f"{plan.seed} {number} {len(rounds)}", stop)
        except AssertionError as error:
            report.problems.append(f"an answer that must not be: {error}")
        report.problems += verdicts.find_unexplained_history(rounds[-1]) if rounds else []


def run_round(environment: TortureEnvironment, round: Round, plan: Plan, seed: str, stop: Event) -> None:
    """Run the clients of a round at the same time; then one of them resolves what is unknown."""
    until = time.monotonic() + ROUND_SECONDS
    generators = [random.Random(f"{seed} {number}") for number in range(CLIENTS)]
    clients = [Client(environment, round, environment.create_client(cut=True), rng, plan.focus) for rng in generators]

    def run_client(client: Client) -> None:
        while time.monotonic() < until and not stop.is_set():
            client.run_random_action()

    with ThreadPoolExecutor(CLIENTS) as threads:
        for future in [threads.submit(partial(run_client, client)) for client in clients]:
            future.result()
    clients[0].resolve_unknowns()
    for client in clients:
        client.http_client.close()


def check_results(
    environment: TortureEnvironment, rounds: list[Round], injector: FaultInjector, report: Report
) -> None:
    """Add the problems of the log and of the read models to the report."""
    operations = [operation for round in rounds for operation in round.history.operations]
    report.rounds, report.answers = len(rounds), count_answers(operations)
    report.acknowledged = sum(
        operation.action.verb == "book" and (operation.answer or "?")[0] == "booked" for operation in operations
    )
    report.faults, report.slowest_recovery, report.responses_lost = (
        injector.counts,
        injector.slowest_recovery,
        environment.cuts.completed,
    )
    report.problems += [*injector.problems, *find_problems(environment, rounds)]


def find_problems(environment: TortureEnvironment, rounds: list[Round]) -> Iterator[str]:
    """Find everything that is wrong after the run."""
    database = environment.services.database
    yield from verdicts.find_broken_promises(rounds, database)
    yield from verdicts.find_calendar_problems(database)
    yield from verdicts.find_read_model_differences(database)
    yield from verdicts.find_excess_privileges(database)
