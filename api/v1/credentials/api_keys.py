"""One's own API keys: /v1/api-keys."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Query, Request, Response

from api.http.access.entries import record_access
from api.http.auditing.recording import record_own_access
from api.http.dependencies import Caller, CurrentCaller, CurrentServices, Id, IdempotencyKey
from api.http.pagination import Cursor, Limit
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.request_bodies import ApiKeyRequest
from api.v1.response_models import ApiKey, NewApiKey, PageOf
from domain.aggregate import Aggregate
from domain.person import Person
from domain.personal_details import compute_digest
from domain.refusals import IdempotencyKeyReused, Invalid, NotFound
from projections.queries.name_lookups import Named
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

    The key acts with its person's roles, as they are at the time of each request, within its `scopes`: `read` looks at
    everything but the history; `single-use` issues and revokes single-use links; `bookings` moves, cancels and
    reassigns meetings; `history` reads the log and past states; `all`, or none, is everything. It ends at `expires_at`,
    when it is deleted, or when its person is deactivated.
    """
    if body.expires_at is not None and body.expires_at <= caller.context.now:
        raise Invalid("expires_at", "Send an instant in the future.")
    # without what is not sent, as it was before keys had scopes
    body_sent = {name: value for name, value in body.model_dump(mode="json").items() if value is not None}
    request_digest = compute_digest({"route": "api-keys", "body": body_sent})
    id = uuid4() if key is None else uuid5(caller.person.id, f"api-key {key}")
    secret = generate_key() if key is None else derive_key(services.settings.keys[0], id)
    person_id, now = caller.person.id, caller.context.now
    if services.api_keys.create_key(
        id, person_id, body.name, secret, now, request_digest, body.scopes, body.expires_at
    ):
        record_own_access(services, request, caller, "key_made", key=str(id))
        return get_own_key(services, caller, id) | {"key": secret}
    existing = get_own_key(services, caller, id)
    if existing["request_digest"] != request_digest:
        raise IdempotencyKeyReused
    services.reader.await_standbys()
    response.headers["Idempotent-Replayed"] = "true"
    return existing | {"key": derive_existing_key(services, id, existing["hash"])}


@router.get("", response_model=PageOf[ApiKey], responses=describe_problems(401, 403, 422, 503))
def list_api_keys(
    services: CurrentServices,
    caller: CurrentCaller,
    view: Annotated[Literal["mine", "all"], Query(description="`all`: everybody's (admin).")] = "mine",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """API keys, oldest first, without the keys themselves: one's own, or everybody's for admins.

    A key that was lost cannot be shown again: delete it and make another one. `last_used_at` and `last_used_from` are
    exact to five minutes; null while it was never used.
    """
    if view == "all":
        caller.require_any_role("admin")
    after = parse_cursor(services, caller, view, cursor) if cursor else START_OF_LIST
    keys = services.api_keys
    rows = keys.list_all_keys(after, limit + 1) if view == "all" else keys.list_keys(caller.person.id, after, limit + 1)
    next_cursor = str(rows[limit - 1]["id"]) if len(rows) > limit else None
    return {"items": add_owners(services, rows[:limit]), "next_cursor": next_cursor}


@router.delete("/{id}", status_code=204, responses=describe_problems(401, 404, 413, 503))
def delete_api_key(request: Request, services: CurrentServices, caller: CurrentCaller, id: Id) -> None:
    """Ends an API key of one's own; admins end anybody's.

    It is refused from the next request on. A limited key can end itself.
    """
    revoke_key(services, request, caller, id)


def revoke_key(services: Services, request: Request, caller: Caller, id: UUID) -> None:
    """End a key of the caller, or for an admin anybody's. Raises NotFound."""
    row = services.api_keys.find_any_key(id)
    if row is None or (row["person_id"] != caller.person.id and "admin" not in caller.context.roles):
        raise NotFound
    services.api_keys.delete_key(id, row["person_id"])
    record_access(services, request, "key_revoked", caller.person.id, row["person_id"], None, key=str(id))


def add_owners(services: Services, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to keys whose they are."""
    owners = services.administration.load_aggregates({row["person_id"] for row in rows}, fresh=False)
    return [row | {"person": describe_owner(row["person_id"], owners.get(row["person_id"]))} for row in rows]


def describe_owner(id: UUID, owner: Aggregate | None) -> Named:
    """Describe whose a key is."""
    return Named(id=id, name=owner.properties.name if isinstance(owner, Person) else "")


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


def parse_cursor(services: Services, caller: Caller, view: str, cursor: str) -> tuple[datetime, UUID]:
    """Parse a cursor into `(created_at, id)`. Raises Invalid."""
    try:
        keys, id = services.api_keys, UUID(cursor)
        row = keys.find_any_key(id) if view == "all" else keys.find_key(id, caller.person.id)
    except ValueError:
        row = None
    if row is None:
        raise Invalid("cursor", "Send the next_cursor of the page before, unchanged.")
    return row["created_at"], row["id"]
