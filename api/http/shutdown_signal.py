"""Notices early that the process is told to shut down, and ends a worker whose parent was killed."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.connection import wait
from types import FrameType

SHUTDOWN_SIGNALS = (signal.SIGINT, signal.SIGTERM)
PARENT_ENDED = threading.Event()  # a worker that still waits to start ends by it: signals come to nothing then


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


def watch_parent() -> None:
    """Start to wait for the end of the parent; does nothing in a process that multiprocessing did not start.

    When it was killed, nobody else would ever end the worker: it then gets SIGTERM, and finishes what it is answering.
    """
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=wait_for_parent, args=(parent.sentinel,), name="parent-watch", daemon=True).start()


def wait_for_parent(sentinel: int) -> None:
    """Wait until the parent has ended, and then end this process."""
    wait([sentinel])
    PARENT_ENDED.set()
    os.kill(os.getpid(), signal.SIGTERM)
