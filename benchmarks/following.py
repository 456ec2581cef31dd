"""Measure the follower: the time from a booking's response to its row in the meeting log, and of a takeover."""

import os
import signal
import subprocess
import sys
import time

from benchmarks.environment import BenchmarkEnvironment
from projections import catalogue, meeting_log
from projections.following.follower import Follower
from projections.following.positions import read_positions
from store.database import Database

BOOKINGS = 300
TAKEOVERS = 8
FOLLOW = """
import sys
from store.database import Database
from projections.following.follower import Follower
Follower(Database(sys.argv[1]).open()).run()
"""


def measure_row_latency(environment: BenchmarkEnvironment) -> list[float]:
    """Measure the seconds from each booking's response until its row is in the live table of the meeting log."""
    follower = environment.services.follower.start()
    source = catalogue.from_live_tables(environment.services.database)
    seconds = []
    for token, start in zip(
        environment.issue_single_use_links(BOOKINGS), environment.take_starts(BOOKINGS), strict=True
    ):
        environment.book_meeting(token, start)
        answered_at = time.perf_counter()
        while meeting_log.find_meeting(source, token) is None:
            pass
        seconds.append(time.perf_counter() - answered_at)
    follower.stop()
    return seconds


def measure_read(environment: BenchmarkEnvironment) -> list[float]:
    """Measure the floor: the seconds of the read that `measure_row_latency` repeats."""
    source = catalogue.from_live_tables(environment.services.database)
    seconds = []
    for _ in range(BOOKINGS):
        started_at = time.perf_counter()
        meeting_log.find_meeting(source, environment.link_id)
        seconds.append(time.perf_counter() - started_at)
    return seconds


def measure_takeovers(environment: BenchmarkEnvironment) -> list[float]:
    """Measure the seconds from the kill -9 of the leader's process until a standby has followed a new event."""
    return [measure_takeover(environment) for _ in range(TAKEOVERS)]


def measure_takeover(environment: BenchmarkEnvironment) -> float:
    """Measure one takeover: kill the leader beside one standby."""
    database = environment.services.database
    leader = start_leader_process(database)
    standby = Follower(database).start()
    wait_until_current(environment)
    os.kill(leader.pid, signal.SIGKILL)
    killed_at = time.perf_counter()
    leader.wait()
    environment.issue_single_use_links(1)
    wait_until(lambda: standby.is_leader and (positions := read_positions(database)).position == positions.head)
    seconds = time.perf_counter() - killed_at
    standby.stop()
    return seconds


def start_leader_process(database: Database) -> subprocess.Popen[bytes]:
    """Start a process whose follower leads."""
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    process = subprocess.Popen([sys.executable, "-c", FOLLOW, database.url], env=environment)
    wait_until(lambda: is_leader_lock_held(database))
    return process


def is_leader_lock_held(database: Database) -> bool:
    """Return whether a follower holds the session lock of the leader."""
    rows = database.fetch_rows(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS free, pg_advisory_unlock_all()",
        (f"{database.schema}.follower",),
    )
    return not rows[0]["free"]


def wait_until_current(environment: BenchmarkEnvironment) -> None:
    """Wait until the read models are at the end of the log."""
    wait_until(lambda: (positions := read_positions(environment.services.database)).position == positions.head)


def wait_until(condition: object, timeout: float = 30.0) -> None:
    """Wait until a condition holds. Raises AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)
