"""Starts an embedded PostgreSQL again that was killed, for as long as somebody here uses it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from store.embedded.account import DatabaseUnavailable

LOOK_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0

log = logging.getLogger("oncelink")


@contextmanager
def watching(revive: Callable[[], None]) -> Iterator[None]:
    """While this lasts, looks again and again: `revive` starts the server if it is gone, and else does nothing."""
    stopping = Event()
    thread = Thread(target=watch, args=(revive, stopping), name="embedded-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def watch(revive: Callable[[], None], stopping: Event) -> None:
    """Looks until it is told to stop; where a start fails it says so, and waits longer each time."""
    pause = LOOK_SECONDS
    while not stopping.wait(pause):
        try:
            revive()
        except DatabaseUnavailable as error:
            log.error("the embedded database is gone and did not start again: %s", error)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            pause = LOOK_SECONDS
