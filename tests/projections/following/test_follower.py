"""The follower misses no event and never blocks writers: other processes, stalled and killed writers."""

import json
import os
import signal
import time
from uuid import uuid4

import psycopg

from projections import meeting_log, people
from projections.catalogue import READ_MODELS, from_live_tables
from projections.following.batch_projector import BatchProjector
from projections.following.follower import (
    COALESCE_SECONDS,
    LEADER_OPTIONS,
    STALLED_PAUSE_SECONDS,
    Follower,
    find_leader,
)
from projections.following.positions import read_positions
from projections.rebuild import live_tables
from store.connection_names import get_process_name
from store.database import Database
from tests.projections.read_model_driver import (
    TIMEOUT_SECONDS,
    build_next_version,
    is_current,
    measure_seconds,
    run_follower,
    start_process,
    wait_until,
)
from tests.projections.story import LogBuilder, find_differences, hold_fence

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
            assert [follower.follow_log(projector) for _ in range(2)] == [STALLED_PAUSE_SECONDS] * 2
            assert follower.position < builder.position
        follower.follow_log(projector)
        assert follower.position == builder.position


def test_looks_less_often_the_longer_nothing_is_new(live_database: Database, builder: LogBuilder) -> None:
    waits: list[float] = []

    class RecordingFollower(Follower):
        """A follower that records how long it would wait, and is stopped after a while."""

        def wait_for_append(self, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 4:
                builder.add_person("Ada")
            if len(waits) == 6:
                self.stop()

    RecordingFollower(live_database).run()
    assert waits == [0.05, 0.1, 0.2, 0.2, 0.05, 0.1]
    assert is_current(live_database)


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


def test_says_who_leads(live_database: Database) -> None:
    leaders: dict[str, list[str | None]] = {"first": [], "second": []}
    first, second = Follower(live_database), Follower(live_database)
    first.on_leader_change, second.on_leader_change = leaders["first"].append, leaders["second"].append
    assert find_leader(live_database) is None
    first.start()
    try:
        wait_until(lambda: leaders["first"] == [None])
        second.start()
        try:
            wait_until(lambda: len(leaders["second"]) == 1)
            assert leaders["second"] == [find_leader(live_database)]
            assert f" follower {get_process_name()}, backend " in str(leaders["second"][0])
            first.stop()
            wait_until(lambda: leaders["second"][1:] == [None])
        finally:
            second.stop()
    finally:
        first.stop()


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


def test_steps_down_from_a_version_it_does_not_know(live_database: Database, builder: LogBuilder) -> None:
    with run_follower(live_database) as follower:
        wait_until(lambda: follower.is_leader)
        live_tables.ensure_tables(live_database, build_next_version())
        reached = read_positions(live_database).position
        builder.add_person("Ada")
        wait_until(lambda: not follower.is_leader and "SteppedDown" in (follower.error or ""))
        assert read_positions(live_database).position == reached


def test_a_switch_costs_it_no_pause(live_database: Database, builder: LogBuilder, owner_url: str) -> None:
    """A fence that is not free costs it a pause; the row that a switch takes for a moment does not."""
    builder.add_person("Ada")
    follower = Follower(live_database)
    with live_database.connect(options=LEADER_OPTIONS) as connection, psycopg.connect(owner_url) as lock_connection:
        projector = BatchProjector(live_database, connection, READ_MODELS)
        lock_connection.execute(live_database.compose_query("SELECT FROM {schema}.follower FOR UPDATE"))
        assert follower.follow_log(projector) == COALESCE_SECONDS
        assert read_positions(live_database).position == 0
        lock_connection.rollback()
        assert follower.follow_log(projector) == COALESCE_SECONDS
    assert read_positions(live_database).position == builder.position
