"""A rebuild gives the same tables, holds up nobody, survives being killed, and lets another version serve meanwhile."""

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

from benchmarks.big_log import fill
from domain.person import PersonAdded
from domain.refusals import NewerVersionLive, NotFound, ReadModelBehind, RebuildRunning
from projections import meeting_log, meeting_types, people, reporting
from projections.catalogue import READ_MODELS, live
from projections.following.batch_projector import Folding
from projections.following.follower import BREATH_SECONDS, LEADER_OPTIONS, Follower
from projections.following.positions import position
from projections.people import PEOPLE
from projections.queries.query import Source
from projections.read_model import ReadModel
from projections.rebuild import job, live_tables, load, swap
from projections.rebuild.load import CannotFold
from projections.rebuild.progress import Claim
from projections.rebuild.swap import NoMomentToSwitch
from replay.rebuild import Rebuild, Rebuilder
from store.database import Database
from tests.projections.story import DAY, Story, differences, follow

ROOT = str(Path(__file__).parents[3])
PATIENCE_SECONDS = 120.0
TABLES = r"""
SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename ~ '_v\d+_g\d+$'
AND tablename NOT IN (SELECT live_table FROM {schema}.read_models)
"""
REBUILD = """
import sys
from projections.rebuild import load
from replay.rebuild import Rebuild
from store.database import Database
url, schema, events, then = sys.argv[1:]
load.EVENTS_OF_A_SLICE = int(events)
def told(progress):
    print(progress.model.name, progress.share, flush=True)
    if progress.share >= float(then):
        sys.stdin.read()  # for ever
Rebuild.begun(Database(url, schema).open(), told=told).run()
"""


@pytest.fixture
def followed(database: Database) -> Database:
    """A database with its live tables."""
    live_tables.ensure(database)
    return database


@pytest.fixture
def story(followed: Database, superuser_url: str) -> Story:
    """A history to tell."""
    return Story(followed, superuser_url)


@pytest.fixture
def filled(database: Database, superuser_url: str) -> Database:
    """Live tables over a log of some thousand events."""
    fill(superuser_url, 4_000, database.schema)
    live_tables.ensure(database)
    return database


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices so small that there are several of them."""
    monkeypatch.setattr(load, "EVENTS_OF_A_SLICE", 400)


def until(happened: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def live_names(database: Database) -> dict[str, str]:
    """The live table of each read model."""
    return {
        row["name"]: row["live_table"] for row in database.rows("SELECT name, live_table FROM {schema}.read_models")
    }


def leftovers(database: Database) -> list[str]:
    """Tables that nobody needs."""
    return [row["tablename"] for row in database.rows(TABLES, (database.schema,))]


@contextmanager
def killable(database: Database, share: float) -> Iterator["subprocess.Popen[str]"]:
    """A rebuild in a process of its own that stops moving at a share of a read model."""
    command = [sys.executable, "-c", REBUILD, database.url, database.schema, "400", str(share)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started: subprocess.Popen[str] = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ROOT}, **pipes)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


class TestOneAnswer:
    @pytest.mark.usefixtures("small_slices")
    def test_all_are_the_same_as_before(self, filled: Database) -> None:
        before = live_names(filled)
        built = Rebuild.begun(filled).run()
        assert [one.model.name for one in built] == [model.name for model in READ_MODELS]
        after = live_names(filled)
        for model in READ_MODELS:
            assert after[model.name] != before[model.name]
        assert list(differences(filled)) == []
        assert leftovers(filled) == []
        assert filled.rows("SELECT FROM {schema}.rebuilds") == []

    def test_only_those_that_were_named(self, filled: Database) -> None:
        before = live_names(filled)
        Rebuild.begun(filled, ["links", "people"]).run()
        after = live_names(filled)
        assert {name for name in after if after[name] != before[name]} == {"links", "people"}
        assert list(differences(filled)) == []

    def test_repairs_what_was_damaged(self, filled: Database) -> None:
        table = live_names(filled)["meeting_log"]
        filled.rows(f'DELETE FROM {{schema}}."{table}" WHERE status = %s RETURNING 1', ("cancelled",))
        assert list(differences(filled)) == ["meeting_log"]
        Rebuild.begun(filled, ["meeting_log"]).run()
        assert list(differences(filled)) == []

    def test_unknown_names(self, followed: Database) -> None:
        with pytest.raises(NotFound):
            Rebuild.begun(followed, ["people", "zqx"])
        Rebuild.begun(followed, ["people"]).run()

    def test_indexes_are_those_of_the_read_model(self, filled: Database) -> None:
        Rebuild.begun(filled, ["meeting_log"]).run()
        count = "SELECT count(*) AS n FROM pg_indexes WHERE schemaname = %s AND tablename = %s"
        rows = filled.rows(count, (filled.schema, live_names(filled)["meeting_log"]))
        assert rows[0]["n"] == 1 + len(meeting_log.MEETING_LOG.indexes)


class TestKilled:
    def test_twice_then_finished(self, filled: Database) -> None:
        before = live_names(filled)
        for share in (0.3, 0.9):
            with killable(filled, share) as process:
                assert process.stdout is not None
                while float(process.stdout.readline().split()[1]) < share:
                    assert process.poll() is None
                with pytest.raises(RebuildRunning):
                    Rebuild.begun(filled, ["people"])
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert live_names(filled) == before
            assert leftovers(filled) != []
            assert list(differences(filled)) == []
        until(lambda: no_rebuild(filled))
        Rebuild.begun(filled).run()
        assert list(differences(filled)) == []
        assert leftovers(filled) == []

    def test_broken_off_while_it_folds(self, filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """As a server that is told to end does."""
        slow = replace(PEOPLE, rows=PEOPLE.rows.replace("GROUP BY", "CROSS JOIN pg_sleep(600) AS s GROUP BY"))
        catalogue = (slow, *READ_MODELS[1:])
        before = live_names(filled)
        rebuilder = Rebuilder(filled, catalogue)
        rebuilder.go_on(rebuilder.begin("people"))
        until(lambda: sleeping(filled))
        began = time.monotonic()
        rebuilder.stop()
        assert time.monotonic() - began < 30
        assert live_names(filled) == before
        Rebuild.begun(filled, ["people"]).run()
        assert leftovers(filled) == []


def no_rebuild(database: Database) -> bool:
    """Whether nobody holds the claim."""
    try:
        Claim.taken(database).connection.close()
    except RebuildRunning:
        return False
    return True


def sleeping(database: Database) -> bool:
    """Whether some statement sleeps."""
    return bool(database.rows("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))


class TestPoison:
    @pytest.mark.usefixtures("small_slices")
    def test_stops_it_by_name(self, filled: Database, superuser_url: str) -> None:
        story, bad = Story(filled, superuser_url), uuid4()
        for _ in range(3):
            story.person("Good")
        story.bad_event(bad, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"})
        follow(filled)
        before = live_names(filled)
        with pytest.raises(CannotFold) as failure:
            Rebuild.begun(filled).run()
        assert f"people cannot fold stream {bad}: null value in column" in failure.value.sentence
        assert "No address" not in failure.value.sentence
        assert live_names(filled) == before
        assert leftovers(filled) == []

    def test_that_comes_while_it_loads(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        database, bad = story.database, uuid4()

        def meanwhile(self: swap.Switching, after: int) -> int:
            story.bad_event(bad, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"})
            follow(database)
            return after

        monkeypatch.setattr(swap.Switching, "catch_up", meanwhile)
        with pytest.raises(CannotFold, match=str(bad)):
            Rebuild.begun(database).run()

    def test_dead_letters_are_gone_once_all_can_be_folded(self, story: Story) -> None:
        database, bad = story.database, uuid4()
        story.bad_event(bad, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"})
        follow(database)
        assert len(database.rows("SELECT FROM {schema}.dead_letters")) == 1
        email = PEOPLE.rows.replace("told ->> 'email' AS email", "coalesce(told ->> 'email', '') AS email")
        lenient = email.replace("told ->> 'time_zone'", "coalesce(told ->> 'time_zone', 'UTC')")
        for name in ("roles", "weekly_hours", "date_overrides"):
            lenient = lenient.replace(f"told -> '{name}'", f"coalesce(told -> '{name}', '{{{{}}}}')")
        catalogue = (replace(PEOPLE, version=2, rows=lenient), *READ_MODELS[1:])
        Rebuild.begun(database, catalogue=catalogue).run()
        assert database.rows("SELECT FROM {schema}.dead_letters") == []


class TestUnderTraffic:
    def test_the_follower_and_the_readers_go_on(self, filled: Database, superuser_url: str) -> None:
        """Bookings and reads go on while everything is rebuilt again and again; no read sees less than before."""
        story = Story(filled, superuser_url)
        ada, intro = story.person("Ada"), story.meeting_type()
        link = story.link(ada, intro)
        follower, done, counts, errors = Follower(filled).start(), Event(), [0], []

        def write() -> None:
            while not done.is_set():
                story.book(link, [ada], intro, story.now + DAY)
                follower.wake()

        def read() -> None:
            while not done.is_set():
                try:
                    counts.append(live(filled).rows("SELECT count(*) AS n FROM meeting_log", {})[0]["n"])
                except Exception as error:
                    errors.append(error)

        threads = [Thread(target=write), Thread(target=read)]
        for thread in threads:
            thread.start()
        try:
            before = position(filled).position
            for _ in range(4):
                Rebuild.begun(filled).run()
            moved = position(filled).position - before
        finally:
            done.set()
            for thread in threads:
                thread.join()
        until(lambda: position(filled).position == position(filled).head)
        follower.stop()
        assert errors == []
        assert moved > 20
        assert len(counts) > 20
        assert counts == sorted(counts), "a read saw a table that was not full"
        assert list(differences(filled)) == []

    def test_a_switch_costs_the_follower_no_pause(self, story: Story, superuser_url: str) -> None:
        """A fence that is not free costs it a pause; the row that a switch takes for a moment does not."""
        database = story.database
        story.person("Ada")
        follower = Follower(database)
        with database.connect(options=LEADER_OPTIONS) as connection, psycopg.connect(superuser_url) as switching_one:
            folding = Folding(database, connection, READ_MODELS)
            switching_one.execute(database.text("SELECT FROM {schema}.follower FOR UPDATE"))
            assert follower._follow(folding) == BREATH_SECONDS
            assert position(database).position == 0
            switching_one.rollback()
            assert follower._follow(folding) == BREATH_SECONDS
        assert position(database).position == story.position

    def test_is_not_held_up_while_an_analyst_reads(
        self, story: Story, superuser_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The switch needs the views; as long as somebody reads them it waits, and holds up nobody."""
        database = story.database
        monkeypatch.setattr(swap, "PATIENCE_SECONDS", 1.5)
        before = live_names(database)
        with psycopg.connect(superuser_url) as analyst:
            analyst.execute(database.text("SELECT FROM {reporting}.links"))
            follower, slowest = Follower(database).start(), 0.0
            failures: list[Exception] = []
            thread = Thread(target=lambda: failures.append(failure_of(lambda: Rebuild.begun(database).run())))
            thread.start()
            while thread.is_alive():
                began = time.monotonic()
                told = story.tell(uuid4(), PersonAdded, **ADA)
                follower.wake()
                until(lambda told=told: position(database).position >= told)  # type: ignore[misc]
                slowest = max(slowest, time.monotonic() - began)
            follower.stop()
        assert [type(failure) for failure in failures] == [NoMomentToSwitch]
        assert slowest < 5
        assert live_names(database) == before
        Rebuild.begun(database).run()
        assert list(differences(database)) == []


ADA = {"name": "Ada", "email": "ada@example.com", "time_zone": "UTC", "roles": ("member",)}


def failure_of(action: Callable[[], object]) -> Exception:
    """How something failed."""
    with pytest.raises(Exception) as failure:  # noqa: PT011
        action()
    return failure.value


class TestViews:
    def test_whoever_may_read_one_may_go_on(self, story: Story, superuser_url: str) -> None:
        database, role = story.database, f"r{uuid4().hex[:8]}"
        with psycopg.connect(superuser_url, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE {role}")
            try:
                owner.execute(database.text(f"GRANT USAGE ON SCHEMA {{reporting}} TO {role}"))
                owner.execute(database.text(f"GRANT SELECT ON {{reporting}}.links TO {role}"))
                owner.execute(database.text("REVOKE SELECT ON {reporting}.events FROM oncelink_analyst"))
                owner.execute(database.text("CREATE VIEW {schema}.theirs AS SELECT link_id FROM {reporting}.links"))
                Rebuild.begun(database).run()
                rights = [may(database, role, view) for view in ("links", "meeting_log", "events")]
                assert rights == [True, False, False]
                analysts = [may(database, "oncelink_analyst", view) for view in ("links", "meeting_log", "events")]
                assert analysts == [True, True, False]
                assert owner.execute(database.text("SELECT FROM {schema}.theirs")).fetchall() == []
            finally:
                owner.execute(f"DROP OWNED BY {role} CASCADE")
                owner.execute(f"DROP ROLE {role}")

    def test_with_other_columns_too(self, story: Story, superuser_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        database = story.database
        other = "SELECT l.name AS title, l.link_id FROM links AS l"
        monkeypatch.setitem(reporting.VIEWS, "links", other)
        with psycopg.connect(superuser_url, autocommit=True) as owner:
            owner.execute(database.text("REVOKE ALL ON {reporting}.links FROM oncelink_analyst"))
            owner.execute(database.text("GRANT SELECT ON {reporting}.links TO pg_monitor"))
        Rebuild.begun(database).run()
        assert database.rows("SELECT title FROM {reporting}.links") == []
        assert may(database, "pg_monitor", "links")
        assert not may(database, "oncelink_analyst", "links")


def may(database: Database, role: str, view: str) -> bool:
    """Whether a role may read a view."""
    question = "SELECT has_table_privilege(%s, %s, 'SELECT') AS may"
    return bool(database.rows(question, (role, f"{database.reporting}.{view}"))[0]["may"])


def raised(*models: ReadModel) -> tuple[ReadModel, ...]:
    """The catalogue with other versions of some read models."""
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

    def test_the_old_one_serves_until_the_new_one_is_built(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        database, catalogue = story.database, raised(self.NEXT)
        ada = story.person("Ada")
        follow(database)
        hold, reached = Event(), Event()
        run = job.Building.build

        def held(self: job.Building, folding: object) -> object:
            reached.set()
            assert hold.wait(PATIENCE_SECONDS)
            return run(self, folding)  # type: ignore[arg-type]

        monkeypatch.setattr(job.Building, "build", held)
        old, new = Follower(database).start(), Follower(database, catalogue).start()
        rebuilder = Rebuilder(database, catalogue).start()
        assert reached.wait(PATIENCE_SECONDS)
        source = Source(database, catalogue)
        assert [row["name"] for row in people.page(source).items] == ["Ada"]
        bob = story.person("Bob")
        until(lambda: position(database).position == story.position)
        assert not new.leading
        assert [row["id"] for row in people.page(source).items] == [bob, ada]
        hold.set()
        until(lambda: new.leading)
        assert [row["name"] for row in people.page(source).items] == ["Dr Bob", "Dr Ada"]
        until(lambda: not old.leading and "SteppedDown" in (old.error or ""))
        story.person("Eve")
        until(lambda: position(database).position == story.position)
        assert people.page(source).items[0]["name"] == "Dr Eve"
        for one in (old, new, rebuilder):
            one.stop()

    def test_what_the_old_table_cannot_answer_waits(self, story: Story) -> None:
        database, catalogue = story.database, raised(self.WIDER)
        ada = story.person("Ada")
        follow(database)
        with pytest.raises(ReadModelBehind):
            people.page(Source(database, catalogue))
        assert people.one(Source(database, catalogue, log=True), ada) is not None
        assert meeting_types.page(Source(database, catalogue)).items == []
        live_tables.ensure(database, catalogue)
        assert [row["id"] for row in people.page(Source(database, catalogue)).items] == [ada]
        assert [row["id"] for row in people.page(live(database)).items] == [ada], "older programs read the wider table"

    def test_several_are_switched_at_one_instant(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        database = story.database
        seen: list[dict[str, int]] = []
        unwatched = load.Loading.load

        def watched(*arguments: object) -> object:
            seen.append(dict(live_tables.versions(database)))
            return unwatched(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(load.Loading, "load", watched)
        catalogue = tuple(replace(model, version=model.version + 1) for model in READ_MODELS)
        Rebuild.begun(database, ["people"], catalogue).run()
        assert seen == [{model.name: model.version for model in READ_MODELS}] * len(READ_MODELS)
        assert live_tables.versions(database) == {model.name: model.version for model in catalogue}

    def test_an_older_program_undoes_nothing_while_the_newer_one_works(self, story: Story) -> None:
        database, catalogue = story.database, raised(self.NEXT)
        live_tables.ensure(database, catalogue)
        newer = Follower(database, catalogue).start()
        until(lambda: newer.leading)
        older = Rebuilder(database).start()
        time.sleep(1.5)
        assert live_tables.versions(database)["people"] == 2
        with pytest.raises(NewerVersionLive):
            Rebuild.begun(database, ["people"])
        Rebuild.begun(database, ["links"]).run()
        assert live_tables.versions(database)["people"] == 2
        newer.stop()
        until(lambda: live_tables.versions(database)["people"] == 1)
        older.stop()

    def test_waits_for_another_rebuild(self, story: Story) -> None:
        database = story.database
        claim = Claim.taken(database)
        rebuilder = Rebuilder(database, raised(self.NEXT)).start()
        time.sleep(0.5)
        assert live_tables.versions(database)["people"] == 1
        claim.connection.close()
        until(lambda: live_tables.versions(database)["people"] == 2)
        rebuilder.stop()
