"""The follower misses no event and never blocks writers: other processes, stalled and killed writers, poison."""

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
from projections.catalogue import READ_MODELS, from_live_tables
from projections.following import follower as follower_module
from projections.following.append_notify import LISTEN_SECONDS, AppendListener, AppendNotifier
from projections.following.batch_projector import BatchProjector, SteppedDown
from projections.following.follower import LEADER_OPTIONS, STALLED_PAUSE_SECONDS, Follower
from projections.following.positions import read_positions
from projections.people import PEOPLE
from projections.rebuild import live_tables
from store.database import Database
from tests.projections.story import DAY, LogBuilder, find_differences, follow_log, hold_fence

TIMEOUT_SECONDS = 180.0
SLOW_POLL_SECONDS = 3.0
WRITE_PROGRAM = """
import sys
from uuid import uuid4
from store.database import Database
from tests.projections.story import DAY, LogBuilder
url, schema, count = sys.argv[1:]
database = Database(url, schema, 1).open()
builder = LogBuilder(database, url)
ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
link = builder.create_link(ada, intro)
print("ready", flush=True)
for number in range(int(count)):
    token = builder.issue_single_use_link(link, ada, "Grace") if number % 2 else None
    builder.book_meeting(link, [ada], intro, builder.now + DAY, token)
    builder.cancel_meeting(builder.book_meeting(link, [ada], intro, builder.now + DAY))
database.close()
"""
FOLLOW_PROGRAM = """
import sys
from store.database import Database
from projections.following.follower import Follower
Follower(Database(sys.argv[1], sys.argv[2]).open()).run()
"""
ENSURE_PROGRAM = """
import sys
from store.database import Database
from projections.rebuild import live_tables
print(len(live_tables.ensure_tables(Database(sys.argv[1], sys.argv[2]))))
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises AssertionError after `TIMEOUT_SECONDS`."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def start_process(script: str, database: Database, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python program in another process on the same schema."""
    command = [sys.executable, "-c", script, database.url, database.schema, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()})


@contextmanager
def run_follower(database: Database) -> Iterator[Follower]:
    """Run a follower while the context lasts."""
    follower = Follower(database).start()
    try:
        yield follower
    finally:
        follower.stop()


def is_current(database: Database) -> bool:
    """Return whether the read models are at the end of the log."""
    positions = read_positions(database)
    return positions.position == positions.head > 0


WRITERS, ROUNDS = 8, 520


def test_misses_nothing_of_many_writers(live_database: Database) -> None:
    with run_follower(live_database):
        writers = [start_process(WRITE_PROGRAM, live_database, ROUNDS) for _ in range(WRITERS)]
        for _ in range(3):
            assert list(find_differences(live_database)) == []
        assert [writer.wait(TIMEOUT_SECONDS) for writer in writers] == [0] * WRITERS
        wait_until(lambda: is_current(live_database))
    for writer in writers:
        writer.communicate()
    assert list(find_differences(live_database)) == []
    counts = (
        "SELECT count(*) AS events, count(*) FILTER (WHERE type LIKE 'MeetingBooked.%%') AS booked FROM {schema}.events"
    )
    [counts_row] = live_database.fetch_rows(counts)
    assert counts_row["events"] >= 20_000
    assert counts_row["booked"] == WRITERS * ROUNDS * 2
    assert (
        len(list(meeting_log.iterate_meetings(from_live_tables(live_database), meeting_log.MeetingFilters())))
        == counts_row["booked"]
    )


def test_a_stalled_writer_stops_neither_writers_nor_correctness(
    live_database: Database, builder: LogBuilder, owner_url: str
) -> None:
    fence = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0)), pg_backend_pid()"
    draw_position = live_database.compose_query(
        "INSERT INTO {schema}.events (stream_id, version, type, data) "
        "VALUES (%s, 1, 'PersonAdded.v1', %s) RETURNING position"
    )
    data = {"name": "Late", "email": "l@example.com", "time_zone": "UTC", "roles": [], "weekly_hours": {}}
    data |= {"date_overrides": {}, "occurred_at": "2026-01-01T00:00:00Z"}
    late_stream = uuid4()
    with run_follower(live_database) as follower:
        builder.add_person("Early")
        wait_until(lambda: is_current(live_database))
        with psycopg.connect(owner_url) as connection:
            row = connection.execute(fence, (f"{live_database.schema}.fence",)).fetchone()
            assert row is not None
            drawn = connection.execute(draw_position, (late_stream, json.dumps(data))).fetchone()
            assert drawn is not None
            os.kill(row[1], signal.SIGSTOP)
            try:
                slowest = max(measure_seconds(lambda: builder.add_person("Meanwhile")) for _ in range(60))
                follower.wake()
                time.sleep(0.5)
                assert read_positions(live_database).position < drawn[0]
                assert follower.is_alive
                assert slowest < 1.0
            finally:
                os.kill(row[1], signal.SIGCONT)
            connection.commit()
        wait_until(lambda: is_current(live_database))
    assert people.find_person(from_live_tables(live_database), late_stream) is not None
    assert list(find_differences(live_database)) == []


def test_tries_again_soon_after_a_writer_that_stalls(live_database: Database, builder: LogBuilder) -> None:
    follower = Follower(live_database)
    with live_database.connect(options=LEADER_OPTIONS) as connection:
        projector = BatchProjector(live_database, connection, READ_MODELS)
        with hold_fence(live_database):
            builder.add_person("Ada")
            assert [follower._follow_log(projector) for _ in range(2)] == [STALLED_PAUSE_SECONDS] * 2
            assert follower.position < builder.position
        follower._follow_log(projector)
        assert follower.position == builder.position


def test_looks_less_often_the_longer_nothing_is_new(
    live_database: Database, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, waits = Follower(live_database), list[float | None]()

    def wait(seconds: float | None = None) -> bool:
        waits.append(seconds)
        if len(waits) == 4:
            builder.add_person("Ada")
        if len(waits) == 6:
            follower._thread.stop_requested.set()
        return False

    monkeypatch.setattr(follower._wake, "wait", wait)
    follower._run_loop()
    assert waits == [0.05, 0.1, 0.2, 0.2, 0.05, 0.1]
    assert is_current(live_database)


def measure_seconds(action: Callable[[], object]) -> float:
    """Measure the seconds of an action."""
    started_at = time.monotonic()
    action()
    return time.monotonic() - started_at


def test_another_process_takes_over_when_the_leader_is_killed(live_database: Database, builder: LogBuilder) -> None:
    leader = start_process(FOLLOW_PROGRAM, live_database)
    builder.add_person("Ada")
    wait_until(lambda: is_current(live_database))
    with run_follower(live_database) as standby:
        wait_until(lambda: standby.position == builder.position)
        assert not standby.is_leader
        leader.kill()
        leader.communicate()
        seconds = measure_seconds(lambda: wait_until(lambda: standby.is_leader))
        builder.add_person("Bob")
        wait_until(lambda: is_current(live_database))
    assert seconds < 2.0
    assert list(find_differences(live_database)) == []


def test_goes_on_after_its_connection_was_ended(live_database: Database, builder: LogBuilder, owner_url: str) -> None:
    with run_follower(live_database) as follower:
        wait_until(lambda: follower.is_leader)
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() "
                "AND (classid::bigint << 32) | objid::bigint = hashtextextended(%s, 0)",
                (f"{live_database.schema}.follower",),
            )
        builder.add_person("Ada")
        wait_until(lambda: is_current(live_database))
        wait_until(lambda: follower.error is None)


def test_is_quick_when_notified(live_database: Database, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far sooner than a follower that only polled would have it, however slow the machine is."""
    for name in ("MIN_IDLE_SECONDS", "MAX_IDLE_SECONDS"):
        monkeypatch.setattr(follower_module, name, SLOW_POLL_SECONDS)
    notifier = AppendNotifier(live_database).start()
    with run_follower(live_database) as follower:
        wait_until(lambda: follower.is_leader)
        seconds = sorted(measure_seconds(lambda: append_and_wait(builder, notifier)) for _ in range(20))
    notifier.stop()
    assert seconds[len(seconds) // 2] < SLOW_POLL_SECONDS / 4


def test_a_listener_stops_at_once(live_database: Database) -> None:
    assert min(measure_stop(live_database) for _ in range(4)) < LISTEN_SECONDS / 3


def measure_stop(database: Database) -> float:
    """Measure the seconds in which a listener stops that has just begun to wait."""
    listening = Event()
    listener = AppendListener(database, listening.set)
    listener.start()
    assert listening.wait(TIMEOUT_SECONDS)
    return measure_seconds(listener.stop)


def append_and_wait(builder: LogBuilder, notifier: AppendNotifier) -> None:
    """Append an event, and wait until a reader of the live table can see it."""
    appended_position = builder.append_event(uuid4(), MeetingTypeCreated, name="Demo", duration_minutes=30)
    notifier.request_notify()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while read_positions(builder.database).position < appended_position:
        assert time.monotonic() < deadline
        time.sleep(0.001)


class TestDeadLetters:
    def test_a_poisoned_stream_is_named_while_the_others_go_on(
        self, live_database: Database, builder: LogBuilder
    ) -> None:
        valid_ids = [builder.add_person(f"Person {number}") for number in range(5)]
        poisoned_id = uuid4()
        builder.append_malformed_event(
            poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
        )
        valid_ids += [builder.add_person(f"Later {number}") for number in range(5)]
        follow_log(live_database)
        assert is_current(live_database)
        dead_letters = live_database.fetch_rows("SELECT read_model, stream_id, error FROM {schema}.dead_letters")
        assert [(row["read_model"], row["stream_id"]) for row in dead_letters] == [("people", poisoned_id)]
        assert "email" in dead_letters[0]["error"]
        assert [row["id"] for row in people.find_people(from_live_tables(live_database), valid_ids)] == valid_ids
        assert people.find_person(from_live_tables(live_database), poisoned_id) is None

    def test_is_gone_once_the_stream_folds(self, live_database: Database, builder: LogBuilder) -> None:
        poisoned_id = uuid4()
        builder.append_malformed_event(
            poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
        )
        follow_log(live_database)
        payload = {"name": "Ada", "email": "a@example.com", "time_zone": "UTC", "roles": [], "weekly_hours": {}}
        builder.append_malformed_event(
            poisoned_id, "PersonUpdated.v1", payload | {"date_overrides": {}, "occurred_at": "2026-01-01T00:00:00Z"}
        )
        follow_log(live_database)
        assert live_database.fetch_rows("SELECT FROM {schema}.dead_letters") == []
        assert people.find_person(from_live_tables(live_database), poisoned_id) is not None
        assert list(find_differences(live_database)) == []


class TestSteppingDown:
    def test_from_a_version_it_does_not_know(self, live_database: Database, builder: LogBuilder) -> None:
        with run_follower(live_database) as follower:
            wait_until(lambda: follower.is_leader)
            live_tables.ensure_tables(live_database, build_next_version())
            reached = read_positions(live_database).position
            builder.add_person("Ada")
            wait_until(lambda: not follower.is_leader and "SteppedDown" in (follower.error or ""))
            assert read_positions(live_database).position == reached

    def test_no_batch_is_folded_either(self, live_database: Database, builder: LogBuilder) -> None:
        live_tables.ensure_tables(live_database, build_next_version())
        builder.add_person("Ada")
        with live_database.connect() as connection, pytest.raises(SteppedDown):
            BatchProjector(live_database, connection, READ_MODELS).project_batch(builder.position)
        assert read_positions(live_database).position == 0


def build_next_version() -> tuple[object, ...]:
    """Build a catalogue in which people has its next version."""
    return (replace(PEOPLE, version=PEOPLE.version + 1), *READ_MODELS[1:])


class TestLiveTables:
    def test_several_processes_starting_together(self, database: Database) -> None:
        processes = [start_process(ENSURE_PROGRAM, database) for _ in range(4)]
        table_counts = sorted(int(process.communicate(timeout=TIMEOUT_SECONDS)[0]) for process in processes)
        assert [process.returncode for process in processes] == [0] * 4
        assert table_counts == [0, 0, 0, len(READ_MODELS)]

    def test_another_version_is_built_beside_and_switched_to(
        self, live_database: Database, builder: LogBuilder
    ) -> None:
        ada = builder.add_person("Ada")
        follow_log(live_database)
        builder.add_person("Not followed yet")
        assert live_tables.ensure_tables(live_database, build_next_version()) == ["people"]
        assert live_tables.ensure_tables(live_database, build_next_version()) == []
        tables = live_database.fetch_rows("SELECT live_table FROM {schema}.read_models WHERE name = 'people'")
        assert [row["live_table"] for row in tables] == ["people_v2_g2"]
        assert [row["id"] for row in people.list_people(from_live_tables(live_database)).items] == [ada]
        leftover_tables = live_database.fetch_rows(
            "SELECT tablename FROM pg_tables WHERE tablename = 'people_v1_g1' AND schemaname = %s",
            (live_database.schema,),
        )
        assert leftover_tables == []

    def test_analysts_see_the_views_and_nothing_else(
        self, live_database: Database, builder: LogBuilder, owner_url: str
    ) -> None:
        ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
        link = builder.create_link(ada, intro)
        token = builder.book_meeting(
            link, [ada], intro, builder.now + DAY, builder.issue_single_use_link(link, ada, "Grace"), "Grace Hopper"
        )
        follow_log(live_database)
        live_tables.ensure_tables(live_database, build_next_version())
        columns = (
            "booking_id, host_name, link_name, meeting_type_name, guest_name, guest_email, recipient_name, link_type"
        )
        with psycopg.connect(owner_url, autocommit=True) as analyst:
            analyst.execute("SET ROLE oncelink_analyst")
            view = live_database.compose_query(f"SELECT {columns} FROM {{reporting}}.meeting_log")
            assert analyst.execute(view).fetchall() == [
                (token, "Ada", "Meet me", "Introduction", "Grace Hopper", "grace@guests.example", "Grace", "single_use")
            ]
            for name, rows in {"links": 1, "single_use_links": 1, "events": 5}.items():
                assert (
                    len(analyst.execute(live_database.compose_query(f"SELECT * FROM {{reporting}}.{name}")).fetchall())
                    == rows
                )
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(live_database.compose_query("SELECT FROM {schema}.events"))
