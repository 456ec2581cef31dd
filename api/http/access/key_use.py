"""Records from where API keys are used."""

from datetime import timedelta

from fastapi import Request

from api.http.access.entries import find_client, record_access
from api.services import Services
from store.credentials.api_keys import CredentialHolder

USE_GRANULARITY = timedelta(minutes=5)  # a use is recorded at most so often, so that most requests only read
UNKNOWN_CLIENT = "unknown"  # of a server on a Unix socket


def find_key_holder(services: Services, request: Request, key: str) -> CredentialHolder | None:
    """Find the holder of an API key, and record its use, and that a used key comes from a new address."""
    client = find_client(request) or UNKNOWN_CLIENT
    holder = services.api_keys.find_holder(key, client)
    if holder is None or holder.key_id is None:
        return None
    now = services.clock()
    if holder.used_at is None or holder.used_at < now - USE_GRANULARITY:
        earlier_clients = services.api_keys.record_use(holder.key_id, client, now)
        if holder.used_at is None and earlier_clients:
            person_id = holder.person_id
            record_access(
                services, request, "key_used_from_new_address", person_id, person_id, None, key=str(holder.key_id)
            )
    return holder
