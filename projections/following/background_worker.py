"""Work that goes on for ever in a thread: after an error it logs, waits a little longer each time, and begins anew."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


class Supervised:
    """Runs `work` again and again until stopped; `work` returns soon after `stopping` is set."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.name = name
        self.work = work
        self.stopping = Event()
        self.error: str | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._thread: Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begins in a daemon thread."""
        self._thread = Thread(target=self.run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end, and waits until it has."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Works in this thread until stopped."""
        while not self.stopping.is_set():
            try:
                self.work()
            except Exception as error:
                self._failed(error)

    def succeeded(self) -> None:
        """Forgets the last error: the work goes on."""
        self.error = None
        self._pause = FIRST_PAUSE_SECONDS

    def _failed(self, error: Exception) -> None:
        self.error = f"{type(error).__name__}: {error}"
        logger.warning("%s failed, goes on in %.2f s: %s", self.name, self._pause, self.error)
        self.stopping.wait(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)


class Worker:
    """What works in a supervised thread, as its owner sees it."""

    _thread: Supervised

    @property
    def alive(self) -> bool:
        """Whether it runs in its thread."""
        return self._thread.alive

    @property
    def error(self) -> str | None:
        """What went wrong last; None while all is well."""
        return self._thread.error

    def start(self) -> Self:
        """Begins in a daemon thread."""
        self._thread.start()
        return self
