"""The workers of a process that deliver, over whatever channels: started, woken and stopped together."""

from collections.abc import Sequence
from typing import Protocol, Self


class DeliveryWorker(Protocol):
    """What delivers in the background: an outbox worker of a channel, or the webhook worker."""

    def start(self) -> Self:
        """Start in a daemon thread."""

    def wake(self) -> None:
        """Wake the worker: the log may have grown. Returns at once."""

    def request_stop(self) -> None:
        """Ask the worker to stop; returns at once."""

    def stop(self) -> None:
        """Stop, and wait for a while."""


class OutboxWorkers:
    """The running outbox workers of a process; none before `start`."""

    def __init__(self) -> None:
        self.workers: Sequence[DeliveryWorker] = ()

    def start(self, workers: Sequence[DeliveryWorker]) -> None:
        """Start these workers."""
        self.workers = tuple(worker.start() for worker in workers)

    def wake(self) -> None:
        """Wake all workers: the log may have grown. Returns at once."""
        for worker in self.workers:
            worker.wake()

    def stop(self) -> None:
        """Stop all workers at the same time."""
        for worker in self.workers:
            worker.request_stop()
        for worker in self.workers:
            worker.stop()
