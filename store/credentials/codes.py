"""The codes in URLs: a token's id encrypted with AES-SIV. Only this service can make one, and none is stored."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

Purpose = Literal["book", "manage", "calendar"]
CODE_LENGTH = 43


class Codes:
    """Creates and opens codes. The first secret key creates them, any of them opens them (RFC 5297, AES-256-SIV).

    The purpose is associated data: a manage code does not open as a book code.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys:
            raise ValueError("at least one secret key is needed")
        self.ciphers = [AESSIV(hashlib.sha512(b"oncelink code " + key.encode()).digest()) for key in secret_keys]

    def create_code(self, id: UUID, purpose: Purpose) -> str:
        """Returns the code of an id for a purpose: 43 URL-safe characters, always the same."""
        ciphertext = self.ciphers[0].encrypt(id.bytes, [purpose.encode()])
        return base64.urlsafe_b64encode(ciphertext).rstrip(b"=").decode()

    def open_code(self, code: str, purpose: Purpose) -> UUID | None:
        """Returns the id of a code, or None if this service did not make it for that purpose."""
        ciphertext = decode_code(code)
        if ciphertext is None:
            return None
        for cipher in self.ciphers:
            try:
                return UUID(bytes=cipher.decrypt(ciphertext, [purpose.encode()]))
            except InvalidTag:
                continue
        return None


def decode_code(code: str) -> bytes | None:
    """Decodes a code to 32 bytes, or None. Base64 is lenient, so the result is encoded again and compared."""
    if len(code) != CODE_LENGTH or not code.isascii():
        return None
    try:
        ciphertext = base64.b64decode(code + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    encoded_again = base64.urlsafe_b64encode(ciphertext).rstrip(b"=").decode()
    return ciphertext if encoded_again == code else None
