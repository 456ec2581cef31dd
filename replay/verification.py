"""Verifies everything: the log's invariants, what is kept beside it, its sealed tree, and every read model."""

from collections.abc import Callable, Iterator, Sequence

from psycopg import Connection
from psycopg.rows import DictRow

from projections.catalogue import READ_MODELS
from replay import verify_beside, verify_meetings, verify_streams
from replay.asking import Ask
from replay.checkpoint import Checkpoint
from replay.comparing import Comparison
from replay.problems import Problem, Report, first_of
from replay.verify_read_models import differing_rows
from replay.verify_tree import Progress, TreeCheck
from store.database import Database

CHECKS: dict[str, Callable[[Ask], Iterator[Problem]]] = {
    "versions": verify_streams.versions,
    "one booking per token": verify_streams.bookings_once,
    "stories": verify_streams.stories,
    "types": verify_streams.types,
    "instants": verify_streams.instants,
    "overlapping meetings": verify_meetings.overlaps,
    "versions in force": verify_meetings.versions_in_force,
    "open links": verify_meetings.open_links,
    "reservations": verify_beside.reservations,
    "claims": verify_beside.claims,
    "personal details": verify_beside.details,
}


def verify(
    db: Database,
    connection: Connection[DictRow],
    checkpoints: Sequence[Checkpoint] = (),
    progress: Progress = lambda events: None,
    told: Callable[[str], None] = lambda check: None,
) -> Report:
    """Checks everything and changes nothing; the connection may take its time (`asking.UNHURRIED`).

    `progress` hears how many events were looked at, `told` the name of each check before it begins.

    Raises psycopg.Error when the database does not answer; then nothing can be said.
    """
    report = Report(checkpoints=len(checkpoints))
    ask = Ask(db, connection)
    told("sealed events")
    tree = TreeCheck(db, connection, Comparison(checkpoints), progress)
    report.problems += first_of("sealed events", tree.run(report))
    for name, check in CHECKS.items():
        told(name)
        report.problems += first_of(name, check(ask))
        progress(report.checked_events)
    for model in READ_MODELS:
        told(model.name)
        report.read_models[model.name], problems = differing_rows(ask, model)
        report.problems += first_of(model.name, problems)
        progress(report.checked_events)
    return report
