"""The section `webhooks` of the OpenAPI document: what this service sends for each type, with its sample."""

from typing import Any, get_args

from integrations.webhooks.event_types import EVENT_NAMES, WebhookType, build_sample

BODY: dict[str, Any] = {
    "type": "object",
    "required": ["id", "type", "timestamp", "position", "data"],
    "properties": {
        "id": {"type": "string", "description": "That of the event; the same on every try and replay."},
        "type": {"type": "string", "enum": list(get_args(WebhookType))},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
        "position": {"type": "integer", "description": "Where in the log it is; 0 for a test."},
        "data": {"type": "object", "description": "The thing as it stood then; see `GET /v1/webhooks/types`."},
    },
}
HEADERS = {
    "webhook-id": "The id of the event.",
    "webhook-timestamp": "When this try was made, in seconds since 1970.",
    "webhook-signature": "One or more of `v1,` and a base64 HMAC-SHA-256, with spaces between them.",
}


def build_webhooks() -> dict[str, Any]:
    """Build the section, by type."""
    return {type: {"post": build_operation(type)} for type in get_args(WebhookType)}


def build_operation(type: WebhookType) -> dict[str, Any]:
    """Build the request that is sent for a type."""
    return {
        "tags": ["Webhooks"],
        "operationId": f"send_{type.replace('.', '_')}",
        "summary": f"Sent for each event {EVENT_NAMES[type]} of the log",
        "description": "Signed as Standard Webhooks has it, and tried again until it is answered with 2xx.",
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/WebhookBody"},
                    "example": build_sample(type),
                }
            },
        },
        "responses": {
            "204": {"description": "Taken; so is any other 2xx."},
            "410": {"description": "Gone: nothing more is sent there."},
        },
    }
