"""An organisation with an SMTP server, and an outbox worker that does one step at a time."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import clock
from api.app import build_app
from api.settings import Settings
from integrations import outbox_worker
from integrations.mail.mail_transport import MailTransport
from integrations.outbox_worker import OutboxTiming, OutboxWorker
from tests.api_driver import ApiDriver
from tests.integrations.mail.smtp_server import SmtpServer, run_smtp_server


@dataclass
class OutboxDriver:
    """A service, its SMTP server and an outbox worker. `advance_clock` moves the worker's clock."""

    api: ApiDriver
    smtp_server: SmtpServer
    runner: asyncio.Runner
    clock_offset: timedelta = timedelta()
    slugs: Iterator[int] = field(default_factory=lambda: iter(range(1000)))

    def __post_init__(self) -> None:
        self.worker = self.create_worker()

    def create_worker(self) -> OutboxWorker:
        """Create a worker without state."""
        return OutboxWorker(self.api.services, OutboxTiming(first_pause=0.05, max_pause=0.1))

    def read_clock(self) -> datetime:
        """Return the worker's time."""
        return clock.read_clock() + self.clock_offset

    def advance_clock(self, **duration: float) -> None:
        """Advance the worker's clock."""
        self.clock_offset += timedelta(**duration)

    def wait_for_read_models(self) -> None:
        """Wait until the read models have caught up with the event log."""
        self.api.list_meetings()

    def deliver_all(self) -> None:
        """Deliver everything that is due, and retry rows that the follower has locked."""
        transport = MailTransport(self.api.services.settings)
        try:
            self.wait_for_read_models()
            while self.deliver_round(transport):
                self.wait_for_read_models()
        finally:
            self.runner.run(transport.disconnect())

    def deliver_round(self, transport: MailTransport) -> int:
        """Deliver until nothing is due. Returns the number of deliveries."""
        self.worker._released_at.clear()
        delivered_count = 0
        while self.worker.process_next_mail(self.runner, transport):
            delivered_count += 1
        return delivered_count

    def book_meeting(self, number: int = 3, **link: Any) -> tuple[str, str]:
        """Create a link and a booking. Returns the booking's id and its manage code."""
        slug = f"talk-{next(self.slugs)}"
        self.api.create_link("Talk", slug=slug, **link)
        booking = self.api.book_meeting(slug, self.api.list_slots(slug)[number])
        return booking["booking"]["id"], booking["manage_url"].rsplit("/", 1)[1]

    def list_notifications(self, id: str) -> list[Any]:
        """List a booking's notifications as the API returns them."""
        return self.api.get(f"/v1/bookings/{id}/mail", "manager")["items"]  # type: ignore[no-any-return]

    def list_states(self, id: str) -> dict[tuple[str, str], str]:
        """Return the state of each notification by what it says and its recipient."""
        return {
            (notification["what"], notification["to"]): notification["state"]
            for notification in self.list_notifications(id)
        }

    def list_notification_events(self, id: str) -> list[Any]:
        """List the events of a booking's notifications."""
        rows = self.api.get(f"/v1/history/streams/{id}", "auditor")["items"]
        return [row for row in rows if row["type"].startswith("Mail")]


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """An SMTP server."""
    with run_smtp_server() as running_server:
        yield running_server


@pytest.fixture
def outbox(settings: Settings, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OutboxDriver]:
    """A running service with an organisation; the test delivers its outbox."""
    with (
        TestClient(
            build_app(settings.model_copy(update=smtp_server.settings)), raise_server_exceptions=False
        ) as client,
        asyncio.Runner() as runner,
    ):
        outbox_driver = OutboxDriver(ApiDriver.create_organisation(client), smtp_server, runner)
        monkeypatch.setattr(outbox_worker, "read_clock", outbox_driver.read_clock)
        yield outbox_driver
