"""Signed notes (C2SP signed-note) with Ed25519 keys that are derived from the service's secret keys."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
DASH = "\N{EM DASH} "


class BadNote(ValueError):
    """This is not a note signed by a key that is known; the message says why."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under the name of the log that it signs for."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which signatures name the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The key as verifiers are given it: name, id and key, joined by +."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def read(cls, text: str) -> "Verifier":
        """A key from its text. Raises BadNote."""
        try:
            name, id, key = text.strip().split("+", 2)
            raw = base64.b64decode(key, validate=True)
        except ValueError:
            raise BadNote("a verifier key is name+id+key, as `oncelink checkpoint --key` prints it") from None
        found = cls(name, raw[1:])
        if raw[:1] != ED25519 or len(raw) != 33 or found.id.hex() != id.lower():
            raise BadNote("this is not an Ed25519 verifier key, or it was damaged")
        return found

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether this key made a signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under the name of the log that it signs for."""

    name: str
    private: Ed25519PrivateKey

    @classmethod
    def derived(cls, name: str, secret: str) -> "Signer":
        """The key that belongs to a secret key of the service; its seed is known only to whoever has that."""
        seed = hashlib.sha256(b"oncelink checkpoint " + secret.encode()).digest()
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())

    def note(self, text: str) -> str:
        """A text, which ends in a newline and has no empty line, with its signature."""
        signature = base64.b64encode(self.verifier.id + self.private.sign(text.encode())).decode()
        return f"{text}\n{DASH}{self.name} {signature}\n"


def signers(name: str, secrets: Sequence[str]) -> list[Signer]:
    """The keys of all secret keys; the first one signs, all of them are recognised."""
    return [Signer.derived(name, secret) for secret in secrets]


@dataclass(frozen=True, slots=True)
class Note:
    """A text with the signatures under it: name, key id and signature."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def check(self, verifiers: Sequence[Verifier]) -> None:
        """Lets pass what one of these keys signed. Raises BadNote."""
        known = {(one.name, one.id): one for one in verifiers}
        for name, id, signature in self.signatures:
            if (name, id) in known:
                if not known[name, id].signed(self.text.encode(), signature):
                    raise BadNote("its signature does not fit its text: it was changed or damaged")
                return
        signed_by = ", ".join(f"{name}+{id.hex()}" for name, id, _ in self.signatures)
        ours = ", ".join(f"{one.name}+{one.id.hex()}" for one in verifiers)
        raise BadNote(f"it is foreign: signed by {signed_by}, and the keys that are known here are {ours or 'none'}")


def notes(content: bytes) -> list[Note]:
    """The notes in a file, one after the other. Raises BadNote."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise BadNote("it is not UTF-8 text") from None
    found: list[Note] = []
    body: list[str] = []
    signatures: list[tuple[str, bytes, bytes]] = []
    for line in [*text.split("\n"), ""]:
        if line.startswith(DASH) and body and not body[-1]:
            signatures.append(signature_of(line))
            continue
        if signatures:
            found.append(Note("\n".join(body), tuple(signatures)))
            body, signatures = [], []
        if line or body:
            body.append(line)
    if any(body):
        raise BadNote("it has no signature: a checkpoint ends with a line that begins with an em dash")
    if not found:
        raise BadNote("it is empty")
    return found


def signature_of(line: str) -> tuple[str, bytes, bytes]:
    """Name, key id and signature of a line. Raises BadNote."""
    try:
        name, encoded = line.removeprefix(DASH).split(" ")
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise BadNote("a signature line cannot be read") from None
    if len(raw) != 4 + 64:
        raise BadNote("a signature has the wrong length")
    return name, raw[:4], raw[4:]
