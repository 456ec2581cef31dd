"""Personal details, which live beside the log, and the digests by which events and retries speak of them."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4


@dataclass(frozen=True, slots=True)
class Details:
    """Personal details kept beside the log, with the salt of every digest that speaks of them."""

    id: UUID
    stream_id: UUID
    salt: bytes
    data: Mapping[str, Any]
    words: str = ""

    @property
    def digest(self) -> str:
        """The salted SHA-256 that the event keeps, so that an edit of the row shows."""
        return digest(self.data, self.salt)


spelled = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(value: Any) -> bytes:
    """One spelling for equal JSON values: sorted keys, no spaces, UTF-8."""
    return spelled(value).encode()


def digest(value: Any, salt: bytes = b"") -> str:
    """The SHA-256 of a JSON value in its canonical spelling, after its salt."""
    return hashlib.sha256(salt + canonical(value)).hexdigest()


def sealed(address: str, secret: str) -> str:
    """An address as only the holder of the secret can recognise it, whatever its case."""
    return hmac.new(secret.encode(), b"oncelink erasure " + address.lower().encode(), "sha256").hexdigest()


def key_digest(key: str) -> str:
    """The SHA-256 of an Idempotency-Key, as the event keeps it."""
    return hashlib.sha256(key.encode()).hexdigest()


def kept_beside(stream_id: UUID, data: dict[str, Any], *words: str | None) -> Details:
    """Personal details for the row beside the log, with a new salt and the words they are found by."""
    return Details(uuid4(), stream_id, secrets.token_bytes(16), data, " ".join(word for word in words if word))


def reason_beside(stream_id: UUID, reason: str | None) -> tuple[tuple[Details, ...], dict[str, Any]]:
    """The row for a reason, and how the event refers to it; nothing where none was given."""
    if reason is None:
        return (), {}
    details = kept_beside(stream_id, {"reason": reason})
    return (details,), {"details_id": details.id, "details_digest": details.digest}
