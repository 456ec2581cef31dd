"""One's own API keys: /v1/api-keys."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Response

from api.http.dependencies import Caller, Id, IdempotencyKey, Parts, Signed, digestible
from api.http.pagination import Cursor, Limit
from api.http.problem_details import answers
from api.http.strict_json import StrictRoute
from api.services import Oncelink
from api.v1.request_bodies import ApiKeyRequest
from api.v1.response_models import ApiKey, NewApiKey, PageOf
from domain.personal_details import digest
from domain.refusals import IdempotencyKeyReused, Invalid, NotFound
from store.credentials.api_keys import derived_key, hashed, new_key

router = APIRouter(prefix="/v1/api-keys", tags=["API keys"], route_class=StrictRoute)

BEGINNING = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


@router.post("", status_code=201, response_model=NewApiKey, responses=answers(401, 413, 422, 503))
def create_api_key(
    parts: Parts, caller: Signed, key: IdempotencyKey, body: ApiKeyRequest, response: Response
) -> dict[str, Any]:
    """Makes an API key of one's own; the key is shown only here."""
    request = digest(digestible(body, route="api-keys"))
    id = uuid4() if key is None else uuid5(caller.person.id, f"api-key {key}")
    secret = new_key() if key is None else derived_key(parts.settings.keys[0], id)
    if parts.keys.make(id, caller.person.id, body.name, secret, caller.context.now, request):
        return made(parts, caller, id) | {"key": secret}
    before = made(parts, caller, id)
    if before["request_digest"] != request:
        raise IdempotencyKeyReused
    response.headers["Idempotent-Replayed"] = "true"
    return before | {"key": made_before(parts, id, before["hash"])}


@router.get("", response_model=PageOf[ApiKey], responses=answers(401, 422, 503))
def list_api_keys(parts: Parts, caller: Signed, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """One's own API keys, oldest first, without the keys themselves."""
    after = position_of(parts, caller, cursor) if cursor else BEGINNING
    found = parts.keys.page(caller.person.id, after, limit + 1)
    more = str(found[limit - 1]["id"]) if len(found) > limit else None
    return {"items": found[:limit], "next_cursor": more}


@router.delete("/{id}", status_code=204, responses=answers(401, 404, 413, 503))
def delete_api_key(parts: Parts, caller: Signed, id: Id) -> None:
    """Ends an API key of one's own."""
    if not parts.keys.delete(id, caller.person.id):
        raise NotFound


def made_before(parts: Oncelink, id: UUID, hash: bytes) -> str:
    """The key that a request made before, whichever secret made it. Raises Invalid when that secret is gone."""
    for secret in parts.settings.keys:
        key = derived_key(secret, id)
        if hashed(key) == hash:
            return key
    raise Invalid("Idempotency-Key", "The secret that made this key is no longer set, so it cannot be shown again.")


def made(parts: Oncelink, caller: Caller, id: UUID) -> dict[str, Any]:
    """A key of the caller. Raises NotFound."""
    found = parts.keys.one(id, caller.person.id)
    if found is None:
        raise NotFound
    return found


def position_of(parts: Oncelink, caller: Caller, cursor: str) -> tuple[datetime, UUID]:
    """Where a page begins. Raises Invalid."""
    try:
        before = parts.keys.one(UUID(cursor), caller.person.id)
    except ValueError:
        before = None
    if before is None:
        raise Invalid("cursor", "Send the next_cursor of the page before, unchanged.")
    return before["created_at"], before["id"]
