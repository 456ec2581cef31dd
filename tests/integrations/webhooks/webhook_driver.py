"""An organisation whose webhooks the test delivers."""

import time
from dataclasses import replace
from typing import Any
from uuid import UUID

from api.composition.webhooks import build_webhook_worker
from integrations.webhooks.sending import WebhookSender
from integrations.webhooks.worker import WebhookTiming, WebhookWorker
from tests.api_driver import ApiDriver
from tests.integrations.mail.smtp_server import SmtpServer
from tests.integrations.webhooks.receiver import Receiver

TYPES = [
    *("booking.created", "booking.rescheduled", "booking.cancelled", "single_use.issued", "single_use.revoked"),
    *("link.created", "link.updated", "link.disabled", "link.enabled", "link.deleted", "person.deactivated"),
]
EVENTS = "SELECT stream_id, version FROM {schema}.events WHERE split_part(type, '.', 1) = ANY(%s) ORDER BY position"


class WebhookDriver:
    """An organisation with a webhook worker that delivers when the test says so."""

    receiver: Receiver

    def __init__(self, api: ApiDriver, smtp: SmtpServer) -> None:
        self.api, self.smtp = api, smtp
        self.worker = build_webhook_worker(api.services)
        sender = WebhookSender(self.worker.context.sender.http_client, 0.5)
        self.worker.context = replace(self.worker.context, sender=sender)
        self.worker.timing = WebhookTiming(rest_factor=0)

    def create(self, **fields: Any) -> str:
        """Create a webhook to the receiver. Returns its id."""
        body = {"url": self.receiver.url, "types": TYPES, **fields}
        answer = self.api.post("/v1/webhooks", body, "manager", 201)
        if body["url"] == self.receiver.url:
            self.receiver.secret = answer["secret"]
        return str(answer["id"])

    def deliver(self, worker: WebhookWorker | None = None) -> None:
        """Deliver what is due, and wait until that is over."""
        worker = worker or self.worker
        worker.start_due_deliveries()
        self.await_deliveries(worker)
        worker.tell_owners()
        self.await_deliveries(worker)

    def await_deliveries(self, worker: WebhookWorker) -> None:
        """Wait until a worker delivers nothing."""
        deadline = time.monotonic() + 20
        while worker.busy and time.monotonic() < deadline:
            time.sleep(0.005)
        assert not worker.busy

    def get(self, id: str) -> dict[str, Any]:
        """Get a webhook."""
        return dict(self.api.get(f"/v1/webhooks/{id}", "manager"))

    def mark_due(self, id: str) -> None:
        """Make the next attempt due."""
        self.worker.context.store.mark_due(UUID(id), self.api.services.clock())

    def list_deliveries(self, id: str) -> list[dict[str, Any]]:
        """List the attempts for a webhook, newest first."""
        return list(self.api.get(f"/v1/webhooks/{id}/deliveries", "manager")["items"])

    def list_types(self) -> dict[str, dict[str, Any]]:
        """List the samples of all types."""
        return {item["type"]: item["sample"] for item in self.api.get("/v1/webhooks/types", "manager")["items"]}

    def list_log_ids(self, id: str) -> list[str]:
        """List the ids of the events of a webhook's types, as the log has them."""
        webhook = self.worker.context.store.find_webhook(UUID(id))
        assert webhook is not None
        rows = self.api.services.database.fetch_rows(EVENTS, (webhook.event_names,))
        return [f"{row['stream_id']}-{row['version']}" for row in rows]
