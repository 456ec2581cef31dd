"""One's own API keys: /v1/api-keys."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request, Response

from api.http.auditing.recording import record_own_access
from api.http.dependencies import Caller, CurrentCaller, CurrentServices, Id, IdempotencyKey, describe_request
from api.http.pagination import Cursor, Limit
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.request_bodies import ApiKeyRequest
from api.v1.response_models import ApiKey, NewApiKey, PageOf
from domain.personal_details import compute_digest
from domain.refusals import IdempotencyKeyReused, Invalid, NotFound
from store.credentials.api_keys import derive_key, generate_key, hash_secret

router = APIRouter(prefix="/v1/api-keys", tags=["API keys"], route_class=StrictRoute)

START_OF_LIST = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


@router.post("", status_code=201, response_model=NewApiKey, responses=describe_problems(401, 413, 422, 503))
def create_api_key(
    request: Request,
    services: CurrentServices,
    caller: CurrentCaller,
    key: IdempotencyKey,
    body: ApiKeyRequest,
    response: Response,
) -> dict[str, Any]:
    """Makes an API key of one's own; the key is shown only here.

    The key acts with its person's roles, as they are at the time of each request. It ends when it is deleted or its
    person is deactivated.
    """
    request_digest = compute_digest(describe_request(body, route="api-keys"))
    id = uuid4() if key is None else uuid5(caller.person.id, f"api-key {key}")
    secret = generate_key() if key is None else derive_key(services.settings.keys[0], id)
    if services.api_keys.create_key(id, caller.person.id, body.name, secret, caller.context.now, request_digest):
        record_own_access(services, request, caller, "key_made", key=str(id))
        return get_own_key(services, caller, id) | {"key": secret}
    existing = get_own_key(services, caller, id)
    if existing["request_digest"] != request_digest:
        raise IdempotencyKeyReused
    services.reader.await_standbys()
    response.headers["Idempotent-Replayed"] = "true"
    return existing | {"key": derive_existing_key(services, id, existing["hash"])}


@router.get("", response_model=PageOf[ApiKey], responses=describe_problems(401, 422, 503))
def list_api_keys(
    services: CurrentServices, caller: CurrentCaller, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """One's own API keys, oldest first, without the keys themselves.

    A key that was lost cannot be shown again: delete it and make another one.
    """
    after = parse_cursor(services, caller, cursor) if cursor else START_OF_LIST
    rows = services.api_keys.list_keys(caller.person.id, after, limit + 1)
    next_cursor = str(rows[limit - 1]["id"]) if len(rows) > limit else None
    return {"items": rows[:limit], "next_cursor": next_cursor}


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 404, 413, 503))
def delete_api_key(request: Request, services: CurrentServices, caller: CurrentCaller, id: Id) -> None:
    """Ends an API key of one's own.

    It is refused from the next request on. A limited key can end itself.
    """
    if not services.api_keys.delete_key(id, caller.person.id):
        raise NotFound
    record_own_access(services, request, caller, "key_revoked", key=str(id))


def derive_existing_key(services: Services, id: UUID, hash: bytes) -> str:
    """Derive the key that an earlier request with this id made. Raises Invalid when its secret is no longer set."""
    for secret in services.settings.keys:
        key = derive_key(secret, id)
        if hash_secret(key) == hash:
            return key
    raise Invalid("Idempotency-Key", "The secret that made this key is no longer set, so it cannot be shown again.")


def get_own_key(services: Services, caller: Caller, id: UUID) -> dict[str, Any]:
    """Get a key of the caller. Raises NotFound."""
    row = services.api_keys.find_key(id, caller.person.id)
    if row is None:
        raise NotFound
    return row


def parse_cursor(services: Services, caller: Caller, cursor: str) -> tuple[datetime, UUID]:
    """Parse a cursor into `(created_at, id)`. Raises Invalid."""
    try:
        row = services.api_keys.find_key(UUID(cursor), caller.person.id)
    except ValueError:
        row = None
    if row is None:
        raise Invalid("cursor", "Send the next_cursor of the page before, unchanged.")
    return row["created_at"], row["id"]
