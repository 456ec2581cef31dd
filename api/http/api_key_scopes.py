"""What a key of a limited scope may do: a short list of operations, and of these only what is its person's own."""

from uuid import UUID

from fastapi import Request

from domain.refusals import Forbidden
from store.credentials.api_keys import Holder

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
ROLES = frozenset({"member"})  # a manager's limited key is a member's


def require_within(holder: Holder, request: Request) -> None:
    """Lets a limited key go on to its operations only, and end no key but itself. Raises Forbidden."""
    operation = (request.method, request.scope["route"].path)
    if operation not in OPERATIONS.get(holder.scope or "", ()):
        raise Forbidden
    if operation == OWN_KEY and not is_id(request.path_params["id"], holder.key_id):
        raise Forbidden


def is_id(text: str, id: UUID | None) -> bool:
    """Whether a text is this id, however it is written."""
    try:
        return UUID(text) == id
    except ValueError:
        return False
