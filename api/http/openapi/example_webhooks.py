"""Examples of webhook endpoints and their deliveries."""

from typing import Any

from api.http.openapi.example_things import HOST, derive_id

URL, TYPES = "https://hooks.example.com/oncelink", ["booking.created", "booking.cancelled"]
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the standard's own example
WEBHOOK_VALUES: dict[str, Any] = {
    "Webhook.id": derive_id("webhook"),
    "NewWebhookAnswer.id": derive_id("webhook"),
    "NewWebhookAnswer.secret": SECRET,
    "Meeting.position": ...,  # where changed_after_position is asked for
    "failed_attempts": 0,
    "next_attempt_at": None,
    "previous_secret_until": None,
    "from_position": 0,
    "WebhookDelivery.id": 815,
    "WebhookDelivery.event_id": f"{derive_id('booking')}-2",
    "WebhookDelivery.type": "booking.created",
    "WebhookDelivery.position": 4711,
    "WebhookDelivery.attempt": 1,
    "WebhookDelivery.delivered": False,
    "WebhookDelivery.status": 500,
    "WebhookDelivery.reason": "refused",
    "WebhookTest.delivered": True,
    "WebhookTest.status": 204,
    "WebhookTest.reason": None,
    "milliseconds": 87,
    "TypeOfWebhook.type": "person.deactivated",
    "TypeOfWebhook.sample": {
        "id": f"{HOST['id']}-4",
        "type": "person.deactivated",
        "timestamp": "2027-01-10T14:03:07.512000Z",
        "position": 4711,
        "data": {"person_id": HOST["id"], "url": f"https://meet.example.com/admin/people/{HOST['id']}"},
    },
    **{f"{model}.url": URL for model in ("Webhook", "NewWebhook", "NewWebhookAnswer", "WebhookChanges")},
    **{f"{model}.types": TYPES for model in ("Webhook", "NewWebhook", "NewWebhookAnswer", "WebhookChanges")},
    **{f"{model}.{field}": None for model in ("Webhook", "NewWebhookAnswer") for field in ("problem", "disabled_at")},
    **{f"{model}.position": 4711 for model in ("Webhook", "NewWebhookAnswer")},
    **{f"{model}.active": True for model in ("Webhook", "NewWebhook", "NewWebhookAnswer", "WebhookChanges")},
    **{f"{model}.owner_id": HOST["id"] for model in ("Webhook", "NewWebhookAnswer")},
}
