"""A background thread that repeats its work for ever.

After an error it logs, pauses a little longer each time, and retries.
"""

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

logger = logging.getLogger(__name__)

MIN_PAUSE_SECONDS = 0.05
MAX_PAUSE_SECONDS = 1.0


class SupervisedThread:
    """Runs `work` again and again until stopped. `work` must return soon after `stop_requested` is set."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.name = name
        self.work = work
        self.stop_requested = Event()
        self.error: str | None = None
        self._pause_seconds = MIN_PAUSE_SECONDS
        self._thread: Thread | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Starts a daemon thread."""
        self._thread = Thread(target=self.run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Requests a stop, and waits until the thread has ended."""
        self.stop_requested.set()
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Runs in the calling thread until stopped."""
        while not self.stop_requested.is_set():
            try:
                self.work()
            except Exception as error:
                self._record_failure(error)

    def record_success(self) -> None:
        """Clears the last error and resets the pause."""
        self.error = None
        self._pause_seconds = MIN_PAUSE_SECONDS

    def _record_failure(self, error: Exception) -> None:
        self.error = f"{type(error).__name__}: {error}"
        logger.warning("%s failed, goes on in %.2f s: %s", self.name, self._pause_seconds, self.error)
        self.stop_requested.wait(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, MAX_PAUSE_SECONDS)


class BackgroundWorker:
    """Base class of what runs in a supervised thread."""

    _thread: SupervisedThread

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive

    @property
    def error(self) -> str | None:
        """The last error; None while there is none."""
        return self._thread.error

    def start(self) -> Self:
        """Starts in a daemon thread."""
        self._thread.start()
        return self
