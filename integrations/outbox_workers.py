"""The outbox workers of a process, of whatever channels: started, woken and stopped together."""

from collections.abc import Sequence

from integrations.outbox_worker import OutboxWorker


class OutboxWorkers:
    """The running outbox workers of a process; none before `start`."""

    def __init__(self) -> None:
        self.workers: Sequence[OutboxWorker] = ()

    def start(self, workers: Sequence[OutboxWorker]) -> None:
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
