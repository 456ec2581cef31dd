"""Threads that wait for other people's servers, so that no thread of a request does; they end with the process."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import Full, Queue
from threading import Lock, Thread
from typing import TypeVar

T = TypeVar("T")


class Hands:
    """Some threads with a short queue before them."""

    def __init__(self, name: str, count: int, most_waiting: int) -> None:
        self.name = name
        self.count = count
        self.waiting: Queue[Callable[[], None]] = Queue(most_waiting)
        self.lock = Lock()
        self.threads = 0
        self.busy = 0

    @property
    def free(self) -> int:
        """How many more things could begin at once."""
        with self.lock:
            return max(0, self.count - self.busy)

    def do(self, work: Callable[[], T]) -> Future[T] | None:
        """Has something done; None when the queue is full."""
        done: Future[T] = Future()
        with self.lock:
            self.busy += 1
            begin = self.threads < min(self.count, self.busy)
            self.threads += begin
        try:
            self.waiting.put_nowait(lambda: self.finish(done, work))
        except Full:
            with self.lock:
                self.busy -= 1
            return None
        if begin:
            Thread(target=self.run, name=self.name, daemon=True).start()
        return done

    def run(self) -> None:
        """Works until the process ends."""
        while True:
            self.waiting.get()()

    def finish(self, done: Future[T], work: Callable[[], T]) -> None:
        """Does one thing, and says what became of it."""
        try:
            found = work()
        except BaseException as error:  # whoever waits for it is told
            done.set_exception(error)
        else:
            done.set_result(found)
        finally:
            with self.lock:
                self.busy -= 1
