"""Verifies everything: the log's invariants, what is kept beside it, its sealed tree, and every read model."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress

from psycopg import Connection, OperationalError
from psycopg.rows import DictRow

from projections.catalogue import READ_MODELS
from replay.tree.checkpoint import Checkpoint
from replay.verify import meetings, side_tables, streams
from replay.verify.checkpoint_comparison import Comparison
from replay.verify.problems import Problem, Report, first_of
from replay.verify.read_models import differing_rows
from replay.verify.tree import TreeCheck
from replay.verify.verify_connection import UNHURRIED, Ask
from store.database import Database

PROGRESS_SECONDS = 0.5
CANCEL_SECONDS = 0.02

Told = Callable[[str], None]
CHECKS: dict[str, Callable[[Ask], Iterator[Problem]]] = {
    "versions": streams.versions,
    "one booking per token": streams.bookings_once,
    "stories": streams.stories,
    "types": streams.types,
    "instants": streams.instants,
    "overlapping meetings": meetings.overlaps,
    "versions in force": meetings.versions_in_force,
    "open links": meetings.open_links,
    "reservations": side_tables.reservations,
    "claims": side_tables.claims,
    "personal details": side_tables.details,
}


def unheard(check: str) -> None:
    """Where nobody wants to hear which check begins."""


def verify(
    db: Database,
    checkpoints: Sequence[Checkpoint] = (),
    progress: Callable[[int], None] = lambda events: None,
    told: Told = unheard,
) -> Report:
    """Checks everything and changes nothing: the log on one connection, while another compares the read models.

    `progress` hears twice a second how many events were looked at; whatever it raises breaks the check off. `told`
    hears the name of each check before it begins, from either thread.

    Raises psycopg.Error when the database does not answer; then nothing can be said.
    """
    report = Report(checkpoints=len(checkpoints))
    with (
        db.connect(options=UNHURRIED) as first,
        db.connect(options=UNHURRIED) as second,
        ThreadPoolExecutor(2, "verify") as threads,
    ):
        parts = [
            threads.submit(of_log, Ask(db, first), report, checkpoints, told),
            threads.submit(of_read_models, Ask(db, second), report, told),
        ]
        try:
            at_work = set(parts)
            while at_work:
                done, at_work = wait(parts, PROGRESS_SECONDS, FIRST_EXCEPTION)
                for part in done:
                    part.result()
                progress(report.checked_events)
        finally:
            while wait(parts, CANCEL_SECONDS).not_done:
                cancel(first)
                cancel(second)
    report.problems = [problem for part in parts for problem in part.result()]
    return report


def of_log(ask: Ask, report: Report, checkpoints: Sequence[Checkpoint] = (), told: Told = unheard) -> list[Problem]:
    """The problems of the log and of what is kept beside it; the report hears how many events were looked at."""
    told("sealed events")
    tree = TreeCheck(ask.db, ask.connection, Comparison(checkpoints))
    problems = [*first_of("sealed events", tree.run(report))]
    for name, check in CHECKS.items():
        told(name)
        problems += first_of(name, check(ask))
    return problems


def of_read_models(ask: Ask, report: Report, told: Told = unheard) -> list[Problem]:
    """The problems of the read models; the report hears how many rows of each differ."""
    problems: list[Problem] = []
    for model in READ_MODELS:
        told(model.name)
        report.read_models[model.name], found = differing_rows(ask, model)
        problems += first_of(model.name, found)
    return problems


def cancel(connection: Connection[DictRow]) -> None:
    """Breaks off what a connection is at, if it is at anything; what could not be broken off is asked for again."""
    with suppress(OperationalError):
        connection.cancel_safe(timeout=1)
