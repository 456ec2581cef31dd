"""Stops an embedded PostgreSQL when the last process that used it is gone, from a process that outlives kill -9.

It waits for a lock that every user shares, so it costs nothing meanwhile. This works wherever `flock` does.
"""

import fcntl
import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from store.embedded.cluster import Cluster
from store.embedded.file_lock import open_lock_file, try_exclusive_lock, try_lock, wait_for_lock

START_LOCK = "postgres.lock"  # held while somebody starts or stops the server
USERS_LOCK = "postgres.users"  # shared by all users; the last one stops the server
PRESENCE_LOCK = "postgres.present"  # shared by all users; the guardian waits for it
LIFE_LOCK = "postgres.life"  # held by every process of the server: see Cluster.life_lock
GUARDIAN_LOCK = "postgres.guardian"  # held by the guardian, of which there is one
TRY_SECONDS = 2.0

log = logging.getLogger("oncelink")


def ensure_guardian(data_dir: Path) -> None:
    """Starts the guardian of a data folder unless it runs. The caller has the presence lock."""
    with try_lock(data_dir / GUARDIAN_LOCK) as lock:
        if lock is None:
            return
    path = os.pathsep.join(str(Path(path).resolve()) for path in sys.path)
    command = [sys.executable, "-m", "store.embedded.guardian", str(data_dir)]
    output = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    try:
        os.posix_spawn(sys.executable, command, {**os.environ, "PYTHONPATH": path}, file_actions=output)
    except OSError as error:
        log.warning("nothing will stop the embedded database if this process is killed: %s", error)


def guard_server(data_dir: Path) -> None:
    """Waits until nobody uses the server, and stops it; returns at once when another guardian does that.

    Raises FileNotFoundError when the data folder was removed meanwhile: it puts nothing into a folder that is removed.
    """
    deadline = time.monotonic() + TRY_SECONDS  # who starts us may just be trying the lock
    with open_lock_file(data_dir / GUARDIAN_LOCK, creates=False) as own_lock:
        while not try_exclusive_lock(own_lock):
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)
        is_done = False
        while not is_done:
            with wait_for_lock(data_dir / PRESENCE_LOCK, creates=False):
                pass
            is_done = _stop_if_unused(data_dir, own_lock)


def _stop_if_unused(data_dir: Path, own_lock: int) -> bool:
    """Stops the server unless a new user came meanwhile. Returns whether the guardian is done."""
    with (
        wait_for_lock(data_dir / START_LOCK, creates=False),
        open_lock_file(data_dir / USERS_LOCK, creates=False) as users,
        open_lock_file(data_dir / LIFE_LOCK, creates=False) as life,
    ):
        if not try_exclusive_lock(users):
            return False
        is_alive = not try_exclusive_lock(life)
        fcntl.flock(life, fcntl.LOCK_UN)
        if is_alive:
            Cluster.from_data_dir(data_dir).stop()
        fcntl.flock(own_lock, fcntl.LOCK_UN)  # before anybody can start it again, who then wants another guardian
        return True


if __name__ == "__main__":
    os.setsid()  # what stops us from a terminal does not stop it
    os.chdir("/")
    with suppress(FileNotFoundError):
        guard_server(Path(sys.argv[1]))
