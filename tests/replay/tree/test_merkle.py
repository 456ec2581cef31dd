"""The tree of RFC 6962: its published vectors, and proofs that hold for what they are made for and for nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from replay.tree import merkle
from replay.tree.merkle import IncrementalTree, hash_leaf, hash_node, verify_consistency, verify_inclusion

# the inputs, and roots of their first n, that Certificate Transparency's own implementations are tested with
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def build_leaves(size: int) -> list[bytes]:
    return [hash_leaf(str(number).encode()) for number in range(size)]


def compute_root(hashes: list[bytes]) -> bytes:
    """Compute the root as RFC 6962 defines it."""
    if len(hashes) < 2:
        return hashes[0] if hashes else merkle.EMPTY_ROOT
    middle = merkle.find_split(len(hashes))
    return hash_node(compute_root(hashes[:middle]), compute_root(hashes[middle:]))


def build_subtrees(hashes: list[bytes]) -> merkle.Subtree:
    """Build a lookup of the complete subtrees over some leaves."""
    return lambda level, number: compute_root(hashes[number << level : (number + 1) << level])


def test_published_roots() -> None:
    tree = IncrementalTree()
    assert tree.compute_root().hex() == ROOTS[0]
    for text, root in zip(INPUTS, ROOTS[1:], strict=True):
        tree.add_leaf(hash_leaf(bytes.fromhex(text)))
        assert tree.compute_root().hex() == root


def test_each_leaf_completes_its_subtrees() -> None:
    hashes, tree = build_leaves(200), IncrementalTree()
    for number, leaf in enumerate(hashes):
        for level, root in enumerate(tree.add_leaf(leaf)):
            assert root == build_subtrees(hashes)(level, number >> level)
    assert tree.compute_root() == compute_root(hashes) == merkle.compute_root(build_subtrees(hashes), 0, 200)


SIZES = st.integers(1, 300).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@settings(deadline=None, max_examples=60)
@given(SIZES, st.integers(0, 31))
def test_inclusion(sizes: tuple[int, int], bit: int) -> None:
    size, number = sizes
    hashes = build_leaves(size)
    root = compute_root(hashes)
    proof = merkle.prove_inclusion(build_subtrees(hashes), number, size)
    assert len(proof) <= (size - 1).bit_length()
    assert verify_inclusion(root, size, number, hashes[number], proof)
    assert not verify_inclusion(root, size, number, hash_leaf(b"other"), proof)
    assert not verify_inclusion(hash_leaf(b"other"), size, number, hashes[number], proof)
    assert not verify_inclusion(root, size, (number + 1) % size, hashes[number], proof) or size == 1
    assert not verify_inclusion(root, size, number, hashes[number], [*proof, root])
    if proof:
        assert not verify_inclusion(root, size, number, hashes[number], proof[:-1])
        damaged_hash = bytearray(proof[0])
        damaged_hash[bit] ^= 1
        assert not verify_inclusion(root, size, number, hashes[number], [bytes(damaged_hash), *proof[1:]])


@settings(deadline=None, max_examples=60)
@given(SIZES)
def test_consistency(sizes: tuple[int, int]) -> None:
    size, old_size = sizes
    hashes = build_leaves(size)
    old_root, new_root = compute_root(hashes[:old_size]), compute_root(hashes)
    proof = merkle.prove_consistency(build_subtrees(hashes), old_size, size)
    assert len(proof) <= 2 * size.bit_length()
    assert verify_consistency(old_size, old_root, size, new_root, proof)
    assert not verify_consistency(old_size, hash_leaf(b"other"), size, new_root, proof)
    assert not verify_consistency(old_size, old_root, size, new_root, [*proof, new_root])
    if old_size:
        assert not verify_consistency(old_size, old_root, size, hash_leaf(b"other"), proof)
    assert verify_consistency(size, new_root, size, new_root, [])
    assert not verify_consistency(size + 1, new_root, size, new_root, proof)
