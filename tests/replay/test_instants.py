"""From an instant to a position, however the recording times lie; and how far the log may be relied on."""

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
from replay.instants import Moment, first_recorded, last_recorded, moment
from store.database import Database
from tests.projections.story import Story, follow, in_flight

START = datetime(2026, 5, 1, tzinfo=UTC)
EMPTY = "DELETE FROM {schema}.events"
INSERT = """INSERT INTO {schema}.events (position, recorded_at, stream_id, version, type, data)
    OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, 1, 'PersonAdded.v1', '{{"name": "Ada"}}')"""
# gaps between positions, and how recording times go on: mostly a little, sometimes backwards, sometimes far
RECORDED = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([0, 1, 1, 2, 3, -1, -2, -40, 60])), min_size=1, max_size=25
)


def recorded(database: Database, superuser_url: str, steps: list[tuple[int, int]]) -> list[tuple[int, datetime]]:
    """A log whose events were recorded when the steps say."""
    rows, position, at = [], 0, START
    for gap, seconds in steps:
        position += gap
        at += timedelta(seconds=seconds)
        rows.append((position, at))
    with psycopg.connect(superuser_url) as connection:
        connection.execute(database.text(EMPTY))
        with connection.cursor() as cursor:
            cursor.executemany(database.text(INSERT), [(*row, uuid4()) for row in rows])
    return rows


@given(steps=RECORDED, part=st.integers(0, 10))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_instant_is_the_highest_position_recorded_until_then(
    database: Database, superuser_url: str, steps: list[tuple[int, int]], part: int
) -> None:
    rows = recorded(database, superuser_url, steps)
    end = rows[-1][0] * part // 10  # what is settled of it
    for instant in {at + timedelta(seconds=later) for _, at in rows for later in (-0.5, 0, 0.5)}:
        before = [position for position, at in rows if at <= instant and position <= end]
        since = [position for position, at in rows if at >= instant and position <= end]
        assert last_recorded(database, instant, end) == max(before, default=None)
        assert first_recorded(database, instant, end) == min(since, default=end + 1)


def test_disorder_over_a_long_stretch(database: Database, superuser_url: str) -> None:
    """5,000 events that were recorded a minute later stand between one event and another of the same second."""
    rows = [(1, START), *((n, START + timedelta(minutes=1, milliseconds=n)) for n in range(2, 5_002))]
    rows += [(5_002, START + timedelta(seconds=1)), (5_003, START + timedelta(minutes=2))]
    with psycopg.connect(superuser_url) as connection, connection.cursor() as cursor:
        cursor.executemany(database.text(INSERT), [(*row, uuid4()) for row in rows])
    assert last_recorded(database, START + timedelta(seconds=4), 5_003) == 5_002
    assert last_recorded(database, START, 5_003) == 1
    assert last_recorded(database, START + timedelta(seconds=4), 5_001) == 1
    assert first_recorded(database, START + timedelta(seconds=60), 5_003) == 2
    assert first_recorded(database, START + timedelta(minutes=1, seconds=1, milliseconds=500), 5_003) == 1_500
    assert first_recorded(database, START + timedelta(seconds=118), 5_003) == 5_003


@given(steps=RECORDED, first=st.integers(-50, 90), seconds=st.integers(0, 60))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_recorded_between_two_instants(
    database: Database, superuser_url: str, steps: list[tuple[int, int]], first: int, seconds: int
) -> None:
    rows = recorded(database, superuser_url, steps)
    start = START + timedelta(seconds=first)
    end = start + timedelta(seconds=seconds)
    asked = HistoryFilters(recorded_from=start, recorded_to=end)
    found = [row["position"] for row in event_history.page(database, asked, limit=200).items]
    assert found == [position for position, at in rows if start <= at < end]


class TestMoment:
    NOW = datetime.now(UTC) + timedelta(hours=1)

    def test_a_position_has_its_own_instant_and_a_gap_that_of_the_event_before(
        self, database: Database, superuser_url: str
    ) -> None:
        recorded(database, superuser_url, [(3, 0), (4, 10)])
        assert moment(database, 7, self.NOW) == Moment(7, START + timedelta(seconds=10))
        assert moment(database, 5, self.NOW) == Moment(5, START)

    def test_an_instant_is_its_own_now(self, database: Database, superuser_url: str) -> None:
        recorded(database, superuser_url, [(3, 0), (4, 10)])
        instant = START + timedelta(seconds=9)
        assert moment(database, instant, self.NOW) == Moment(3, instant)

    @pytest.mark.parametrize(
        ("at", "said"),
        [
            (2, "before the log, which begins at position 3"),
            (0, "before the log"),
            (8, "in the future: the log ends at position 7"),
            (10**17, "in the future"),
            (START - timedelta(seconds=1), "before the log, which begins at 2026-05-01T00:00:00.000000Z"),
            (NOW + timedelta(seconds=1), "in the future"),
        ],
    )
    def test_outside_of_the_log(self, database: Database, superuser_url: str, at: int | datetime, said: str) -> None:
        recorded(database, superuser_url, [(3, 0), (4, 10)])
        with pytest.raises(Invalid) as refused:
            moment(database, at, self.NOW)
        assert refused.value.field == "at"
        assert said in refused.value.message

    @pytest.mark.parametrize("at", [1, START])
    def test_of_an_empty_log(self, database: Database, at: int | datetime) -> None:
        with pytest.raises(Invalid, match="The log is empty"):
            moment(database, at, self.NOW)


class TestSettled:
    def test_waits_for_no_writer_and_needs_no_follower(self, followed: Database, story: Story) -> None:
        story.person("Ada")
        reached = follow(followed)
        story.person("Bob")
        with in_flight(followed):
            assert settled.settled(followed) == reached
        assert settled.settled(followed) == story.position > reached

    def test_does_not_settle_when_nothing_has_moved(
        self, followed: Database, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story.person("Ada")
        reached = follow(followed)
        asked: list[Database] = []
        monkeypatch.setattr(settled, "settle", lambda db, patience: asked.append(db))
        assert settled.settled(followed) == reached
        assert asked == []
        story.person("Bob")
        assert settled.settled(followed) == reached
        assert asked == [followed]

    def test_an_instant_waits_for_writers_in_flight(self, followed: Database, story: Story) -> None:
        story.person("Ada")
        follow(followed)
        with in_flight(followed), pytest.raises(TryAgain):
            moment(followed, datetime.now(UTC), datetime.now(UTC))
        now = datetime.now(UTC) + timedelta(seconds=2)
        assert moment(followed, now, now).position == story.position


def test_a_reader_who_pages_misses_nothing(followed: Database, story: Story, service_url: str) -> None:
    """Four writers whose transactions stay open for a while after their append, and commit in another order."""
    done = threading.Event()

    def write(number: int) -> None:
        stream = uuid4()
        with psycopg.connect(service_url) as connection:
            for version in range(1, 26):
                data = {"occurred_at": "2026-05-01T00:00:00Z", "actor": {"kind": "system"}, "n": version}
                stored = [
                    {"stream": str(stream), "version": version, "type": PersonDeactivated.stored_name, "data": data}
                ]
                append = followed.text("SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', '[]')")
                connection.execute(append, (psycopg.types.json.Jsonb(stored),))
                time.sleep(0.003 * (number + version) % 0.01)
                connection.commit()

    def read() -> list[int]:
        seen: list[int] = []
        ended = False
        while not ended:
            ended = done.is_set()
            for row in event_history.page(followed, HistoryFilters(after=seen[-1] if seen else 0), limit=7).items:
                seen.append(row["position"])
                ended = False
        return seen

    with ThreadPoolExecutor(5) as pool:
        reading = pool.submit(read)
        list(pool.map(write, range(4)))
        done.set()
        seen = reading.result(60)
    there = [row["position"] for row in followed.rows("SELECT position FROM {schema}.events ORDER BY position")]
    assert len(there) == 100
    assert seen == there
