"""Signed notes (C2SP signed-note) with Ed25519 keys that are derived from the service's secret keys."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
SIGNATURE_PREFIX = "\N{EM DASH} "


class BadSignedNote(ValueError):
    """This is not a note signed by a known key. The message says why."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name of the log that it signs for."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        """The key id: four bytes, by which signatures refer to the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    @property
    def text(self) -> str:
        """The verifier key as text: name, id and key, joined by +."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public_key).decode()}"

    @classmethod
    def from_text(cls, text: str) -> "Verifier":
        """A key from its text. Raises BadSignedNote."""
        try:
            name, id, key = text.strip().split("+", 2)
            key_bytes = base64.b64decode(key, validate=True)
        except ValueError:
            raise BadSignedNote("a verifier key is name+id+key, as `oncelink checkpoint --key` prints it") from None
        verifier = cls(name, key_bytes[1:])
        if key_bytes[:1] != ED25519 or len(key_bytes) != 33 or verifier.id.hex() != id.lower():
            raise BadSignedNote("this is not an Ed25519 verifier key, or it was damaged")
        return verifier

    def has_signed(self, text: bytes, signature: bytes) -> bool:
        """Whether this key made a signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with the name of the log that it signs for."""

    name: str
    private_key: Ed25519PrivateKey

    @classmethod
    def from_secret(cls, name: str, secret: str) -> "Signer":
        """The key that is derived from a secret key of the service."""
        seed = hashlib.sha256(b"oncelink checkpoint " + secret.encode()).digest()
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def verifier(self) -> Verifier:
        """The public key."""
        return Verifier(self.name, self.private_key.public_key().public_bytes_raw())

    def sign_note(self, text: str) -> str:
        """The signed note of a text, which must end in a newline and have no empty line."""
        signature = base64.b64encode(self.verifier.id + self.private_key.sign(text.encode())).decode()
        return f"{text}\n{SIGNATURE_PREFIX}{self.name} {signature}\n"


def derive_signers(name: str, secrets: Sequence[str]) -> list[Signer]:
    """The keys of all secret keys. The first one signs, all of them verify."""
    return [Signer.from_secret(name, secret) for secret in secrets]


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text with its signatures: name, key id and signature."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def verify_signature(self, verifiers: Sequence[Verifier]) -> None:
        """Checks that one of these keys signed it. Raises BadSignedNote."""
        verifiers_by_id = {(verifier.name, verifier.id): verifier for verifier in verifiers}
        for name, id, signature in self.signatures:
            if (name, id) in verifiers_by_id:
                if not verifiers_by_id[name, id].has_signed(self.text.encode(), signature):
                    raise BadSignedNote("its signature does not fit its text: it was changed or damaged")
                return
        signer_keys = ", ".join(f"{name}+{id.hex()}" for name, id, _ in self.signatures)
        known_keys = ", ".join(f"{verifier.name}+{verifier.id.hex()}" for verifier in verifiers)
        raise BadSignedNote(
            f"it is foreign: signed by {signer_keys}, and the keys that are known here are {known_keys or 'none'}"
        )


def parse_notes(content: bytes) -> list[SignedNote]:
    """The notes in a file, in their order. Raises BadSignedNote."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise BadSignedNote("it is not UTF-8 text") from None
    signed_notes: list[SignedNote] = []
    body: list[str] = []
    signatures: list[tuple[str, bytes, bytes]] = []
    for line in [*text.split("\n"), ""]:
        if line.startswith(SIGNATURE_PREFIX) and body and not body[-1]:
            signatures.append(parse_signature(line))
            continue
        if signatures:
            signed_notes.append(SignedNote("\n".join(body), tuple(signatures)))
            body, signatures = [], []
        if line or body:
            body.append(line)
    if any(body):
        raise BadSignedNote("it has no signature: a checkpoint ends with a line that begins with an em dash")
    if not signed_notes:
        raise BadSignedNote("it is empty")
    return signed_notes


def parse_signature(line: str) -> tuple[str, bytes, bytes]:
    """Name, key id and signature of a signature line. Raises BadSignedNote."""
    try:
        name, encoded = line.removeprefix(SIGNATURE_PREFIX).split(" ")
        signature_bytes = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise BadSignedNote("a signature line cannot be read") from None
    if len(signature_bytes) != 4 + 64:
        raise BadSignedNote("a signature has the wrong length")
    return name, signature_bytes[:4], signature_bytes[4:]
