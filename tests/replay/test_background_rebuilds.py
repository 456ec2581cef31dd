"""A process builds in the background what is not live in its version, and gives way to a newer program."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from threading import Event

import pytest

from domain.refusals import NewerVersionLive
from projections import people
from projections.following.follower import Follower
from projections.following.positions import read_positions
from projections.people import PEOPLE
from projections.queries.query import QuerySource
from projections.rebuild import job, live_tables
from projections.rebuild.progress import RebuildLock
from replay.background_rebuilds import Rebuilder
from replay.rebuild import begin_rebuild
from store.database import Database
from tests.projections.read_model_driver import NEXT_PEOPLE, TIMEOUT_SECONDS, raise_versions, wait_until
from tests.projections.story import LogBuilder, follow_log


@pytest.fixture
def builder(live_database: Database, superuser_url: str) -> LogBuilder:
    """A builder of histories."""
    return LogBuilder(live_database, superuser_url)


@pytest.fixture
def cleanup(builder: LogBuilder) -> Iterator[ExitStack]:
    """Ends what a test has started, also when the test fails: the database is still there."""
    with ExitStack() as stack:
        yield stack


def test_the_old_one_serves_until_the_new_one_is_built(
    builder: LogBuilder, cleanup: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, catalogue = builder.database, raise_versions(NEXT_PEOPLE)
    ada = builder.add_person("Ada")
    follow_log(database)
    released, reached = Event(), Event()
    build_tables = job.RebuildRun.build_tables

    def build_when_released(self: job.RebuildRun, projector: object) -> object:
        reached.set()
        assert released.wait(TIMEOUT_SECONDS)
        return build_tables(self, projector)  # type: ignore[arg-type]

    monkeypatch.setattr(job.RebuildRun, "build_tables", build_when_released)
    old_follower, new_follower = Follower(database).start(), Follower(database, catalogue).start()
    rebuilder = Rebuilder(database, catalogue).start()
    for end in (rebuilder.stop, new_follower.stop, old_follower.stop, released.set):
        cleanup.callback(end)  # the last one is called first
    assert reached.wait(TIMEOUT_SECONDS)
    source = QuerySource(database, catalogue)
    assert [row["name"] for row in people.list_people(source).items] == ["Ada"]
    bob = builder.add_person("Bob")
    wait_until(lambda: read_positions(database).position == builder.position)
    assert not new_follower.is_leader
    assert [row["id"] for row in people.list_people(source).items] == [bob, ada]
    released.set()
    wait_until(lambda: new_follower.is_leader)
    assert [row["name"] for row in people.list_people(source).items] == ["Dr Bob", "Dr Ada"]
    wait_until(lambda: not old_follower.is_leader and "SteppedDown" in (old_follower.error or ""))
    builder.add_person("Eve")
    wait_until(lambda: read_positions(database).position == builder.position)
    assert people.list_people(source).items[0]["name"] == "Dr Eve"


def test_an_older_program_undoes_nothing_while_the_newer_one_works(builder: LogBuilder, cleanup: ExitStack) -> None:
    database, catalogue = builder.database, raise_versions(NEXT_PEOPLE)
    live_tables.ensure_tables(database, catalogue)
    newer = Follower(database, catalogue).start()
    cleanup.callback(newer.stop)
    wait_until(lambda: newer.is_leader)
    cleanup.callback(Rebuilder(database).start().stop)
    time.sleep(1.5)
    assert live_tables.read_live_versions(database)["people"] == NEXT_PEOPLE.version
    with pytest.raises(NewerVersionLive):
        begin_rebuild(database, ["people"])
    begin_rebuild(database, ["links"]).run()
    assert live_tables.read_live_versions(database)["people"] == NEXT_PEOPLE.version
    newer.stop()
    wait_until(lambda: live_tables.read_live_versions(database)["people"] == PEOPLE.version)


def test_waits_for_another_rebuild(builder: LogBuilder, cleanup: ExitStack) -> None:
    database = builder.database
    lock = RebuildLock.acquire(database)
    with closing(lock.connection):
        cleanup.callback(Rebuilder(database, raise_versions(NEXT_PEOPLE)).start().stop)
        time.sleep(0.5)
        assert live_tables.read_live_versions(database)["people"] == PEOPLE.version
    wait_until(lambda: live_tables.read_live_versions(database)["people"] == NEXT_PEOPLE.version)
