"""Workers of `serve --workers` end when their parent is killed with -9."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from api.app import create_app, open_services_when_ready
from api.clock import read_clock
from api.settings import Settings
from store.database import DatabaseAway
from tests.waiting import wait_until

PARENT = """
from tests.api.http.test_parent_watch import run_parent
if __name__ == "__main__":
    run_parent()
"""


def run_parent() -> None:
    """Start two workers as uvicorn does, and wait for them."""
    from multiprocessing import get_context

    workers = [get_context("spawn").Process(target=run_worker) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def run_worker() -> None:
    """Watch the parent as `create_app` does; without that, wait for a signal for ever."""
    from api.http.shutdown_signal import watch_parent

    watch_parent()
    print(os.getpid(), flush=True)
    signal.pause()


def is_running(pid: int) -> bool:
    """Whether a process runs, and is not only waiting to be reaped."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(map(is_running, pids))
        parent.kill()
        wait_until(lambda: not any(map(is_running, pids)))


def test_a_worker_that_waits_for_its_database_ends_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ended = threading.Event()
    monkeypatch.setattr("api.app.PARENT_ENDED", ended)
    threading.Timer(0.2, ended.set).start()
    settings = Settings(data_dir=tmp_path, database_url="postgresql://127.0.0.1:1/nothing")  # type: ignore[call-arg]
    started_at = time.monotonic()
    with pytest.raises((DatabaseAway, psycopg.OperationalError)):
        open_services_when_ready(settings, 60, read_clock)
    assert time.monotonic() - started_at < 30


def test_the_application_of_a_worker_watches() -> None:
    assert "watch_parent" in create_app.__code__.co_names
