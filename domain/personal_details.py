"""Personal details, which are stored beside the log, and the digests by which events and retries refer to them."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

from domain.email_addresses import fold_address


@dataclass(frozen=True, slots=True)
class PersonalDetails:
    """A row of personal details, with the salt of every digest that refers to it."""

    id: UUID
    stream_id: UUID
    salt: bytes
    data: Mapping[str, Any]
    words: str = ""

    @property
    def digest(self) -> str:
        """The salted SHA-256 that the event stores, so that an edit of the row can be detected."""
        return compute_digest(self.data, self.salt)


encode_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def encode_canonical_json(value: Any) -> bytes:
    """Encodes a JSON value canonically: sorted keys, no spaces, UTF-8."""
    return encode_json(value).encode()


def compute_digest(value: Any, salt: bytes = b"") -> str:
    """Returns the SHA-256 (hex) of the salt followed by the canonical JSON of a value."""
    return hashlib.sha256(salt + encode_canonical_json(value)).hexdigest()


def compute_address_hmac(address: str, secret: str) -> str:
    """Returns an HMAC-SHA-256 (hex) of a folded address. Only the holder of the secret can recognise it."""
    return hmac.new(secret.encode(), b"oncelink erasure " + fold_address(address).encode(), "sha256").hexdigest()


def compute_key_digest(key: str | None) -> str | None:
    """Returns the SHA-256 (hex) of an Idempotency-Key, as events store it; None without a key."""
    return None if key is None else hashlib.sha256(key.encode()).hexdigest()


def create_personal_details(stream_id: UUID, data: dict[str, Any], *words: str | None) -> PersonalDetails:
    """Creates a row of personal details with a new id and salt, and the words that a search finds it by."""
    return PersonalDetails(uuid4(), stream_id, secrets.token_bytes(16), data, " ".join(word for word in words if word))


def create_text_details(
    stream_id: UUID, name: Literal["reason", "message"], text: str | None
) -> tuple[tuple[PersonalDetails, ...], dict[str, Any]]:
    """Creates the row of a reason or message, and the event fields that refer to it. Both are empty without a text."""
    if text is None:
        return (), {}
    details = create_personal_details(stream_id, {name: text})
    return (details,), {"details_id": details.id, "details_digest": details.digest}
