"""Rebuilding: `python -m benchmarks rebuilding [EVENTS]`, beside an INSERT … SELECT by hand with the same indexes."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import psycopg

from api.server import DATABASE, OWNER_ROLE
from benchmarks.big_log import fill
from benchmarks.environment import FLUSHES, server
from benchmarks.library_runner import events_per_second
from projections.catalogue import READ_MODELS
from projections.meeting_log import MEETING_LOG
from projections.queries.query import statement
from projections.read_model import ReadModel
from projections.rebuild import job, live_tables
from projections.rebuild.progress import UNHURRIED
from replay.rebuild import Rebuild
from store.database import Database
from store.embedded.server import Server
from store.schema import SERVICE_ROLE

ROUNDS = 5
WANTED = 0.8
MOST_MEGABYTES = 200
OF_THE_LIBRARY = 5_000  # events; it would take minutes for all
ONE_REBUILD = """
import resource, sys
from replay.rebuild import Rebuild
from store.database import Database
Rebuild.begun(Database(sys.argv[1]).open()).run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main(events: str = "1000000", rounds: str = str(ROUNDS)) -> None:
    """Every figure beside its floor, in the same run and in turns."""
    job.GRACE_SECONDS = 0.0  # nobody reads here, so nobody has to be waited for
    for flush in FLUSHES:
        print(f"\n{flush}")
        with server(flush) as found:
            db = filled(found, int(events))
            compare(db, "meeting_log", [MEETING_LOG], int(rounds))
            compare(db, "all read models", READ_MODELS, int(rounds))
            if flush == "native":
                print(f"  memory of the process, {int(events):,} events: {megabytes(db):.0f} MB")
            print(f"  the library's own runner: {events_per_second(found, OF_THE_LIBRARY):,.0f} events/s")
            db.close()
    with server("native") as found:
        db = filled(found, int(events) // 10)
        print(
            f"  memory of the process, {int(events) // 10:,} events: {megabytes(db):.0f} MB (wanted: under 200, flat)"
        )
        db.close()


def filled(found: Server, events: int) -> Database:
    """A big log with its read models."""
    fill(found.url(OWNER_ROLE, DATABASE), events, details=False)
    db = Database(found.url(SERVICE_ROLE, DATABASE)).open()
    live_tables.ensure(db)
    with psycopg.connect(found.url(database=DATABASE), autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")
    return db


def compare(db: Database, name: str, models: Sequence[ReadModel], rounds: int) -> None:
    """Ours and the floor in turns; medians, and their ratio."""
    pairs = [(rebuild(db, models), by_hand(db, models)) for _ in range(rounds + 1)][1:]
    ours, floor = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    (row,) = db.rows("SELECT count(*) AS events FROM {schema}.events")
    rates = f"{row['events'] / ours:,.0f} events/s, by hand {row['events'] / floor:,.0f}"
    spread = ", ".join(f"{mine:.1f}/{theirs:.1f}" for mine, theirs in pairs)
    print(f"  {name}: {rates}: {floor / ours:.2f} (wanted: {WANTED}); seconds {spread}", flush=True)


def rebuild(db: Database, models: Sequence[ReadModel]) -> float:
    """Seconds of a rebuild, from the claim to the switch."""
    began = time.perf_counter()
    Rebuild.begun(db, [model.name for model in models]).run()
    return time.perf_counter() - began


def by_hand(db: Database, models: Sequence[ReadModel]) -> float:
    """Seconds of what one would type: a table, one INSERT … SELECT of all streams, the indexes, ANALYZE."""
    seconds = 0.0
    with db.connect(options=UNHURRIED) as connection:
        for model in models:
            table = f'{{schema}}."by_hand_{model.name}"'
            texts = [
                f"CREATE TABLE {table} ({model.table})",
                f"INSERT INTO {table} ({model.columns}) {model.fold()}",
                *(f"CREATE INDEX ON {table} {index}" for index in model.indexes),
                f"ANALYZE {table}",
            ]
            began = time.perf_counter()
            for text in texts:
                connection.execute(statement(db.schema, db.reporting, text))
            seconds += time.perf_counter() - began
            connection.execute(statement(db.schema, db.reporting, f"DROP TABLE {table}"))
    return seconds


def megabytes(db: Database) -> float:
    """The most memory that a process takes that rebuilds everything."""
    command = [sys.executable, "-c", ONE_REBUILD, db.url]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
