"""Driver of the mail outbox: an organisation with an SMTP server, and an outbox worker that does one step at a time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from api.clock import read_clock
from api.composition.outbox import build_mail_delivery, build_outbox_context
from integrations.delivery import Delivery
from integrations.outbox_worker import OutboxTiming, OutboxWorker
from tests.api_driver import ApiDriver
from tests.integrations.mail.smtp_server import SmtpServer
from tests.movable_clock import MovableClock

TIMING = OutboxTiming(first_pause=0.05, max_pause=0.1)


@dataclass
class OutboxDriver:
    """A service, its SMTP server and an outbox worker, whose clock is not the service's."""

    api: ApiDriver
    smtp_server: SmtpServer
    clock: MovableClock = field(default_factory=MovableClock)
    slugs: Iterator[int] = field(default_factory=lambda: iter(range(1000)))

    def __post_init__(self) -> None:
        self.worker = self.create_worker()

    def create_worker(self, delivery: Delivery | None = None) -> OutboxWorker:
        """Create a worker without state, for mail or for another delivery."""
        context = replace(build_outbox_context(self.api.services), clock=self.clock)
        return OutboxWorker(context, delivery or build_mail_delivery(self.api.services), TIMING)

    def wait_for_read_models(self) -> None:
        """Wait until the read models have caught up with the event log."""
        self.api.list_meetings()

    def deliver_all(self, worker: OutboxWorker | None = None) -> None:
        """Deliver everything that is due, and retry rows that the follower has locked."""
        worker = worker or self.worker
        try:
            self.wait_for_read_models()
            while self.deliver_round(worker):
                self.wait_for_read_models()
        finally:
            worker.delivery.close()

    def deliver_round(self, worker: OutboxWorker) -> int:
        """Deliver until nothing is due. Returns the number of deliveries."""
        worker.forget_releases()
        delivered_count = 0
        while worker.deliver_next():
            delivered_count += 1
        return delivered_count

    def book_meeting(self, number: int = 3, **link: Any) -> tuple[str, str]:
        """Create a link and a booking. Returns the booking's id and its manage code."""
        slug = f"talk-{next(self.slugs)}"
        self.api.create_link("Talk", slug=slug, **link)
        booking = self.api.book_meeting(slug, self.api.list_slots(slug)[number])
        return booking["booking"]["id"], booking["manage_url"].rsplit("/", 1)[1]

    def list_slots_to_move(self, code: str) -> list[Any]:
        """List the times of later days that a booking can be moved to, by its manage code."""
        first = read_clock() + timedelta(days=2)  # so that none of the first few is the meeting's own
        days = f"from={first.date()}&to={(first + timedelta(days=5)).date()}"
        return self.api.get(f"/v1/manage/{code}/slots?{days}&time_zone=UTC")["slots"]  # type: ignore[no-any-return]

    def list_notifications(self, id: str) -> list[Any]:
        """List a booking's notifications as the API returns them, without reminders and the follow-up."""
        return [mail for mail in self.list_mails(id) if mail["offset_minutes"] is None]

    def list_scheduled_mails(self, id: str) -> list[Any]:
        """List the reminders and the follow-up of a booking as the API returns them."""
        return [mail for mail in self.list_mails(id) if mail["offset_minutes"] is not None]

    def list_mails(self, id: str) -> list[Any]:
        """List everything that people are told of a booking."""
        return self.api.get(f"/v1/bookings/{id}/mail", "manager")["items"]  # type: ignore[no-any-return]

    def list_states(self, id: str) -> dict[tuple[str, str], str]:
        """Return the state of each notification by what it says and its recipient."""
        return {
            (notification["what"], notification["to"]): notification["state"]
            for notification in self.list_notifications(id)
        }

    def list_notification_events(self, id: str) -> list[Any]:
        """List the events of a booking's notifications, without those of reminders and the follow-up."""
        rows = self.api.get(f"/v1/history/streams/{id}", "auditor")["items"]
        return [row for row in rows if row["type"].startswith("Mail") and "offset_minutes" not in row["data"]]


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until a condition is true. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
