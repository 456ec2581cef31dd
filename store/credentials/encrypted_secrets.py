"""Secrets of people that the service itself must use: encrypted with the secret keys, for one row and one purpose."""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

NONCE_BYTES = 16


class SealBroken(Exception):
    """What was sealed cannot be opened: the secret key that sealed it is not set any more."""


class Seals:
    """Seals and opens. The first secret key seals, all of them open (RFC 5297, AES-256-SIV with a nonce)."""

    def __init__(self, secret_keys: Sequence[str], purpose: str) -> None:
        self.purpose = purpose.encode()
        self.keys = [
            hashlib.sha512(b"oncelink seal " + self.purpose + b" " + key.encode()).digest() for key in secret_keys
        ]
        self.ciphers = [AESSIV(key) for key in self.keys]

    def seal(self, id: UUID, secret: Mapping[str, Any]) -> bytes:
        """The secret as it may rest in the row of this id."""
        nonce = os.urandom(NONCE_BYTES)
        text = json.dumps(secret).encode()
        return nonce + self.ciphers[0].encrypt(text, [self.purpose, id.bytes, nonce])

    def open(self, id: UUID, sealed: bytes) -> dict[str, Any]:
        """The secret of this row. Raises SealBroken."""
        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for cipher in self.ciphers:
            try:
                opened: dict[str, Any] = json.loads(cipher.decrypt(text, [self.purpose, id.bytes, nonce]))
            except InvalidTag:
                continue
            return opened
        raise SealBroken

    def is_current(self, id: UUID, sealed: bytes) -> bool:
        """Whether the first secret key sealed it; else it should be sealed again while the other key still opens it."""
        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            self.ciphers[0].decrypt(text, [self.purpose, id.bytes, nonce])
        except InvalidTag:
            return False
        return True

    def digest(self, values: Any) -> bytes:
        """What stands for values without giving them away: nobody without the key can try guesses on it."""
        return hmac.digest(self.keys[0], json.dumps(values, sort_keys=True).encode(), "sha256")
