"""Verifies everything: the log's invariants, the side tables, the sealed tree, and every read model."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress

from psycopg import Connection, OperationalError
from psycopg.rows import DictRow

from projections.catalogue import READ_MODELS
from replay.tree.checkpoint import Checkpoint
from replay.verify import meetings, side_tables, streams, tallies
from replay.verify.checkpoint_comparison import CheckpointComparison
from replay.verify.problems import Problem, Report, limit_problems
from replay.verify.read_models import find_differing_rows
from replay.verify.tree import TreeCheck
from replay.verify.verify_connection import NO_TIMEOUTS, VerifyConnection
from store.database import Database

PROGRESS_SECONDS = 0.5
CANCEL_SECONDS = 0.02

CheckCallback = Callable[[str], None]
CHECKS: dict[str, Callable[[VerifyConnection], Iterator[Problem]]] = {
    "versions": streams.check_versions,
    "one booking per token": streams.check_single_booking,
    "stories": streams.check_event_order,
    "types": streams.check_types,
    "instants": streams.check_instants,
    "overlapping meetings": meetings.check_overlaps,
    "versions in force": meetings.check_versions_in_force,
    "open links": meetings.check_links_open,
    "reservations": side_tables.check_reservations,
    "claims": side_tables.check_claims,
    "personal details": side_tables.check_details,
    "choices": tallies.check_choices,
}


def ignore_check(check: str) -> None:
    """The default callback, which does nothing."""


def run_verification(
    db: Database,
    checkpoints: Sequence[Checkpoint] = (),
    on_progress: Callable[[int], None] = lambda events: None,
    on_check: CheckCallback = ignore_check,
) -> Report:
    """Verifies everything and changes nothing: the log on one connection, the read models on another.

    `on_progress` is called twice a second with the number of events checked; an exception of it cancels the
    verification. `on_check` is called with the name of each check before it begins, from either thread.

    Raises psycopg.Error when the database does not answer; then nothing is known.
    """
    report = Report(checkpoints=len(checkpoints))
    with (
        db.connect("verify", options=NO_TIMEOUTS) as log_connection,
        db.connect("verify", options=NO_TIMEOUTS) as models_connection,
        ThreadPoolExecutor(2, "verify") as executor,
    ):
        futures = [
            executor.submit(find_log_problems, VerifyConnection(db, log_connection), report, checkpoints, on_check),
            executor.submit(find_read_model_problems, VerifyConnection(db, models_connection), report, on_check),
        ]
        try:
            pending = set(futures)
            while pending:
                done, pending = wait(futures, PROGRESS_SECONDS, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                on_progress(report.checked_events)
        finally:
            while wait(futures, CANCEL_SECONDS).not_done:
                cancel_statement(log_connection)
                cancel_statement(models_connection)
    report.problems = [problem for future in futures for problem in future.result()]
    return report


def find_log_problems(
    connection: VerifyConnection,
    report: Report,
    checkpoints: Sequence[Checkpoint] = (),
    on_check: CheckCallback = ignore_check,
) -> list[Problem]:
    """The problems of the log and of the side tables. Counts the checked events in the report."""
    on_check("sealed events")
    tree_check = TreeCheck(connection.db, connection.connection, CheckpointComparison(checkpoints))
    problems = [*limit_problems("sealed events", tree_check.run(report))]
    for name, check in CHECKS.items():
        on_check(name)
        problems += limit_problems(name, check(connection))
    return problems


def find_read_model_problems(
    connection: VerifyConnection, report: Report, on_check: CheckCallback = ignore_check
) -> list[Problem]:
    """The problems of the read models. Puts the number of differing rows of each into the report."""
    problems: list[Problem] = []
    for model in READ_MODELS:
        on_check(model.name)
        report.read_models[model.name], model_problems = find_differing_rows(connection, model)
        problems += limit_problems(model.name, model_problems)
    return problems


def cancel_statement(connection: Connection[DictRow]) -> None:
    """Cancels the statement that a connection runs, if any. A failed cancellation is repeated by the caller."""
    with suppress(OperationalError):
        connection.cancel_safe(timeout=1)
