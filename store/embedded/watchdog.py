"""Restarts an embedded PostgreSQL that was killed, while this process uses it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from store.embedded.account import DatabaseUnavailable

CHECK_SECONDS = 0.25
MAX_PAUSE_SECONDS = 5.0

log = logging.getLogger("oncelink")


@contextmanager
def watch_server(restart_if_gone: Callable[[], None]) -> Iterator[None]:
    """Runs a thread that calls `restart_if_gone` again and again, until the block ends."""
    stopping = Event()
    thread = Thread(target=run_watcher, args=(restart_if_gone, stopping), name="embedded-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def run_watcher(restart_if_gone: Callable[[], None], stopping: Event) -> None:
    """Checks until `stopping` is set. After a failed start it logs an error and waits longer each time."""
    pause = CHECK_SECONDS
    while not stopping.wait(pause):
        try:
            restart_if_gone()
        except DatabaseUnavailable as error:
            log.error("the embedded database is gone and did not start again: %s", error)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
        else:
            pause = CHECK_SECONDS
