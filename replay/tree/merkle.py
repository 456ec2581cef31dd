"""The Merkle tree of RFC 6962 as pure functions: roots, inclusion and consistency proofs, and how they are checked.

Whoever has the hashes of complete subtrees (`Subtree`: a level and a number give the root over the leaves
number * 2^level … ) can make every proof from about two of them per level. Leaves are level 0.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

EMPTY_ROOT = hashlib.sha256().digest()
Subtree = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Growing:
    """A tree that is fed one leaf hash after the other; it keeps one hash per level."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> list[bytes]:
        """Takes the next leaf's hash; the roots of the subtrees that it completes, by level, itself first."""
        completed = [leaf]
        size = self.size
        while size & 1:
            completed.append(node_hash(self.peaks.pop(), completed[-1]))
            size >>= 1
        self.peaks.append(completed[-1])
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return joined(self.peaks)


def joined(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that get smaller to the right."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for left in reversed(peaks[:-1]):
        root = node_hash(left, root)
    return root


def complete(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees (level, number) that leaves start … end - 1 are made of, for a start that begins one."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def root(subtree: Subtree, start: int, end: int) -> bytes:
    """The root over leaves start … end - 1, for a start that begins a subtree of that size."""
    return joined([subtree(level, number) for level, number in complete(start, end)])


def inclusion(subtree: Subtree, number: int, size: int) -> list[bytes]:
    """The audit path of a leaf in the tree of a size, from the leaf up (RFC 6962, 2.1.1)."""
    return path(subtree, number, 0, size)


def path(subtree: Subtree, number: int, start: int, end: int) -> list[bytes]:
    """The audit path of a leaf within start … end - 1."""
    if end - start <= 1:
        return []
    middle = start + split(end - start)
    if number < middle:
        return [*path(subtree, number, start, middle), root(subtree, middle, end)]
    return [*path(subtree, number, middle, end), root(subtree, start, middle)]


def consistency(subtree: Subtree, before: int, size: int) -> list[bytes]:
    """The proof that the tree of a size begins with the tree of an earlier size (RFC 6962, 2.1.2)."""
    return [] if before in (0, size) else subproof(subtree, before, 0, size, whole=True)


def subproof(subtree: Subtree, before: int, start: int, end: int, whole: bool) -> list[bytes]:
    """The part of a consistency proof for leaves start … end - 1; `whole` while the earlier root is known."""
    if before == end - start:
        return [] if whole else [root(subtree, start, end)]
    middle = start + split(end - start)
    if before <= middle - start:
        return [*subproof(subtree, before, start, middle, whole), root(subtree, middle, end)]
    rest = subproof(subtree, before - (middle - start), middle, end, whole=False)
    return [*rest, root(subtree, start, middle)]


def split(size: int) -> int:
    """The largest power of two smaller than a size."""
    return 1 << ((size - 1).bit_length() - 1)


def includes(root: bytes, size: int, number: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a leaf hash is at a number in the tree of a size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= number < size:
        return False
    at, last, found = number, size - 1, leaf
    for one in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(one, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, one)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def extends(before: int, before_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a tree begins with an earlier one (RFC 9162, 2.1.4.2)."""
    if before in (0, size):
        return not proof and before_root == (EMPTY_ROOT if before == 0 else root)
    if not (0 < before < size and proof):
        return False
    hashes = list(proof) if before & (before - 1) else [before_root, *proof]
    at, last = before - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for one in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, one)
        at, last = at >> 1, last >> 1
    return last == 0 and old == before_root and new == root
