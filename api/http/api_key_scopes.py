"""API key scopes: a limited key may use a short list of operations, on its person's own things."""

from uuid import UUID

from fastapi import Request

from api.http.access.key_scopes import ALL, is_within_scopes
from domain.refusals import Forbidden
from store.credentials.api_keys import CredentialHolder

EXTENSION = "extension"
PAIRING_PATH = "/extension/pair"  # where the extension exchanges its one-time code for a key
OWN_KEY = ("DELETE", "/v1/api-keys/{id}")
OPERATIONS: dict[str, frozenset[tuple[str, str]]] = {
    EXTENSION: frozenset(
        {
            ("GET", "/v1/me"),
            ("GET", "/v1/links"),
            ("POST", "/v1/links/{id}/single-use"),
            ("GET", "/v1/single-use"),
            ("GET", "/v1/single-use/{id}"),
            ("POST", "/v1/single-use/{id}/revoke"),
            OWN_KEY,  # so that disconnecting ends the key
        }
    )
}
LIMITED_ROLES = frozenset({"member"})  # a manager's limited key is a member's


def require_scope(holder: CredentialHolder, request: Request) -> None:
    """Require that a limited key may use this operation, and ends no key but itself. Raises Forbidden."""
    operation = (request.method, request.scope["route"].path)
    if operation not in OPERATIONS.get(holder.scope or "", ()):
        raise Forbidden
    if operation == OWN_KEY and not is_same_id(request.path_params["id"], holder.key_id):
        raise Forbidden


def require_scopes(holder: CredentialHolder, request: Request) -> None:
    """Require that one of a key's scopes suffices for this operation; of keys it ends only itself. Raises Forbidden."""
    if holder.scopes is None or ALL in holder.scopes:
        return
    operation = (request.method, request.scope["route"].path)
    if not is_within_scopes(holder.scopes, *operation):
        raise Forbidden
    if operation == OWN_KEY and not is_same_id(request.path_params["id"], holder.key_id):
        raise Forbidden


def is_same_id(text: str, id: UUID | None) -> bool:
    """Whether a text is this id, in any spelling."""
    try:
        return UUID(text) == id
    except ValueError:
        return False
