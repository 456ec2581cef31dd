"""What the routes and pages of webhooks do: make, change, test, rotate and replay endpoints."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from api.http.dependencies import Caller
from api.services import Services
from domain.refusals import IdempotencyKeyReused, Invalid, NotFound, VersionConflict
from integrations.webhooks.event_types import WebhookType, build_sample, list_event_names
from integrations.webhooks.secrets import OVERLAP, EndpointSecrets
from integrations.webhooks.sending import Answer
from integrations.webhooks.signatures import generate_secret
from integrations.webhooks.worker import MAX_ENDPOINTS
from replay.settled import find_last_settled_position
from store.credentials.encrypted_secrets import DecryptionFailed
from store.webhooks import Attempt, Webhook

LOST = "Its address and secret cannot be read here: the secret key that encrypted them is not set. Make a new one."


def create_endpoint(
    services: Services, caller: Caller, id: UUID, fields: Mapping[str, Any], digest_of: Any = None
) -> tuple[Webhook, bool]:
    """Make an endpoint, or find the one that an earlier request made. Returns it, and whether it is new.

    Raises Invalid, IdempotencyKeyReused, TryAgain, DatabaseAway.
    """
    context = services.webhook_context
    digest = context.cipher.compute_digest(digest_of)
    existing = context.store.find_webhook(id)
    if existing is None:
        refuse_url(services, fields["url"])
        if len(context.store.list_webhooks()) >= MAX_ENDPOINTS:
            raise Invalid("url", f"There can be {MAX_ENDPOINTS} webhooks at most. Remove one first.")
        secrets = EndpointSecrets(fields["url"], generate_secret())
        row = {
            "id": id,
            "owner_id": caller.person.id,
            "sealed": context.cipher.encrypt_secret(id, secrets.to_secret()),
            "types": fields["types"],
            "event_names": list_event_names(fields["types"]),
            "details": fields["details"],
            "active": fields["active"],
            "request_digest": digest,
        }
        position = find_last_settled_position(services.database)
        is_new = context.store.add_webhook(caller.context.now, position, row)
        existing = get_endpoint(services, id)
        if is_new:
            return existing, True
    if existing.request_digest != digest:
        raise IdempotencyKeyReused
    return existing, False


def change_endpoint(
    services: Services, caller: Caller, id: UUID, fields: Mapping[str, Any], version: int | None = None
) -> Webhook:
    """Change an endpoint; what waits for it is tried at once. Raises NotFound, Invalid, VersionConflict."""
    webhook = get_endpoint(services, id)
    if version is not None and version != webhook.version:
        raise VersionConflict
    changes = {name: value for name, value in fields.items() if name != "url"}
    if "types" in changes:
        changes["event_names"] = list_event_names(changes["types"])
    if "url" in fields:
        refuse_url(services, fields["url"])
        secrets = decrypt_endpoint(services, webhook)
        changed = EndpointSecrets(fields["url"], secrets.secret, secrets.previous)
        changes["sealed"] = services.webhook_context.cipher.encrypt_secret(id, changed.to_secret())
    if not services.webhook_context.store.update_webhook(webhook, caller.context.now, changes):
        raise VersionConflict
    services.outbox_workers.wake()
    return get_endpoint(services, id)


def rotate_endpoint(services: Services, caller: Caller, id: UUID) -> tuple[Webhook, str]:
    """Give an endpoint a new secret; the one before signs too for a day. Raises NotFound, Invalid, VersionConflict."""
    webhook, now = get_endpoint(services, id), caller.context.now
    secrets = decrypt_endpoint(services, webhook).rotate()
    sealed = services.webhook_context.cipher.encrypt_secret(id, secrets.to_secret())
    if not services.webhook_context.store.replace_secret(webhook, sealed, now + OVERLAP, now):
        raise VersionConflict
    return get_endpoint(services, id), secrets.secret


def replay_events(services: Services, caller: Caller, id: UUID, from_position: int) -> Webhook:
    """Send events again from a position on. Raises NotFound, Invalid, TryAgain, DatabaseAway."""
    get_endpoint(services, id)
    if from_position > find_last_settled_position(services.database) + 1:
        raise Invalid("from_position", "The log is not that long.")
    if not services.webhook_context.store.move_cursor(id, max(0, from_position - 1), caller.context.now):
        raise NotFound
    services.outbox_workers.wake()
    return get_endpoint(services, id)


def send_test(services: Services, caller: Caller, id: UUID) -> Answer:
    """Send the sample of an endpoint's first type, at once; what waits for it is tried again when it is taken."""
    webhook, context, now = get_endpoint(services, id), services.webhook_context, services.clock()
    secrets, type = decrypt_endpoint(services, webhook), find_first_type(webhook)
    event_id = f"test-{uuid4()}"
    sample = {**build_sample(type), "id": event_id, "position": 0, "timestamp": now.isoformat()}
    answer = context.send_body(webhook, secrets, event_id, json.dumps(sample).encode())
    attempt = Attempt(event_id, type, 0, 1, now, answer.is_success, answer.status, answer.reason, answer.milliseconds)
    context.store.add_delivery(id, attempt)
    if answer.is_success:
        context.store.mark_due(id, caller.context.now)
        services.outbox_workers.wake()
    return answer


def find_first_type(webhook: Webhook) -> WebhookType:
    """Find the first type of an endpoint."""
    type: Any = webhook.types[0]
    return type  # type: ignore[no-any-return]


def refuse_url(services: Services, url: str) -> None:
    """Refuse an address that nothing may be sent to. Raises Invalid."""
    flaw = services.webhook_context.sender.find_flaw(url)
    if flaw:
        raise Invalid("url", flaw)


def get_endpoint(services: Services, id: UUID) -> Webhook:
    """Get an endpoint. Raises NotFound."""
    webhook = services.webhook_context.store.find_webhook(id)
    if webhook is None:
        raise NotFound
    return webhook


def decrypt_endpoint(services: Services, webhook: Webhook) -> EndpointSecrets:
    """Decrypt address and secrets of an endpoint. Raises Invalid."""
    try:
        return services.webhook_context.decrypt_secrets(webhook)
    except DecryptionFailed:
        raise Invalid("id", LOST) from None


def to_response(services: Services, webhook: Webhook) -> dict[str, Any]:
    """Build what is answered about an endpoint, without its secret."""
    try:
        url = services.webhook_context.decrypt_secrets(webhook).url
    except DecryptionFailed:
        url = ""
    names = ("id", "types", "details", "active", "position", "problem", "disabled_at", "owner_id", "created_at")
    return {
        **{name: getattr(webhook, name) for name in (*names, "updated_at", "version")},
        "url": url,
        "failed_attempts": webhook.attempts,
        "next_attempt_at": webhook.due_at if webhook.active and webhook.attempts else None,
        "previous_secret_until": webhook.previous_until,
    }
