"""The progress of a rebuild is visible to every process, and only one session holds the right to rebuild."""

from contextlib import closing

import pytest

from domain.refusals import RebuildRunning
from projections.people import PEOPLE
from projections.rebuild.load import LOADING_SHARE
from projections.rebuild.progress import Progress, RebuildLock
from replay.rebuild import begin_rebuild
from store.database import Database

RECORDS = "SELECT read_model, done, total, share, error FROM {schema}.rebuilds ORDER BY read_model"


@pytest.mark.usefixtures("small_slices")
def test_moves_on_to_all_of_the_work(filled_database: Database) -> None:
    seen: list[tuple[int, int, float]] = []
    begin_rebuild(filled_database, ["meeting_log"], on_progress=lambda p: seen.append((p.done, p.total, p.share))).run()
    total = seen[0][1]
    assert seen[0] == (0, total, 0.0)
    assert seen[-1] == (total, total, 1.0)
    assert seen == sorted(seen)
    assert len([share for _, _, share in seen if 0 < share <= LOADING_SHARE]) == 4


def test_is_recorded_while_it_runs(live_database: Database) -> None:
    lock = RebuildLock.acquire(live_database)
    with closing(lock.connection):
        lock.announce_rebuild([PEOPLE])
        lock.report_progress(Progress(PEOPLE, total=100, done=50, share=0.35), immediately=True)
        [record] = live_database.fetch_rows(RECORDS)
        assert tuple(record.values()) == ("people", 50, 100, pytest.approx(0.35), None)
        lock.record_failure(ValueError("no space"))
        assert live_database.fetch_rows(RECORDS)[0]["error"] == "no space"
        lock.clear_rebuilds()
        assert live_database.fetch_rows(RECORDS) == []


def test_one_session_at_a_time(live_database: Database) -> None:
    lock = RebuildLock.acquire(live_database)
    with closing(lock.connection):
        with pytest.raises(RebuildRunning):
            RebuildLock.acquire(live_database)
        lock.release()
    RebuildLock.acquire(live_database, wait=True).release()


def test_an_error_releases_the_lock(live_database: Database) -> None:
    lock = RebuildLock.acquire(live_database)
    with pytest.raises(ValueError, match="broken"), lock.release_on_error():
        raise ValueError("broken")
    assert lock.connection.closed
