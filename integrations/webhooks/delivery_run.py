"""Delivers to one endpoint under a lease: event after event in the order of the log, until one fails."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event
from typing import Any
from uuid import UUID

from integrations.clock import Clock
from integrations.webhooks.event_types import TYPES
from integrations.webhooks.payloads import PayloadBuilder, build_event_id
from integrations.webhooks.schedule import judge_answer
from integrations.webhooks.secrets import EndpointSecrets
from integrations.webhooks.sending import Answer, WebhookSender
from integrations.webhooks.signatures import build_headers
from store.credentials.encrypted_secrets import DecryptionFailed, SecretCipher
from store.database import DatabaseAway
from store.webhooks import Attempt, Webhook, Webhooks

log = logging.getLogger("oncelink")

BATCH_SIZE = 50
RUN_SECONDS = 20.0  # then the lease is given back, long before it ends


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """What delivering needs."""

    store: Webhooks
    cipher: SecretCipher
    sender: WebhookSender
    payloads: PayloadBuilder
    clock: Clock

    def decrypt_secrets(self, webhook: Webhook) -> EndpointSecrets:
        """Decrypt address and secrets; seal them with the first secret key if another did. Raises DecryptionFailed."""
        secrets = EndpointSecrets.from_secret(self.cipher.decrypt_secret(webhook.id, webhook.sealed))
        if not self.cipher.is_encrypted_with_first_key(webhook.id, webhook.sealed):
            self.store.rotate_encryption(webhook, self.cipher.encrypt_secret(webhook.id, secrets.to_secret()))
        return secrets

    def send_body(self, webhook: Webhook, secrets: EndpointSecrets, id: str, body: bytes) -> Answer:
        """Sign a body and send it."""
        now = self.clock()
        signing = secrets.list_signing(webhook.previous_until, now)
        return self.sender.send(secrets.url, build_headers(signing, id, int(now.timestamp()), body), body)


class DeliveryRun:
    """One run for one endpoint. `rest_factor` pauses that many times the processor time that a delivery took."""

    def __init__(
        self, context: WebhookContext, lease: UUID, settled: int, stop_requested: Event, rest_factor: float
    ) -> None:
        self.context = context
        self.lease = lease
        self.settled = settled
        self.stop_requested = stop_requested
        self.rest_factor = rest_factor

    def deliver_events(self, webhook: Webhook) -> None:
        """Deliver until nothing is left, an attempt fails or the run is long enough. Raises DatabaseAway."""
        deadline = time.monotonic() + RUN_SECONDS
        try:
            while events := self.context.store.list_events(webhook, self.settled, BATCH_SIZE):
                for event in events:
                    if self.stop_requested.is_set() or time.monotonic() > deadline:
                        return
                    cpu_before = time.thread_time()
                    changed = self.deliver_event(webhook, event)
                    if changed is None:
                        return
                    webhook = changed
                    self.stop_requested.wait(self.rest_factor * (time.thread_time() - cpu_before))
        finally:
            self.context.store.release_lease(webhook.id, self.lease)

    def deliver_event(self, webhook: Webhook, event: Mapping[str, Any]) -> Webhook | None:
        """Deliver one event and record what came of it. Returns the endpoint with its cursor moved, or None to end."""
        answer = self.send_event(webhook, event)
        now = self.context.clock()
        outcome = judge_answer(answer, event["position"], webhook.position, webhook.attempts, now)
        is_current = self.context.store.record_outcome(webhook, self.lease, now, outcome)
        self.context.store.add_delivery(webhook.id, build_attempt(event, answer, webhook.attempts + 1, now))
        if answer.is_success and is_current:
            return replace(webhook, position=outcome.position, attempts=0)
        if outcome.problem:
            log.warning("Webhook %s did not take %s: %s", webhook.id, build_event_id(event), outcome.problem)
        return None

    def send_event(self, webhook: Webhook, event: Mapping[str, Any]) -> Answer:
        """Send an event; what cannot be read or written here is an answer too. Raises DatabaseAway."""
        try:
            secrets = self.context.decrypt_secrets(webhook)
        except DecryptionFailed:
            return Answer(reason="not_opened")
        try:
            body = self.context.payloads.build_body(event, webhook.details)
        except DatabaseAway:
            raise
        except Exception as error:  # an event of another version: it must not stop the others
            log.error("Webhook %s: %s cannot be written: %s", webhook.id, build_event_id(event), type(error).__name__)
            return Answer(reason="not_written")
        return self.context.send_body(webhook, secrets, build_event_id(event), body)


def build_attempt(event: Mapping[str, Any], answer: Answer, attempt: int, now: datetime) -> Attempt:
    """Build the row of an attempt."""
    return Attempt(
        build_event_id(event),
        TYPES[event["name"]],
        event["position"],
        attempt,
        now,
        answer.is_success,
        answer.status,
        answer.reason,
        answer.milliseconds,
    )
