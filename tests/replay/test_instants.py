"""Positions of instants, whatever the order of the recording times; and how far the log is settled."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.person import PersonDeactivated
from domain.refusals import Invalid, TryAgain
from replay import settled
from replay.history import event_history
from replay.history.event_history import HistoryFilters
from replay.instants import PointInTime, find_first_position, find_last_position, resolve_point_in_time
from store.database import Database
from tests.projections.story import LogBuilder, follow_log, hold_fence

START = datetime(2026, 5, 1, tzinfo=UTC)
EMPTY = "DELETE FROM {schema}.events"
INSERT = """INSERT INTO {schema}.events (position, recorded_at, stream_id, version, type, data)
    OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, 1, 'PersonAdded.v1', '{{"name": "Ada"}}')"""
# gaps between positions, and how recording times go on: mostly a little, sometimes backwards, sometimes far
RECORDING_STEPS = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([0, 1, 1, 2, 3, -1, -2, -40, 60])), min_size=1, max_size=25
)


def insert_events(database: Database, superuser_url: str, steps: list[tuple[int, int]]) -> list[tuple[int, datetime]]:
    """Insert events recorded as the steps say. Return their (position, recorded_at)."""
    rows, position, recorded_at = [], 0, START
    for position_gap, seconds in steps:
        position += position_gap
        recorded_at += timedelta(seconds=seconds)
        rows.append((position, recorded_at))
    with psycopg.connect(superuser_url) as connection:
        connection.execute(database.compose_query(EMPTY))
        with connection.cursor() as cursor:
            cursor.executemany(database.compose_query(INSERT), [(*row, uuid4()) for row in rows])
    return rows


@given(steps=RECORDING_STEPS, part=st.integers(0, 10))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_instant_is_the_highest_position_recorded_until_then(
    database: Database, superuser_url: str, steps: list[tuple[int, int]], part: int
) -> None:
    rows = insert_events(database, superuser_url, steps)
    end = rows[-1][0] * part // 10  # what is settled of it
    for instant in {recorded_at + timedelta(seconds=offset) for _, recorded_at in rows for offset in (-0.5, 0, 0.5)}:
        positions_before = [position for position, recorded_at in rows if recorded_at <= instant and position <= end]
        positions_after = [position for position, recorded_at in rows if recorded_at >= instant and position <= end]
        assert find_last_position(database, instant, end) == max(positions_before, default=None)
        assert find_first_position(database, instant, end) == min(positions_after, default=end + 1)


def test_disorder_over_a_long_stretch(database: Database, superuser_url: str) -> None:
    """5,000 events that were recorded a minute later stand between one event and another of the same second."""
    rows = [(1, START), *((n, START + timedelta(minutes=1, milliseconds=n)) for n in range(2, 5_002))]
    rows += [(5_002, START + timedelta(seconds=1)), (5_003, START + timedelta(minutes=2))]
    with psycopg.connect(superuser_url) as connection, connection.cursor() as cursor:
        cursor.executemany(database.compose_query(INSERT), [(*row, uuid4()) for row in rows])
    assert find_last_position(database, START + timedelta(seconds=4), 5_003) == 5_002
    assert find_last_position(database, START, 5_003) == 1
    assert find_last_position(database, START + timedelta(seconds=4), 5_001) == 1
    assert find_first_position(database, START + timedelta(seconds=60), 5_003) == 2
    assert find_first_position(database, START + timedelta(minutes=1, seconds=1, milliseconds=500), 5_003) == 1_500
    assert find_first_position(database, START + timedelta(seconds=118), 5_003) == 5_003


@given(steps=RECORDING_STEPS, first=st.integers(-50, 90), seconds=st.integers(0, 60))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_recorded_between_two_instants(
    database: Database, superuser_url: str, steps: list[tuple[int, int]], first: int, seconds: int
) -> None:
    rows = insert_events(database, superuser_url, steps)
    start = START + timedelta(seconds=first)
    end = start + timedelta(seconds=seconds)
    filters = HistoryFilters(recorded_from=start, recorded_to=end)
    positions = [row["position"] for row in event_history.list_events(database, filters, limit=200).items]
    assert positions == [position for position, recorded_at in rows if start <= recorded_at < end]


class TestPointInTime:
    NOW = datetime.now(UTC) + timedelta(hours=1)

    def test_a_position_has_its_own_instant_and_a_gap_that_of_the_event_before(
        self, database: Database, superuser_url: str
    ) -> None:
        insert_events(database, superuser_url, [(3, 0), (4, 10)])
        assert resolve_point_in_time(database, 7, self.NOW) == PointInTime(7, START + timedelta(seconds=10))
        assert resolve_point_in_time(database, 5, self.NOW) == PointInTime(5, START)

    def test_an_instant_is_its_own_now(self, database: Database, superuser_url: str) -> None:
        insert_events(database, superuser_url, [(3, 0), (4, 10)])
        instant = START + timedelta(seconds=9)
        assert resolve_point_in_time(database, instant, self.NOW) == PointInTime(3, instant)

    @pytest.mark.parametrize(
        ("at", "message"),
        [
            (2, "before the log, which begins at position 3"),
            (0, "before the log"),
            (8, "in the future: the log ends at position 7"),
            (10**17, "in the future"),
            (START - timedelta(seconds=1), "before the log, which begins at 2026-05-01T00:00:00.000000Z"),
            (NOW + timedelta(seconds=1), "in the future"),
        ],
    )
    def test_outside_of_the_log(self, database: Database, superuser_url: str, at: int | datetime, message: str) -> None:
        insert_events(database, superuser_url, [(3, 0), (4, 10)])
        with pytest.raises(Invalid) as error:
            resolve_point_in_time(database, at, self.NOW)
        assert error.value.field == "at"
        assert message in error.value.message

    @pytest.mark.parametrize("at", [1, START])
    def test_of_an_empty_log(self, database: Database, at: int | datetime) -> None:
        with pytest.raises(Invalid, match="The log is empty"):
            resolve_point_in_time(database, at, self.NOW)


class TestSettledPosition:
    def test_waits_for_no_writer_and_needs_no_follower(self, live_database: Database, builder: LogBuilder) -> None:
        builder.add_person("Ada")
        reached = follow_log(live_database)
        builder.add_person("Bob")
        with hold_fence(live_database):
            assert settled.find_settled_position(live_database) == reached
        assert settled.find_settled_position(live_database) == builder.position > reached

    def test_does_not_settle_when_nothing_has_moved(
        self, live_database: Database, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        builder.add_person("Ada")
        reached = follow_log(live_database)
        settled_databases: list[Database] = []
        monkeypatch.setattr(settled, "settle_log", lambda db, patience: settled_databases.append(db))
        assert settled.find_settled_position(live_database) == reached
        assert settled_databases == []
        builder.add_person("Bob")
        assert settled.find_settled_position(live_database) == reached
        assert settled_databases == [live_database]

    def test_an_instant_waits_for_writers_in_flight(self, live_database: Database, builder: LogBuilder) -> None:
        builder.add_person("Ada")
        follow_log(live_database)
        with hold_fence(live_database), pytest.raises(TryAgain):
            resolve_point_in_time(live_database, datetime.now(UTC), datetime.now(UTC))
        now = datetime.now(UTC) + timedelta(seconds=2)
        assert resolve_point_in_time(live_database, now, now).position == builder.position


def test_a_reader_who_pages_misses_nothing(live_database: Database, builder: LogBuilder, service_url: str) -> None:
    """Four writers whose transactions stay open for a while after their append, and commit in another order."""
    writers_done = threading.Event()

    def write_events(number: int) -> None:
        stream = uuid4()
        with psycopg.connect(service_url) as connection:
            for version in range(1, 26):
                data = {"occurred_at": "2026-05-01T00:00:00Z", "actor": {"kind": "system"}, "n": version}
                events = [
                    {"stream": str(stream), "version": version, "type": PersonDeactivated.stored_name, "data": data}
                ]
                append = live_database.compose_query("SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', '[]')")
                connection.execute(append, (psycopg.types.json.Jsonb(events),))
                time.sleep(0.003 * (number + version) % 0.01)
                connection.commit()

    def read_history() -> list[int]:
        positions: list[int] = []
        writers_had_ended = False
        while not writers_had_ended:
            writers_had_ended = writers_done.is_set()
            for row in event_history.list_events(
                live_database, HistoryFilters(after=positions[-1] if positions else 0), limit=7
            ).items:
                positions.append(row["position"])
                writers_had_ended = False
        return positions

    with ThreadPoolExecutor(5) as pool:
        future = pool.submit(read_history)
        list(pool.map(write_events, range(4)))
        writers_done.set()
        positions = future.result(60)
    expected = [
        row["position"] for row in live_database.fetch_rows("SELECT position FROM {schema}.events ORDER BY position")
    ]
    assert len(expected) == 100
    assert positions == expected
