"""The follower misses nothing and stops for nobody: writers in other processes, stalled and killed ones, poison."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from uuid import uuid4

import psycopg
import pytest

from domain.meeting_type import MeetingTypeCreated
from projections import meeting_log, people
from projections.catalogue import READ_MODELS, live
from projections.following import follower as follower_module
from projections.following.append_notify import LISTEN_SECONDS, Hint, Listener
from projections.following.batch_projector import Folding, SteppedDown
from projections.following.follower import LEADER_OPTIONS, STALLED_SECONDS, Follower
from projections.following.positions import position
from projections.people import PEOPLE
from projections.rebuild import live_tables
from store.database import Database
from tests.projections.story import DAY, Story, differences, follow, in_flight

PATIENCE_SECONDS = 180.0
POLLED_SECONDS = 3.0
WRITE = """
import sys
from uuid import uuid4
from store.database import Database
from tests.projections.story import DAY, Story, in_flight
url, schema, count = sys.argv[1:]
database = Database(url, schema, 1).open()
story = Story(database, url)
ada, intro = story.person("Ada"), story.meeting_type()
link = story.link(ada, intro)
print("ready", flush=True)
for number in range(int(count)):
    token = story.issue(link, ada, "Grace") if number % 2 else None
    story.book(link, [ada], intro, story.now + DAY, token)
    story.cancel(story.book(link, [ada], intro, story.now + DAY))
database.close()
"""
FOLLOW = """
import sys
from store.database import Database
from projections.following.follower import Follower
Follower(Database(sys.argv[1], sys.argv[2]).open()).run()
"""
ENSURE = """
import sys
from store.database import Database
from projections.rebuild import live_tables
print(len(live_tables.ensure(Database(sys.argv[1], sys.argv[2]))))
"""


def until(happened: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def process(script: str, database: Database, *arguments: object) -> subprocess.Popen[str]:
    """Another Python process on the same schema."""
    command = [sys.executable, "-c", script, database.url, database.schema, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()})


@contextmanager
def following(database: Database) -> Iterator[Follower]:
    """A follower for a while."""
    follower = Follower(database).start()
    try:
        yield follower
    finally:
        follower.stop()


def caught_up(database: Database) -> bool:
    """Whether the read models are at the end of the log."""
    now = position(database)
    return now.position == now.head > 0


WRITERS, ROUNDS = 8, 520


def test_misses_nothing_of_many_writers(followed: Database) -> None:
    with following(followed):
        writers = [process(WRITE, followed, ROUNDS) for _ in range(WRITERS)]
        for _ in range(3):
            assert list(differences(followed)) == []
        assert [writer.wait(PATIENCE_SECONDS) for writer in writers] == [0] * WRITERS
        until(lambda: caught_up(followed))
    for writer in writers:
        writer.communicate()
    assert list(differences(followed)) == []
    counts = (
        "SELECT count(*) AS events, count(*) FILTER (WHERE type LIKE 'MeetingBooked.%%') AS booked FROM {schema}.events"
    )
    [log] = followed.rows(counts)
    assert log["events"] >= 20_000
    assert log["booked"] == WRITERS * ROUNDS * 2
    assert len(list(meeting_log.stream(live(followed), meeting_log.MeetingFilters()))) == log["booked"]


def test_a_stalled_writer_stops_neither_writers_nor_correctness(
    followed: Database, story: Story, owner_url: str
) -> None:
    fence = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0)), pg_backend_pid()"
    draw = followed.text(
        "INSERT INTO {schema}.events (stream_id, version, type, data) "
        "VALUES (%s, 1, 'PersonAdded.v1', %s) RETURNING position"
    )
    data = {"name": "Late", "email": "l@example.com", "time_zone": "UTC", "roles": [], "weekly_hours": {}}
    data |= {"date_overrides": {}, "occurred_at": "2026-01-01T00:00:00Z"}
    late = uuid4()
    with following(followed) as follower:
        story.person("Early")
        until(lambda: caught_up(followed))
        with psycopg.connect(owner_url) as stalled:
            row = stalled.execute(fence, (f"{followed.schema}.fence",)).fetchone()
            assert row is not None
            drawn = stalled.execute(draw, (late, json.dumps(data))).fetchone()
            assert drawn is not None
            os.kill(row[1], signal.SIGSTOP)
            try:
                slowest = max(timed(lambda: story.person("Meanwhile")) for _ in range(60))
                follower.wake()
                time.sleep(0.5)
                assert position(followed).position < drawn[0]
                assert follower.alive
                assert slowest < 1.0
            finally:
                os.kill(row[1], signal.SIGCONT)
            stalled.commit()
        until(lambda: caught_up(followed))
    assert people.one(live(followed), late) is not None
    assert list(differences(followed)) == []


def test_tries_again_soon_after_a_writer_that_stalls(followed: Database, story: Story) -> None:
    follower = Follower(followed)
    with followed.connect(options=LEADER_OPTIONS) as connection:
        folding = Folding(followed, connection, READ_MODELS)
        with in_flight(followed):
            story.person("Ada")
            assert [follower._follow(folding) for _ in range(2)] == [STALLED_SECONDS] * 2
            assert follower.position < story.position
        follower._follow(folding)
        assert follower.position == story.position


def test_looks_less_often_the_longer_nothing_is_new(
    followed: Database, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, waited = Follower(followed), list[float | None]()

    def wait(seconds: float | None = None) -> bool:
        waited.append(seconds)
        if len(waited) == 4:
            story.person("Ada")
        if len(waited) == 6:
            follower._thread.stopping.set()
        return False

    monkeypatch.setattr(follower._wake, "wait", wait)
    follower._work()
    assert waited == [0.05, 0.1, 0.2, 0.2, 0.05, 0.1]
    assert caught_up(followed)


def timed(action: Callable[[], object]) -> float:
    """The seconds that something takes."""
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def test_another_process_takes_over_when_the_leader_is_killed(followed: Database, story: Story) -> None:
    leader = process(FOLLOW, followed)
    story.person("Ada")
    until(lambda: caught_up(followed))
    with following(followed) as standby:
        until(lambda: standby.position == story.position)
        assert not standby.leading
        leader.kill()
        leader.communicate()
        taken = timed(lambda: until(lambda: standby.leading))
        story.person("Bob")
        until(lambda: caught_up(followed))
    assert taken < 2.0
    assert list(differences(followed)) == []


def test_goes_on_after_its_connection_was_ended(followed: Database, story: Story, owner_url: str) -> None:
    with following(followed) as follower:
        until(lambda: follower.leading)
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() "
                "AND (classid::bigint << 32) | objid::bigint = hashtextextended(%s, 0)",
                (f"{followed.schema}.follower",),
            )
        story.person("Ada")
        until(lambda: caught_up(followed))
        until(lambda: follower.error is None)


def test_is_quick_when_hinted(followed: Database, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far sooner than a follower that only polled would have it, however slow the machine is."""
    for name in ("FIRST_IDLE_SECONDS", "MOST_IDLE_SECONDS"):
        monkeypatch.setattr(follower_module, name, POLLED_SECONDS)
    hint = Hint(followed).start()
    with following(followed) as follower:
        until(lambda: follower.leading)
        seconds = sorted(timed(lambda: told_and_followed(story, hint)) for _ in range(20))
    hint.stop()
    assert seconds[len(seconds) // 2] < POLLED_SECONDS / 4


def test_a_listener_stops_at_once(followed: Database) -> None:
    assert min(stopped(followed) for _ in range(4)) < LISTEN_SECONDS / 3


def stopped(database: Database) -> float:
    """The seconds that a listener took to stop, that had just begun to wait."""
    listening = Event()
    listener = Listener(database, listening.set)
    listener.start()
    assert listening.wait(PATIENCE_SECONDS)
    return timed(listener.stop)


def told_and_followed(story: Story, hint: Hint) -> None:
    """Tells something, and waits until a reader of the live table would see it."""
    told = story.tell(uuid4(), MeetingTypeCreated, name="Demo", duration_minutes=30)
    hint.send()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while position(story.database).position < told:
        assert time.monotonic() < deadline
        time.sleep(0.001)


class TestDeadLetters:
    def test_a_poisoned_stream_is_named_while_the_others_go_on(self, followed: Database, story: Story) -> None:
        good = [story.person(f"Person {number}") for number in range(5)]
        bad = uuid4()
        story.bad_event(bad, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"})
        good += [story.person(f"Later {number}") for number in range(5)]
        follow(followed)
        assert caught_up(followed)
        letters = followed.rows("SELECT read_model, stream_id, error FROM {schema}.dead_letters")
        assert [(row["read_model"], row["stream_id"]) for row in letters] == [("people", bad)]
        assert "email" in letters[0]["error"]
        assert [row["id"] for row in people.many(live(followed), good)] == good
        assert people.one(live(followed), bad) is None

    def test_is_gone_once_the_stream_folds(self, followed: Database, story: Story) -> None:
        bad = uuid4()
        story.bad_event(bad, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"})
        follow(followed)
        told = {"name": "Ada", "email": "a@example.com", "time_zone": "UTC", "roles": [], "weekly_hours": {}}
        story.bad_event(bad, "PersonUpdated.v1", told | {"date_overrides": {}, "occurred_at": "2026-01-01T00:00:00Z"})
        follow(followed)
        assert followed.rows("SELECT FROM {schema}.dead_letters") == []
        assert people.one(live(followed), bad) is not None
        assert list(differences(followed)) == []


class TestSteppingDown:
    def test_from_a_version_it_does_not_know(self, followed: Database, story: Story) -> None:
        with following(followed) as follower:
            until(lambda: follower.leading)
            live_tables.ensure(followed, next_version())
            reached = position(followed).position
            story.person("Ada")
            until(lambda: not follower.leading and "SteppedDown" in (follower.error or ""))
            assert position(followed).position == reached

    def test_no_batch_is_folded_either(self, followed: Database, story: Story) -> None:
        live_tables.ensure(followed, next_version())
        story.person("Ada")
        with followed.connect() as connection, pytest.raises(SteppedDown):
            Folding(followed, connection, READ_MODELS).batch(story.position)
        assert position(followed).position == 0


def next_version() -> tuple[object, ...]:
    """The read models with people raised to another version."""
    return (replace(PEOPLE, version=PEOPLE.version + 1), *READ_MODELS[1:])


class TestLiveTables:
    def test_several_processes_starting_together(self, database: Database) -> None:
        starting = [process(ENSURE, database) for _ in range(4)]
        built = sorted(int(one.communicate(timeout=PATIENCE_SECONDS)[0]) for one in starting)
        assert [one.returncode for one in starting] == [0] * 4
        assert built == [0, 0, 0, len(READ_MODELS)]

    def test_another_version_is_built_beside_and_switched_to(self, followed: Database, story: Story) -> None:
        ada = story.person("Ada")
        follow(followed)
        story.person("Not followed yet")
        assert live_tables.ensure(followed, next_version()) == ["people"]
        assert live_tables.ensure(followed, next_version()) == []
        tables = followed.rows("SELECT live_table FROM {schema}.read_models WHERE name = 'people'")
        assert [row["live_table"] for row in tables] == ["people_v2_g2"]
        assert [row["id"] for row in people.page(live(followed)).items] == [ada]
        left = followed.rows(
            "SELECT tablename FROM pg_tables WHERE tablename = 'people_v1_g1' AND schemaname = %s", (followed.schema,)
        )
        assert left == []

    def test_analysts_see_the_views_and_nothing_else(self, followed: Database, story: Story, owner_url: str) -> None:
        ada, intro = story.person("Ada"), story.meeting_type()
        link = story.link(ada, intro)
        token = story.book(link, [ada], intro, story.now + DAY, story.issue(link, ada, "Grace"), "Grace Hopper")
        follow(followed)
        live_tables.ensure(followed, next_version())
        columns = (
            "booking_id, host_name, link_name, meeting_type_name, guest_name, guest_email, recipient_name, link_type"
        )
        with psycopg.connect(owner_url, autocommit=True) as analyst:
            analyst.execute("SET ROLE oncelink_analyst")
            view = followed.text(f"SELECT {columns} FROM {{reporting}}.meeting_log")
            assert analyst.execute(view).fetchall() == [
                (token, "Ada", "Meet me", "Introduction", "Grace Hopper", "grace@guests.example", "Grace", "single_use")
            ]
            for name, rows in {"links": 1, "single_use_links": 1, "events": 5}.items():
                assert len(analyst.execute(followed.text(f"SELECT * FROM {{reporting}}.{name}")).fetchall()) == rows
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(followed.text("SELECT FROM {schema}.events"))
