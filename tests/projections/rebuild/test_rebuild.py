"""A rebuild yields the same tables, never blocks, survives being killed, and lets another version serve meanwhile."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import psycopg
import pytest

from benchmarks.big_log import fill_log
from domain.person import PersonAdded
from domain.refusals import NewerVersionLive, NotFound, ReadModelBehind, RebuildRunning
from projections import meeting_log, meeting_types, people, reporting
from projections.catalogue import READ_MODELS, from_live_tables
from projections.following.batch_projector import BatchProjector
from projections.following.follower import COALESCE_SECONDS, LEADER_OPTIONS, Follower
from projections.following.positions import read_positions
from projections.people import PEOPLE
from projections.queries.query import QuerySource
from projections.read_model import ReadModel
from projections.rebuild import job, live_tables, load, swap
from projections.rebuild.load import CannotFold
from projections.rebuild.progress import RebuildLock
from projections.rebuild.swap import NoMomentToSwitch
from replay.rebuild import Rebuild, Rebuilder
from store.database import Database
from tests.projections.story import DAY, LogBuilder, find_differences, follow_log

ROOT = str(Path(__file__).parents[3])
TIMEOUT_SECONDS = 120.0
TABLES = r"""
SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename ~ '_v\d+_g\d+$'
AND tablename NOT IN (SELECT live_table FROM {schema}.read_models)
"""
REBUILD_PROGRAM = """
import sys
from projections.rebuild import load
from replay.rebuild import Rebuild
from store.database import Database
url, schema, events, then = sys.argv[1:]
load.EVENTS_OF_A_SLICE = int(events)
def report_progress(progress):
    print(progress.model.name, progress.share, flush=True)
    if progress.share >= float(then):
        sys.stdin.read()  # for ever
Rebuild.begin(Database(url, schema).open(), on_progress=report_progress).run()
"""


@pytest.fixture
def live_database(database: Database) -> Database:
    """A database with its live tables."""
    live_tables.ensure_tables(database)
    return database


@pytest.fixture
def builder(live_database: Database, superuser_url: str) -> LogBuilder:
    """A builder of histories."""
    return LogBuilder(live_database, superuser_url)


@pytest.fixture
def filled_database(database: Database, superuser_url: str) -> Database:
    """Live tables over a log of some thousand events."""
    fill_log(superuser_url, 4_000, database.schema)
    live_tables.ensure_tables(database)
    return database


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices so small that there are several of them."""
    monkeypatch.setattr(load, "EVENTS_PER_SLICE", 400)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises AssertionError after `TIMEOUT_SECONDS`."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def read_live_tables(database: Database) -> dict[str, str]:
    """Read the live table of each read model."""
    return {
        row["name"]: row["live_table"]
        for row in database.fetch_rows("SELECT name, live_table FROM {schema}.read_models")
    }


def list_leftover_tables(database: Database) -> list[str]:
    """List the tables that are no longer needed."""
    return [row["tablename"] for row in database.fetch_rows(TABLES, (database.schema,))]


@contextmanager
def run_stalled_rebuild(database: Database, share: float) -> Iterator["subprocess.Popen[str]"]:
    """Run a rebuild in its own process, which stalls at a share of a read model."""
    command = [sys.executable, "-c", REBUILD_PROGRAM, database.url, database.schema, "400", str(share)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process: subprocess.Popen[str] = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ROOT}, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class TestSameTables:
    @pytest.mark.usefixtures("small_slices")
    def test_all_are_the_same_as_before(self, filled_database: Database) -> None:
        tables_before = read_live_tables(filled_database)
        results = Rebuild.begin(filled_database).run()
        assert [result.model.name for result in results] == [model.name for model in READ_MODELS]
        tables_after = read_live_tables(filled_database)
        for model in READ_MODELS:
            assert tables_after[model.name] != tables_before[model.name]
        assert list(find_differences(filled_database)) == []
        assert list_leftover_tables(filled_database) == []
        assert filled_database.fetch_rows("SELECT FROM {schema}.rebuilds") == []

    def test_only_those_that_were_named(self, filled_database: Database) -> None:
        tables_before = read_live_tables(filled_database)
        Rebuild.begin(filled_database, ["links", "people"]).run()
        tables_after = read_live_tables(filled_database)
        assert {name for name in tables_after if tables_after[name] != tables_before[name]} == {"links", "people"}
        assert list(find_differences(filled_database)) == []

    def test_repairs_what_was_damaged(self, filled_database: Database) -> None:
        table = read_live_tables(filled_database)["meeting_log"]
        filled_database.fetch_rows(f'DELETE FROM {{schema}}."{table}" WHERE status = %s RETURNING 1', ("cancelled",))
        assert list(find_differences(filled_database)) == ["meeting_log"]
        Rebuild.begin(filled_database, ["meeting_log"]).run()
        assert list(find_differences(filled_database)) == []

    def test_unknown_names(self, live_database: Database) -> None:
        with pytest.raises(NotFound):
            Rebuild.begin(live_database, ["people", "zqx"])
        Rebuild.begin(live_database, ["people"]).run()

    def test_indexes_are_those_of_the_read_model(self, filled_database: Database) -> None:
        Rebuild.begin(filled_database, ["meeting_log"]).run()
        count = "SELECT count(*) AS n FROM pg_indexes WHERE schemaname = %s AND tablename = %s"
        rows = filled_database.fetch_rows(
            count, (filled_database.schema, read_live_tables(filled_database)["meeting_log"])
        )
        assert rows[0]["n"] == 1 + len(meeting_log.MEETING_LOG.indexes)


class TestKilled:
    def test_twice_then_finished(self, filled_database: Database) -> None:
        tables_before = read_live_tables(filled_database)
        for share in (0.3, 0.9):
            with run_stalled_rebuild(filled_database, share) as process:
                assert process.stdout is not None
                while float(process.stdout.readline().split()[1]) < share:
                    assert process.poll() is None
                with pytest.raises(RebuildRunning):
                    Rebuild.begin(filled_database, ["people"])
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert read_live_tables(filled_database) == tables_before
            assert list_leftover_tables(filled_database) != []
            assert list(find_differences(filled_database)) == []
        wait_until(lambda: is_rebuild_lock_free(filled_database))
        Rebuild.begin(filled_database).run()
        assert list(find_differences(filled_database)) == []
        assert list_leftover_tables(filled_database) == []

    def test_broken_off_while_it_folds(self, filled_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """As a server that is told to end does."""
        slow = replace(PEOPLE, rows=PEOPLE.rows.replace("GROUP BY", "CROSS JOIN pg_sleep(600) AS s GROUP BY"))
        catalogue = (slow, *READ_MODELS[1:])
        tables_before = read_live_tables(filled_database)
        rebuilder = Rebuilder(filled_database, catalogue)
        rebuilder.run_in_background(rebuilder.begin_rebuild("people"))
        wait_until(lambda: is_sleeping(filled_database))
        started_at = time.monotonic()
        rebuilder.stop()
        assert time.monotonic() - started_at < 30
        assert read_live_tables(filled_database) == tables_before
        Rebuild.begin(filled_database, ["people"]).run()
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


class TestPoison:
    @pytest.mark.usefixtures("small_slices")
    def test_stops_it_by_name(self, filled_database: Database, superuser_url: str) -> None:
        builder, poisoned_id = LogBuilder(filled_database, superuser_url), uuid4()
        for _ in range(3):
            builder.add_person("Good")
        builder.append_malformed_event(
            poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
        )
        follow_log(filled_database)
        tables_before = read_live_tables(filled_database)
        with pytest.raises(CannotFold) as failure:
            Rebuild.begin(filled_database).run()
        assert f"people cannot fold stream {poisoned_id}: null value in column" in failure.value.sentence
        assert "No address" not in failure.value.sentence
        assert read_live_tables(filled_database) == tables_before
        assert list_leftover_tables(filled_database) == []

    def test_that_comes_while_it_loads(self, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
        database, poisoned_id = builder.database, uuid4()

        def append_poison(self: swap.TableSwap, position: int) -> int:
            builder.append_malformed_event(
                poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
            )
            follow_log(database)
            return position

        monkeypatch.setattr(swap.TableSwap, "catch_up", append_poison)
        with pytest.raises(CannotFold, match=str(poisoned_id)):
            Rebuild.begin(database).run()

    def test_dead_letters_are_gone_once_all_can_be_folded(self, builder: LogBuilder) -> None:
        database, poisoned_id = builder.database, uuid4()
        builder.append_malformed_event(
            poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
        )
        follow_log(database)
        assert len(database.fetch_rows("SELECT FROM {schema}.dead_letters")) == 1
        email = PEOPLE.rows.replace("told ->> 'email' AS email", "coalesce(told ->> 'email', '') AS email")
        lenient = email.replace("told ->> 'time_zone'", "coalesce(told ->> 'time_zone', 'UTC')")
        for name in ("roles", "weekly_hours", "date_overrides"):
            lenient = lenient.replace(f"told -> '{name}'", f"coalesce(told -> '{name}', '{{{{}}}}')")
        catalogue = (replace(PEOPLE, version=2, rows=lenient), *READ_MODELS[1:])
        Rebuild.begin(database, catalogue=catalogue).run()
        assert database.fetch_rows("SELECT FROM {schema}.dead_letters") == []


class TestUnderTraffic:
    def test_the_follower_and_the_readers_go_on(self, filled_database: Database, superuser_url: str) -> None:
        """Bookings and reads go on while everything is rebuilt again and again; no read sees less than before."""
        builder = LogBuilder(filled_database, superuser_url)
        ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
        link = builder.create_link(ada, intro)
        follower, stop, counts, errors = Follower(filled_database).start(), Event(), [0], []

        def write_events() -> None:
            while not stop.is_set():
                builder.book_meeting(link, [ada], intro, builder.now + DAY)
                follower.wake()

        def read_rows() -> None:
            while not stop.is_set():
                try:
                    counts.append(
                        from_live_tables(filled_database).fetch_rows("SELECT count(*) AS n FROM meeting_log", {})[0][
                            "n"
                        ]
                    )
                except Exception as error:
                    errors.append(error)

        threads = [Thread(target=write_events), Thread(target=read_rows)]
        for thread in threads:
            thread.start()
        try:
            position_before = read_positions(filled_database).position
            for _ in range(4):
                Rebuild.begin(filled_database).run()
            moved_by = read_positions(filled_database).position - position_before
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        wait_until(lambda: read_positions(filled_database).position == read_positions(filled_database).head)
        follower.stop()
        assert errors == []
        assert moved_by > 20
        assert len(counts) > 20
        assert counts == sorted(counts), "a read saw a table that was not full"
        assert list(find_differences(filled_database)) == []

    def test_a_switch_costs_the_follower_no_pause(self, builder: LogBuilder, superuser_url: str) -> None:
        """A fence that is not free costs it a pause; the row that a switch takes for a moment does not."""
        database = builder.database
        builder.add_person("Ada")
        follower = Follower(database)
        with database.connect(options=LEADER_OPTIONS) as connection, psycopg.connect(superuser_url) as lock_connection:
            projector = BatchProjector(database, connection, READ_MODELS)
            lock_connection.execute(database.compose_query("SELECT FROM {schema}.follower FOR UPDATE"))
            assert follower._follow_log(projector) == COALESCE_SECONDS
            assert read_positions(database).position == 0
            lock_connection.rollback()
            assert follower._follow_log(projector) == COALESCE_SECONDS
        assert read_positions(database).position == builder.position

    def test_is_not_held_up_while_an_analyst_reads(
        self, builder: LogBuilder, superuser_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The switch needs the views; as long as somebody reads them it waits, and holds up nobody."""
        database = builder.database
        monkeypatch.setattr(swap, "TIMEOUT_SECONDS", 1.5)
        tables_before = read_live_tables(database)
        with psycopg.connect(superuser_url) as analyst:
            analyst.execute(database.compose_query("SELECT FROM {reporting}.links"))
            follower, slowest = Follower(database).start(), 0.0
            failures: list[Exception] = []
            thread = Thread(target=lambda: failures.append(capture_failure(lambda: Rebuild.begin(database).run())))
            thread.start()
            while thread.is_alive():
                started_at = time.monotonic()
                appended_position = builder.append_event(uuid4(), PersonAdded, **ADA)
                follower.wake()
                wait_until(
                    lambda appended_position=appended_position: read_positions(database).position >= appended_position
                )  # type: ignore[misc]
                slowest = max(slowest, time.monotonic() - started_at)
            follower.stop()
        assert [type(failure) for failure in failures] == [NoMomentToSwitch]
        assert slowest < 5
        assert read_live_tables(database) == tables_before
        Rebuild.begin(database).run()
        assert list(find_differences(database)) == []


ADA = {"name": "Ada", "email": "ada@example.com", "time_zone": "UTC", "roles": ("member",)}


def capture_failure(action: Callable[[], object]) -> Exception:
    """Run an action that must fail. Return its exception."""
    with pytest.raises(Exception) as raised_error:  # noqa: PT011
        action()
    return raised_error.value


class TestViews:
    def test_whoever_may_read_one_may_go_on(self, builder: LogBuilder, superuser_url: str) -> None:
        database, role = builder.database, f"r{uuid4().hex[:8]}"
        with psycopg.connect(superuser_url, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE {role}")
            try:
                owner.execute(database.compose_query(f"GRANT USAGE ON SCHEMA {{reporting}} TO {role}"))
                owner.execute(database.compose_query(f"GRANT SELECT ON {{reporting}}.links TO {role}"))
                owner.execute(database.compose_query("REVOKE SELECT ON {reporting}.events FROM oncelink_analyst"))
                owner.execute(
                    database.compose_query("CREATE VIEW {schema}.theirs AS SELECT link_id FROM {reporting}.links")
                )
                Rebuild.begin(database).run()
                can_read = [has_select_privilege(database, role, view) for view in ("links", "meeting_log", "events")]
                assert can_read == [True, False, False]
                analysts_can_read = [
                    has_select_privilege(database, "oncelink_analyst", view)
                    for view in ("links", "meeting_log", "events")
                ]
                assert analysts_can_read == [True, True, False]
                assert owner.execute(database.compose_query("SELECT FROM {schema}.theirs")).fetchall() == []
            finally:
                owner.execute(f"DROP OWNED BY {role} CASCADE")
                owner.execute(f"DROP ROLE {role}")

    def test_with_other_columns_too(
        self, builder: LogBuilder, superuser_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = builder.database
        other_query = "SELECT l.name AS title, l.link_id FROM links AS l"
        monkeypatch.setitem(reporting.VIEWS, "links", other_query)
        with psycopg.connect(superuser_url, autocommit=True) as owner:
            owner.execute(database.compose_query("REVOKE ALL ON {reporting}.links FROM oncelink_analyst"))
            owner.execute(database.compose_query("GRANT SELECT ON {reporting}.links TO pg_monitor"))
        Rebuild.begin(database).run()
        assert database.fetch_rows("SELECT title FROM {reporting}.links") == []
        assert has_select_privilege(database, "pg_monitor", "links")
        assert not has_select_privilege(database, "oncelink_analyst", "links")


def has_select_privilege(database: Database, role: str, view: str) -> bool:
    """Return whether a role may read a view."""
    query = "SELECT has_table_privilege(%s, %s, 'SELECT') AS may"
    return bool(database.fetch_rows(query, (role, f"{database.reporting}.{view}"))[0]["may"])


def raise_versions(*models: ReadModel) -> tuple[ReadModel, ...]:
    """Build a catalogue with other versions of some read models."""
    by_name = {model.name: model for model in models}
    return tuple(by_name.get(model.name, model) for model in READ_MODELS)


class TestAnotherVersion:
    NEXT = replace(
        PEOPLE, version=2, rows=PEOPLE.rows.replace("told ->> 'name' AS name", "'Dr ' || (told ->> 'name') AS name")
    )
    WIDER = replace(
        PEOPLE,
        version=2,
        table=PEOPLE.table.rstrip() + ",\n        nickname text",
        rows=PEOPLE.rows.replace("AS words", "AS words, told ->> 'name' AS nickname"),
    )

    def test_the_old_one_serves_until_the_new_one_is_built(
        self, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database, catalogue = builder.database, raise_versions(self.NEXT)
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
        for worker in (old_follower, new_follower, rebuilder):
            worker.stop()

    def test_what_the_old_table_cannot_answer_waits(self, builder: LogBuilder) -> None:
        database, catalogue = builder.database, raise_versions(self.WIDER)
        ada = builder.add_person("Ada")
        follow_log(database)
        with pytest.raises(ReadModelBehind):
            people.list_people(QuerySource(database, catalogue))
        assert people.find_person(QuerySource(database, catalogue, reads_log=True), ada) is not None
        assert meeting_types.list_meeting_types(QuerySource(database, catalogue)).items == []
        live_tables.ensure_tables(database, catalogue)
        assert [row["id"] for row in people.list_people(QuerySource(database, catalogue)).items] == [ada]
        assert [row["id"] for row in people.list_people(from_live_tables(database)).items] == [ada], (
            "older programs read the wider table"
        )

    def test_several_are_switched_at_one_instant(self, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
        database = builder.database
        versions: list[dict[str, int]] = []
        unwatched = load.TableLoader.load_table

        def record_versions_and_load(*arguments: object) -> object:
            versions.append(dict(live_tables.read_live_versions(database)))
            return unwatched(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(load.TableLoader, "load_table", record_versions_and_load)
        catalogue = tuple(replace(model, version=model.version + 1) for model in READ_MODELS)
        Rebuild.begin(database, ["people"], catalogue).run()
        assert versions == [{model.name: model.version for model in READ_MODELS}] * len(READ_MODELS)
        assert live_tables.read_live_versions(database) == {model.name: model.version for model in catalogue}

    def test_an_older_program_undoes_nothing_while_the_newer_one_works(self, builder: LogBuilder) -> None:
        database, catalogue = builder.database, raise_versions(self.NEXT)
        live_tables.ensure_tables(database, catalogue)
        newer = Follower(database, catalogue).start()
        wait_until(lambda: newer.is_leader)
        older = Rebuilder(database).start()
        time.sleep(1.5)
        assert live_tables.read_live_versions(database)["people"] == 2
        with pytest.raises(NewerVersionLive):
            Rebuild.begin(database, ["people"])
        Rebuild.begin(database, ["links"]).run()
        assert live_tables.read_live_versions(database)["people"] == 2
        newer.stop()
        wait_until(lambda: live_tables.read_live_versions(database)["people"] == 1)
        older.stop()

    def test_waits_for_another_rebuild(self, builder: LogBuilder) -> None:
        database = builder.database
        lock = RebuildLock.acquire(database)
        rebuilder = Rebuilder(database, raise_versions(self.NEXT)).start()
        time.sleep(0.5)
        assert live_tables.read_live_versions(database)["people"] == 1
        lock.connection.close()
        wait_until(lambda: live_tables.read_live_versions(database)["people"] == 2)
        rebuilder.stop()
