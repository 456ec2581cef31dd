"""The Merkle tree of RFC 6962 as pure functions: roots, inclusion and consistency proofs, and their verification.

A `Subtree` function gives the hashes of complete subtrees: for a level and a number, the root over the leaves from
number * 2^level on. About two of them per level are enough for every proof. Leaves are level 0.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

EMPTY_ROOT = hashlib.sha256().digest()
Subtree = Callable[[int, int], bytes]


def hash_leaf(leaf: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class IncrementalTree:
    """A Merkle tree to which one leaf hash after the other is added. It keeps one hash per level."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add_leaf(self, leaf_hash: bytes) -> list[bytes]:
        """Adds a leaf's hash, and returns the roots of the subtrees that it completes, by level, itself first."""
        subtree_roots = [leaf_hash]
        size = self.size
        while size & 1:
            subtree_roots.append(hash_node(self.peaks.pop(), subtree_roots[-1]))
            size >>= 1
        self.peaks.append(subtree_roots[-1])
        self.size += 1
        return subtree_roots

    def compute_root(self) -> bytes:
        """The root over all leaves so far."""
        return join_peaks(self.peaks)


def join_peaks(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that get smaller to the right."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for left in reversed(peaks[:-1]):
        root = hash_node(left, root)
    return root


def divide_range(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yields the complete subtrees (level, number) of leaves start … end - 1, for a start that begins one."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def compute_root(subtree: Subtree, start: int, end: int) -> bytes:
    """The root over leaves start … end - 1, for a start that begins a subtree of that size."""
    return join_peaks([subtree(level, number) for level, number in divide_range(start, end)])


def prove_inclusion(subtree: Subtree, number: int, size: int) -> list[bytes]:
    """The audit path of a leaf in the tree of a size, from the leaf up (RFC 6962, 2.1.1)."""
    return build_audit_path(subtree, number, 0, size)


def build_audit_path(subtree: Subtree, number: int, start: int, end: int) -> list[bytes]:
    """The audit path of a leaf within start … end - 1."""
    if end - start <= 1:
        return []
    middle = start + find_split(end - start)
    if number < middle:
        return [*build_audit_path(subtree, number, start, middle), compute_root(subtree, middle, end)]
    return [*build_audit_path(subtree, number, middle, end), compute_root(subtree, start, middle)]


def prove_consistency(subtree: Subtree, before: int, size: int) -> list[bytes]:
    """The proof that the tree of a size begins with the tree of an earlier size (RFC 6962, 2.1.2)."""
    return [] if before in (0, size) else build_subproof(subtree, before, 0, size, root_is_known=True)


def build_subproof(subtree: Subtree, before: int, start: int, end: int, root_is_known: bool) -> list[bytes]:
    """A consistency proof within start … end - 1. `root_is_known`: the verifier has the root of that part."""
    if before == end - start:
        return [] if root_is_known else [compute_root(subtree, start, end)]
    middle = start + find_split(end - start)
    if before <= middle - start:
        return [*build_subproof(subtree, before, start, middle, root_is_known), compute_root(subtree, middle, end)]
    rest = build_subproof(subtree, before - (middle - start), middle, end, root_is_known=False)
    return [*rest, compute_root(subtree, start, middle)]


def find_split(size: int) -> int:
    """The largest power of two smaller than a size."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(root: bytes, size: int, number: int, leaf_hash: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a leaf hash is at a number in the tree of a size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= number < size:
        return False
    index, last_index, computed_root = number, size - 1, leaf_hash
    for sibling in proof:
        if last_index == 0:
            return False
        if index & 1 or index == last_index:
            computed_root = hash_node(sibling, computed_root)
            while not index & 1 and index:
                index, last_index = index >> 1, last_index >> 1
        else:
            computed_root = hash_node(computed_root, sibling)
        index, last_index = index >> 1, last_index >> 1
    return last_index == 0 and computed_root == root


def verify_consistency(before: int, before_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a tree begins with an earlier one (RFC 9162, 2.1.4.2)."""
    if before in (0, size):
        return not proof and before_root == (EMPTY_ROOT if before == 0 else root)
    if not (0 < before < size and proof):
        return False
    hashes = list(proof) if before & (before - 1) else [before_root, *proof]
    index, last_index = before - 1, size - 1
    while index & 1:
        index, last_index = index >> 1, last_index >> 1
    old_root = new_root = hashes[0]
    for sibling in hashes[1:]:
        if last_index == 0:
            return False
        if index & 1 or index == last_index:
            old_root, new_root = hash_node(sibling, old_root), hash_node(sibling, new_root)
            while not index & 1 and index:
                index, last_index = index >> 1, last_index >> 1
        else:
            new_root = hash_node(new_root, sibling)
        index, last_index = index >> 1, last_index >> 1
    return last_index == 0 and old_root == before_root and new_root == root
