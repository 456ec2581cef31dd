"""The follower: how long from a booking's answer to its row in the meeting log, and how long a takeover takes."""

import os
import signal
import subprocess
import sys
import time

from benchmarks.environment import Ground
from projections import catalogue, meeting_log
from projections.following.follower import Follower
from projections.following.positions import position
from store.database import Database

BOOKINGS = 300
TAKEOVERS = 8
FOLLOW = """
import sys
from store.database import Database
from projections.following.follower import Follower
Follower(Database(sys.argv[1]).open()).run()
"""


def answer_to_row(ground: Ground) -> list[float]:
    """Seconds from each booking's answer until its row is in the live table of the meeting log."""
    follower = ground.oncelink.follower.start()
    source = catalogue.live(ground.oncelink.database)
    seconds = []
    for token, start in zip(ground.issue(BOOKINGS), ground.starts(BOOKINGS), strict=True):
        ground.book(token, start)
        answered = time.perf_counter()
        while meeting_log.one(source, token) is None:
            pass
        seconds.append(time.perf_counter() - answered)
    follower.stop()
    return seconds


def one_read(ground: Ground) -> list[float]:
    """Seconds of the read that `answer_to_row` repeats: its floor."""
    source = catalogue.live(ground.oncelink.database)
    seconds = []
    for _ in range(BOOKINGS):
        began = time.perf_counter()
        meeting_log.one(source, ground.link_id)
        seconds.append(time.perf_counter() - began)
    return seconds


def takeover(ground: Ground) -> list[float]:
    """Seconds from the kill -9 of the leading follower's process until a standby has followed a new event."""
    return [one_takeover(ground) for _ in range(TAKEOVERS)]


def one_takeover(ground: Ground) -> float:
    """One leader, one standby, one kill."""
    database = ground.oncelink.database
    leader = leading_process(database)
    standby = Follower(database).start()
    settle(ground)
    os.kill(leader.pid, signal.SIGKILL)
    killed = time.perf_counter()
    leader.wait()
    ground.issue(1)
    wait_for(lambda: standby.leading and (at := position(database)).position == at.head)
    seconds = time.perf_counter() - killed
    standby.stop()
    return seconds


def leading_process(database: Database) -> subprocess.Popen[bytes]:
    """A follower in a process of its own that leads."""
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    process = subprocess.Popen([sys.executable, "-c", FOLLOW, database.url], env=environment)
    wait_for(lambda: locked(database))
    return process


def locked(database: Database) -> bool:
    """Whether somebody leads: holds the session lock of the follower."""
    rows = database.rows(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS free, pg_advisory_unlock_all()",
        (f"{database.schema}.follower",),
    )
    return not rows[0]["free"]


def settle(ground: Ground) -> None:
    """Waits until the read models are at the end of the log."""
    wait_for(lambda: (at := position(ground.oncelink.database)).position == at.head)


def wait_for(happened: object, patience: float = 30.0) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + patience
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)
