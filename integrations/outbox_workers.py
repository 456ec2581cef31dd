"""The outbox workers of a process: as many for mail as the settings say, and one for calendars."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.services import Services
from integrations.calendars.calendar_worker import CalendarWorker
from integrations.outbox_worker import OutboxWorker


@dataclass(frozen=True)
class OutboxWorkers:
    """The running outbox workers of a process."""

    workers: Sequence[OutboxWorker]

    def close(self) -> None:
        """Stop all workers at the same time."""
        for worker in self.workers:
            worker.request_stop()
        for worker in self.workers:
            worker.stop()


def start_outbox_workers(services: Services) -> OutboxWorkers:
    """Start as many mail workers as the settings say, and one for calendars unless that is 0."""
    workers = [OutboxWorker(services) for _ in range(services.settings.couriers)]
    if workers:
        workers.append(CalendarWorker(services))
    for worker in workers:
        worker.start()
        services.append_signal.add_listener(worker.wake)
    return OutboxWorkers(workers)
