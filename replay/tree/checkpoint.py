"""Checkpoints (C2SP tlog-checkpoint): signed heads of the log, to be kept outside the reach of its operators."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from replay.tree import subtree_digests
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import BadSignedNote, SignedNote, Signer, Verifier, parse_notes
from replay.tree.subtree_digests import BadSubtreeDigests, SubtreeDigests

MAX_FILE_BYTES = 256 * 1024 * 1024


class BadCheckpoint(ValueError):
    """A checkpoint that is corrupt or of another log; the message says which one and why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log at a size: its root, and subtree digests that locate a change."""

    origin: str
    size: int
    root: bytes
    digests: SubtreeDigests

    @property
    def text(self) -> str:
        """The text that is signed."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.digests.format_lines()]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_note(cls, note: SignedNote) -> "Checkpoint":
        """The checkpoint in a note's text. Raises BadCheckpoint."""
        lines = note.text.removesuffix("\n").split("\n")
        try:
            origin, size, encoded_root = lines[:3]
            root = base64.b64decode(encoded_root, validate=True)
            digests = SubtreeDigests.from_lines(lines[3:])
        except BadSubtreeDigests as error:
            raise BadCheckpoint(str(error)) from None
        except ValueError:
            raise BadCheckpoint("it does not begin with an origin, a size and a root") from None
        if not (size.isascii() and size.isdigit() and str(int(size)) == size) or len(root) != 32 or not origin:
            raise BadCheckpoint("its size is not a whole number, or its root is not a SHA-256")
        return cls(origin, int(size), root, digests)


def build_origin(base_url: str, schema: str) -> str:
    """The name of a log, under which its checkpoints are signed: its base URL without scheme, and its schema."""
    return f"{base_url.partition('://')[2]}/{schema}"


def sign_checkpoint(tree: SealedTree, signer: Signer, max_digests: int | None = subtree_digests.MAX_DIGESTS) -> str:
    """A signed checkpoint of everything that is sealed. Raises DatabaseAway, BrokenTree."""
    return sign_checkpoint_of_size(tree, signer, tree.read_head().size, max_digests)


def sign_checkpoint_until(tree: SealedTree, signer: Signer, position: int) -> str | None:
    """A signed checkpoint that reaches at most a position; None where nothing is sealed up to there.

    Raises DatabaseAway, BrokenTree.
    """
    size = tree.read_head(position).size
    return sign_checkpoint_of_size(tree, signer, size) if size else None


def sign_checkpoint_of_size(
    tree: SealedTree, signer: Signer, size: int, max_digests: int | None = subtree_digests.MAX_DIGESTS
) -> str:
    """The signed checkpoint of the first `size` leaves."""
    checkpoint = Checkpoint(
        signer.name, size, tree.compute_root(size), subtree_digests.collect_digests(tree, size, max_digests)
    )
    return signer.sign_note(checkpoint.text)


def read_checkpoints(content: bytes, verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    """The checkpoints in a file, smallest first. Raises BadCheckpoint unless each is signed by one of these keys."""
    try:
        signed_notes = parse_notes(content)
    except BadSignedNote as error:
        raise BadCheckpoint(f"This is not a checkpoint: {error}.") from None
    checkpoints = []
    for number, note in enumerate(signed_notes, 1):
        try:
            note.verify_signature(verifiers)
            checkpoint = Checkpoint.from_note(note)
            if checkpoint.origin not in {item.name for item in verifiers}:
                raise BadCheckpoint(f"it is foreign: of the log {checkpoint.origin}")
        except (BadSignedNote, BadCheckpoint) as error:
            subject = f"Checkpoint {number} of {len(signed_notes)}" if len(signed_notes) > 1 else "The checkpoint"
            raise BadCheckpoint(f"{subject} cannot be used: {error}.") from None
        checkpoints.append(checkpoint)
    return sorted(checkpoints, key=lambda item: item.size)


def to_base64(hash: bytes) -> str:
    """A hash in base64, as checkpoints have it."""
    return base64.b64encode(hash).decode()
