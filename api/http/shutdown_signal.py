"""Notices early that the process is told to shut down, so that endless responses do not delay it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SHUTDOWN_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def notify_on_shutdown(on_shutdown: Callable[[], None]) -> Iterator[None]:
    """Call `on_shutdown` when the process is told to end, before the server's own handler waits for all responses.

    Only the main thread can handle signals; in another thread, as in tests, nothing is called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: handler for number in SHUTDOWN_SIGNALS if callable(handler := signal.getsignal(number))}

    def handle(number: int, frame: FrameType | None) -> None:
        on_shutdown()
        handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
