"""Builds the webhook worker of a process."""

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.services import Services, build_mail_settings
from domain.person import Person
from domain.refusals import Refusal
from integrations.delivery import DeliveryFailed
from integrations.email_address import InvalidEmailAddress
from replay.settled import find_settled_position
from store.credentials.encrypted_secrets import DecryptionFailed
from store.webhooks import Webhook, Webhooks

if TYPE_CHECKING:
    from integrations.webhooks.worker import WebhookWorker

log = logging.getLogger("oncelink")


def build_webhook_worker(services: Services) -> "WebhookWorker":
    """Build the worker over the outbox workers' connection, so that it takes none from guests."""
    from integrations.webhooks.worker import WebhookWorker

    database = services.outbox_database.open()
    context = replace(services.webhook_context, store=Webhooks(database))
    return WebhookWorker(
        context, lambda: find_settled_position(database), lambda webhook: notify_owner(services, webhook)
    )


def notify_owner(services: Services, webhook: Webhook) -> bool:
    """Mail the owner that their endpoint ended; an owner who left is told nothing. Returns whether it is done."""
    from integrations.mail.mail_transport import SignInMailer
    from integrations.webhooks.ended_mail import build_mail

    try:
        person = services.administration.load_aggregate(Person, webhook.owner_id)
        host = urlsplit(services.webhook_context.decrypt_secrets(webhook).url).hostname or ""
    except (Refusal, DecryptionFailed):
        return True
    if not person.active:
        return True
    address = f"{services.settings.base_url}/admin/webhooks/{webhook.id}"
    message = build_mail(person, host, webhook.problem, webhook.disabled_at or services.clock(), address)
    mailer = SignInMailer(build_mail_settings(services.settings), services.clock)
    try:
        asyncio.run(mailer.deliver_message(message))
    except (DeliveryFailed, InvalidEmailAddress) as error:
        reason = error.reason if isinstance(error, DeliveryFailed) else "address_refused"
        log.error("The owner of webhook %s could not be told that it ended: %s", webhook.id, reason)
        return False
    return True
