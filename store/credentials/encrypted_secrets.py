"""People's secrets that the service itself must use, encrypted with the secret keys for one row and one purpose."""

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


class DecryptionFailed(Exception):
    """The secret cannot be decrypted: the secret key that encrypted it is not set any more."""


class SecretCipher:
    """Encrypts with the first secret key and decrypts with any (RFC 5297, AES-256-SIV with a nonce)."""

    def __init__(self, secret_keys: Sequence[str], purpose: str) -> None:
        self.purpose = purpose.encode()
        self.keys = [
            hashlib.sha512(b"oncelink seal " + self.purpose + b" " + key.encode()).digest() for key in secret_keys
        ]
        self.ciphers = [AESSIV(key) for key in self.keys]

    def encrypt_secret(self, id: UUID, secret: Mapping[str, Any]) -> bytes:
        """Encrypts a secret for the row of this id. Returns the nonce followed by the ciphertext."""
        nonce = os.urandom(NONCE_BYTES)
        plaintext = json.dumps(secret).encode()
        return nonce + self.ciphers[0].encrypt(plaintext, [self.purpose, id.bytes, nonce])

    def decrypt_secret(self, id: UUID, encrypted_secret: bytes) -> dict[str, Any]:
        """Decrypts the secret of this row. Raises DecryptionFailed."""
        nonce, ciphertext = encrypted_secret[:NONCE_BYTES], encrypted_secret[NONCE_BYTES:]
        for cipher in self.ciphers:
            try:
                secret: dict[str, Any] = json.loads(cipher.decrypt(ciphertext, [self.purpose, id.bytes, nonce]))
            except InvalidTag:
                continue
            return secret
        raise DecryptionFailed

    def is_encrypted_with_first_key(self, id: UUID, encrypted_secret: bytes) -> bool:
        """Whether the first secret key encrypted it. If not, encrypt it again while the other key is set."""
        nonce, ciphertext = encrypted_secret[:NONCE_BYTES], encrypted_secret[NONCE_BYTES:]
        try:
            self.ciphers[0].decrypt(ciphertext, [self.purpose, id.bytes, nonce])
        except InvalidTag:
            return False
        return True

    def compute_digest(self, values: Any) -> bytes:
        """Returns an HMAC-SHA-256 of values, which nobody without the key can test guesses on."""
        return hmac.digest(self.keys[0], json.dumps(values, sort_keys=True).encode(), "sha256")
