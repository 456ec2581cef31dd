"""Examples of the access log and of the use of API keys."""

from typing import Any

from api.http.openapi.example_things import HOST, derive_id

ACCESS_VALUES: dict[str, Any] = {
    "last_used_at": "2027-01-14T09:30:00Z",
    "last_used_from": "192.0.2.7",
    "ApiKey.id": derive_id("key"),
    "ApiKey.name": "CRM",
    "NewApiKey.id": derive_id("key"),
    "NewApiKey.name": "CRM",
    "ApiKeyRequest.name": "CRM",
    "ApiKey.person": HOST,
    "scopes": ["read", "single-use"],
    "ApiKey.expires_at": None,
    "NewApiKey.expires_at": None,
    "ApiKeyRequest.expires_at": "2028-01-01T00:00:00Z",
    "Session.id": derive_id("session"),
    "Session.by_provider": True,
    "Session.is_current": False,
    "AccessLogEntry.id": 4711,
    "AccessLogEntry.kind": "sign_in_refused",
    "AccessLogEntry.reason": "email_unverified",
    "AccessLogEntry.actor_id": None,
    "AccessLogEntry.actor_name": None,
    "AccessLogEntry.person_id": None,
    "AccessLogEntry.person_name": None,
    "AccessLogEntry.client": "192.0.2.7",
    "AccessLogEntry.details": {"way": "oidc"},
}
