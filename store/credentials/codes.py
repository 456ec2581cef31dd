"""The codes in URLs: a token's id under AES-SIV, so that only this service makes one and none is ever stored."""

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
    """Makes and opens codes. The first secret key makes them, all of them open them (RFC 5297, AES-256-SIV).

    The purpose is associated data: a manage code does not open as a book code.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys:
            raise ValueError("at least one secret key is needed")
        self.ciphers = [AESSIV(hashlib.sha512(b"oncelink code " + key.encode()).digest()) for key in secret_keys]

    def make(self, id: UUID, purpose: Purpose) -> str:
        """The code of a token for a purpose: 43 URL-safe characters, always the same."""
        sealed = self.ciphers[0].encrypt(id.bytes, [purpose.encode()])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, code: str, purpose: Purpose) -> UUID | None:
        """The token's id, or None for anything that this service did not make for that purpose."""
        sealed = decoded(code)
        if sealed is None:
            return None
        for cipher in self.ciphers:
            try:
                return UUID(bytes=cipher.decrypt(sealed, [purpose.encode()]))
            except InvalidTag:
                continue
        return None


def decoded(code: str) -> bytes | None:
    """The 32 bytes of a code in its one spelling: base64 is lenient, so it is encoded again and compared."""
    if len(code) != CODE_LENGTH or not code.isascii():
        return None
    try:
        sealed = base64.b64decode(code + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    again = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    return sealed if again == code else None
