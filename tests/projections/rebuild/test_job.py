"""A rebuild yields the same tables, and may be killed at any moment."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from domain.refusals import RebuildRunning
from projections.catalogue import READ_MODELS
from projections.people import PEOPLE
from projections.rebuild.progress import RebuildLock
from replay.background_rebuilds import Rebuilder
from replay.rebuild import begin_rebuild
from store.database import Database
from tests.projections.read_model_driver import list_leftover_tables, list_live_tables, start_process, wait_until
from tests.projections.story import find_differences

REBUILD_PROGRAM = """
import sys
from projections.rebuild import load
from replay.rebuild import begin_rebuild
from store.database import Database
url, schema, events, then = sys.argv[1:]
load.EVENTS_PER_SLICE = int(events)
def report_progress(progress):
    print(progress.model.name, progress.share, flush=True)
    if progress.share >= float(then):
        sys.stdin.read()  # for ever
begin_rebuild(Database(url, schema).open(), on_progress=report_progress).run()
"""


@contextmanager
def run_stalled_rebuild(database: Database, share: float) -> Iterator["subprocess.Popen[str]"]:
    """Run a rebuild in its own process, which stalls at a share of a read model."""
    process = start_process(REBUILD_PROGRAM, database, 400, share)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class TestSameTables:
    @pytest.mark.usefixtures("small_slices")
    def test_all_are_the_same_as_before(self, filled_database: Database) -> None:
        tables_before = list_live_tables(filled_database)
        results = begin_rebuild(filled_database).run()
        assert [result.model.name for result in results] == [model.name for model in READ_MODELS]
        tables_after = list_live_tables(filled_database)
        for model in READ_MODELS:
            assert tables_after[model.name] != tables_before[model.name]
        assert list(find_differences(filled_database)) == []
        assert list_leftover_tables(filled_database) == []
        assert filled_database.fetch_rows("SELECT FROM {schema}.rebuilds") == []

    def test_only_those_that_were_named(self, filled_database: Database) -> None:
        tables_before = list_live_tables(filled_database)
        begin_rebuild(filled_database, ["links", "people"]).run()
        tables_after = list_live_tables(filled_database)
        assert {name for name in tables_after if tables_after[name] != tables_before[name]} == {"links", "people"}
        assert list(find_differences(filled_database)) == []

    def test_repairs_what_was_damaged(self, filled_database: Database) -> None:
        table = list_live_tables(filled_database)["meeting_log"]
        filled_database.fetch_rows(f'DELETE FROM {{schema}}."{table}" WHERE status = %s RETURNING 1', ("cancelled",))
        assert list(find_differences(filled_database)) == ["meeting_log"]
        begin_rebuild(filled_database, ["meeting_log"]).run()
        assert list(find_differences(filled_database)) == []


class TestKilled:
    def test_twice_then_finished(self, filled_database: Database) -> None:
        tables_before = list_live_tables(filled_database)
        for share in (0.3, 0.9):
            with run_stalled_rebuild(filled_database, share) as process:
                assert process.stdout is not None
                while float(process.stdout.readline().split()[1]) < share:
                    assert process.poll() is None
                with pytest.raises(RebuildRunning):
                    begin_rebuild(filled_database, ["people"])
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert list_live_tables(filled_database) == tables_before
            assert list_leftover_tables(filled_database) != []
            assert list(find_differences(filled_database)) == []
        wait_until(lambda: is_rebuild_lock_free(filled_database))
        begin_rebuild(filled_database).run()
        assert list(find_differences(filled_database)) == []
        assert list_leftover_tables(filled_database) == []

    def test_stopped_while_it_folds(self, filled_database: Database) -> None:
        """As a server that is told to end does."""
        slow = replace(PEOPLE, rows=PEOPLE.rows.replace("GROUP BY", "CROSS JOIN pg_sleep(600) AS s GROUP BY"))
        catalogue = (slow, *READ_MODELS[1:])
        tables_before = list_live_tables(filled_database)
        rebuilder = Rebuilder(filled_database, catalogue)
        rebuilder.run_in_background(rebuilder.begin_rebuild("people"))
        wait_until(lambda: is_sleeping(filled_database))
        started_at = time.monotonic()
        rebuilder.stop()
        assert time.monotonic() - started_at < 30
        assert list_live_tables(filled_database) == tables_before
        begin_rebuild(filled_database, ["people"]).run()
        assert list_leftover_tables(filled_database) == []


def is_rebuild_lock_free(database: Database) -> bool:
    """Return whether nobody holds the rebuild lock."""
    try:
        RebuildLock.acquire(database).connection.close()
    except RebuildRunning:
        return False
    return True


def is_sleeping(database: Database) -> bool:
    """Return whether a statement sleeps."""
    return bool(database.fetch_rows("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
