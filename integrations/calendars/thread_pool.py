"""A small thread pool for calls to other servers, so that no request thread waits for them."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import Full, Queue
from threading import Lock, Thread
from typing import TypeVar

T = TypeVar("T")


class ThreadPool:
    """A few daemon threads with a bounded queue."""

    def __init__(self, name: str, count: int, max_queued: int) -> None:
        self.name = name
        self.count = count
        self.queue: Queue[Callable[[], None]] = Queue(max_queued)
        self.lock = Lock()
        self.threads = 0
        self.busy = 0

    @property
    def free(self) -> int:
        """How many more tasks could start at once."""
        with self.lock:
            return max(0, self.count - self.busy)

    def submit_work(self, work: Callable[[], T]) -> Future[T] | None:
        """Submit work; None when the queue is full."""
        future: Future[T] = Future()
        with self.lock:
            self.busy += 1
            start_thread = self.threads < min(self.count, self.busy)
            self.threads += start_thread
        try:
            self.queue.put_nowait(lambda: self.finish_work(future, work))
        except Full:
            with self.lock:
                self.busy -= 1
            return None
        if start_thread:
            Thread(target=self.run, name=self.name, daemon=True).start()
        return future

    def run(self) -> None:
        """Work until the process ends."""
        while True:
            self.queue.get()()

    def finish_work(self, future: Future[T], work: Callable[[], T]) -> None:
        """Run one task and set the result of its future."""
        try:
            result = work()
        except BaseException as error:  # the future raises it in the waiting thread
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            with self.lock:
                self.busy -= 1
