"""Rebuilding: `python -m benchmarks rebuilding [EVENTS]`, beside an INSERT … SELECT by hand with the same indexes."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import psycopg

from api.server import DATABASE, OWNER_ROLE
from benchmarks.big_log import fill_log
from benchmarks.environment import FLUSHES, run_database_server
from benchmarks.library_runner import measure_events_per_second
from projections.catalogue import READ_MODELS
from projections.meeting_log import MEETING_LOG
from projections.queries.query import compile_statement
from projections.read_model import ReadModel
from projections.rebuild import job, live_tables
from projections.rebuild.progress import NO_TIMEOUTS
from replay.rebuild import begin_rebuild
from store.database import Database
from store.embedded.server import Server
from store.schema import SERVICE_ROLE

ROUNDS = 5
MIN_RATIO = 0.8
MAX_MEGABYTES = 200
LIBRARY_EVENTS = 5_000  # events; it would take minutes for all
REBUILD_PROGRAM = """
import resource, sys
from replay.rebuild import begin_rebuild
from store.database import Database
begin_rebuild(Database(sys.argv[1]).open()).run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main(events: str = "1000000", rounds: str = str(ROUNDS)) -> None:
    """Measure every figure against its floor, in the same run and in turns."""
    job.GRACE_SECONDS = 0.0  # nobody reads here, so nobody has to be waited for
    for flush in FLUSHES:
        print(f"\n{flush}")
        with run_database_server(flush) as server:
            db = create_filled_database(server, int(events))
            compare_with_floor(db, "meeting_log", [MEETING_LOG], int(rounds))
            compare_with_floor(db, "all read models", READ_MODELS, int(rounds))
            if flush == "native":
                print(f"  memory of the process, {int(events):,} events: {measure_memory(db):.0f} MB")
            print(f"  the library's own runner: {measure_events_per_second(server, LIBRARY_EVENTS):,.0f} events/s")
            db.close()
    with run_database_server("native") as server:
        db = create_filled_database(server, int(events) // 10)
        print(
            f"  memory of the process, {int(events) // 10:,} events: "
            f"{measure_memory(db):.0f} MB (wanted: under 200, flat)"
        )
        db.close()


def create_filled_database(server: Server, events: int) -> Database:
    """Create a big log with its read models."""
    fill_log(server.build_url(OWNER_ROLE, DATABASE), events, details=False)
    db = Database(server.build_url(SERVICE_ROLE, DATABASE)).open()
    live_tables.ensure_tables(db)
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")
    return db


def compare_with_floor(db: Database, name: str, models: Sequence[ReadModel], rounds: int) -> None:
    """Measure the rebuild and its floor in turns. Print the medians and their ratio."""
    pairs = [(measure_rebuild(db, models), measure_manual_build(db, models)) for _ in range(rounds + 1)][1:]
    rebuild_seconds, manual_seconds = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    (row,) = db.fetch_rows("SELECT count(*) AS events FROM {schema}.events")
    rates = f"{row['events'] / rebuild_seconds:,.0f} events/s, by hand {row['events'] / manual_seconds:,.0f}"
    spread = ", ".join(f"{rebuild_time:.1f}/{manual_time:.1f}" for rebuild_time, manual_time in pairs)
    print(
        f"  {name}: {rates}: {manual_seconds / rebuild_seconds:.2f} (wanted: {MIN_RATIO}); seconds {spread}", flush=True
    )


def measure_rebuild(db: Database, models: Sequence[ReadModel]) -> float:
    """Measure the seconds of a rebuild, from its lock to the switch."""
    started_at = time.perf_counter()
    begin_rebuild(db, [model.name for model in models]).run()
    return time.perf_counter() - started_at


def measure_manual_build(db: Database, models: Sequence[ReadModel]) -> float:
    """Measure the seconds of a manual build: a table, one INSERT … SELECT of all streams, the indexes, ANALYZE."""
    seconds = 0.0
    with db.connect(options=NO_TIMEOUTS) as connection:
        for model in models:
            table = f'{{schema}}."by_hand_{model.name}"'
            texts = [
                f"CREATE TABLE {table} ({model.table})",
                f"INSERT INTO {table} ({model.columns}) {model.build_fold_query()}",
                *(f"CREATE INDEX ON {table} {index}" for index in model.indexes),
                f"ANALYZE {table}",
            ]
            started_at = time.perf_counter()
            for text in texts:
                connection.execute(compile_statement(db.schema, db.reporting, text))
            seconds += time.perf_counter() - started_at
            connection.execute(compile_statement(db.schema, db.reporting, f"DROP TABLE {table}"))
    return seconds


def measure_memory(db: Database) -> float:
    """Measure the peak memory of a process that rebuilds everything, in megabytes."""
    command = [sys.executable, "-c", REBUILD_PROGRAM, db.url]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
