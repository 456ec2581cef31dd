"""Notices early that this process was told to end, so that answers which go on and on do not hold it up."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDINGS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def noticed(told: Callable[[], None]) -> Iterator[None]:
    """Calls `told` when the process is asked to end, and then the server's own handler, which waits for all answers.

    Only the main thread may listen to signals; elsewhere, as in tests, nobody is told.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: handler for number in ENDINGS if callable(handler := signal.getsignal(number))}

    def handle(number: int, frame: FrameType | None) -> None:
        told()
        before[signal.Signals(number)](number, frame)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
