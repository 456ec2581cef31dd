"""Checkpoints (C2SP tlog-checkpoint): the signed head of the log, kept where nobody who runs the log can reach it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from replay.tree import subtree_digests
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import BadNote, Note, Signer, Verifier, notes
from replay.tree.subtree_digests import BadMarks, Marks

LARGEST_FILE = 256 * 1024 * 1024


class BadCheckpoint(ValueError):
    """A checkpoint that is corrupt or of another log; the message says which one and why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log of a size was: its root, and marks by which a change can be found."""

    origin: str
    size: int
    root: bytes
    marks: Marks

    @property
    def text(self) -> str:
        """What is signed."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.marks.lines()]
        return "\n".join(lines) + "\n"

    @classmethod
    def read(cls, note: Note) -> "Checkpoint":
        """The checkpoint in a note's text. Raises BadCheckpoint."""
        lines = note.text.removesuffix("\n").split("\n")
        try:
            origin, size, encoded = lines[:3]
            root = base64.b64decode(encoded, validate=True)
            found = Marks.read(lines[3:])
        except BadMarks as error:
            raise BadCheckpoint(str(error)) from None
        except ValueError:
            raise BadCheckpoint("it does not begin with an origin, a size and a root") from None
        if not (size.isascii() and size.isdigit() and str(int(size)) == size) or len(root) != 32 or not origin:
            raise BadCheckpoint("its size is not a whole number, or its root is not a SHA-256")
        return cls(origin, int(size), root, found)


def origin_of(base_url: str, schema: str) -> str:
    """The name of a log, under which its checkpoints are signed: where it is reached, and its schema."""
    return f"{base_url.partition('://')[2]}/{schema}"


def take(tree: SealedTree, signer: Signer, most_marks: int | None = subtree_digests.MOST) -> str:
    """A signed checkpoint of everything that is sealed. Raises DatabaseAway, BrokenTree."""
    return signed(tree, signer, tree.head().size, most_marks)


def take_until(tree: SealedTree, signer: Signer, position: int) -> str | None:
    """A signed checkpoint that reaches no further than a position; None where nothing is sealed up to there.

    Raises DatabaseAway, BrokenTree.
    """
    size = tree.head(position).size
    return signed(tree, signer, size) if size else None


def signed(tree: SealedTree, signer: Signer, size: int, most_marks: int | None = subtree_digests.MOST) -> str:
    """The signed checkpoint of the first leaves."""
    head = Checkpoint(signer.name, size, tree.root(size), subtree_digests.taken(tree, size, most_marks))
    return signer.note(head.text)


def opened(content: bytes, verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    """The checkpoints in a file, each signed by one of these keys, the smallest first. Raises BadCheckpoint."""
    try:
        found = notes(content)
    except BadNote as error:
        raise BadCheckpoint(f"This is not a checkpoint: {error}.") from None
    checkpoints = []
    for number, note in enumerate(found, 1):
        try:
            note.check(verifiers)
            checkpoint = Checkpoint.read(note)
            if checkpoint.origin not in {one.name for one in verifiers}:
                raise BadCheckpoint(f"it is foreign: of the log {checkpoint.origin}")
        except (BadNote, BadCheckpoint) as error:
            which = f"Checkpoint {number} of {len(found)}" if len(found) > 1 else "The checkpoint"
            raise BadCheckpoint(f"{which} cannot be used: {error}.") from None
        checkpoints.append(checkpoint)
    return sorted(checkpoints, key=lambda one: one.size)


def in_base64(hash: bytes) -> str:
    """A hash as checkpoints write it."""
    return base64.b64encode(hash).decode()
