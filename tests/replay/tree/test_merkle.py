"""The tree of RFC 6962: its published vectors, and proofs that hold for what they are made for and for nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from replay.tree import merkle
from replay.tree.merkle import Growing, extends, includes, leaf_hash, node_hash

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


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def root_of(hashes: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it."""
    if len(hashes) < 2:
        return hashes[0] if hashes else merkle.EMPTY_ROOT
    middle = merkle.split(len(hashes))
    return node_hash(root_of(hashes[:middle]), root_of(hashes[middle:]))


def subtrees(hashes: list[bytes]) -> merkle.Subtree:
    """The complete subtrees over some leaves."""
    return lambda level, number: root_of(hashes[number << level : (number + 1) << level])


def test_published_roots() -> None:
    growing = Growing()
    assert growing.root().hex() == ROOTS[0]
    for text, root in zip(INPUTS, ROOTS[1:], strict=True):
        growing.add(leaf_hash(bytes.fromhex(text)))
        assert growing.root().hex() == root


def test_each_leaf_completes_its_subtrees() -> None:
    hashes, growing = leaves(200), Growing()
    for number, leaf in enumerate(hashes):
        for level, root in enumerate(growing.add(leaf)):
            assert root == subtrees(hashes)(level, number >> level)
    assert growing.root() == root_of(hashes) == merkle.root(subtrees(hashes), 0, 200)


SIZES = st.integers(1, 300).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@settings(deadline=None, max_examples=60)
@given(SIZES, st.integers(0, 31))
def test_inclusion(sizes: tuple[int, int], bit: int) -> None:
    size, number = sizes
    hashes = leaves(size)
    root = root_of(hashes)
    proof = merkle.inclusion(subtrees(hashes), number, size)
    assert len(proof) <= (size - 1).bit_length()
    assert includes(root, size, number, hashes[number], proof)
    assert not includes(root, size, number, leaf_hash(b"other"), proof)
    assert not includes(leaf_hash(b"other"), size, number, hashes[number], proof)
    assert not includes(root, size, (number + 1) % size, hashes[number], proof) or size == 1
    assert not includes(root, size, number, hashes[number], [*proof, root])
    if proof:
        assert not includes(root, size, number, hashes[number], proof[:-1])
        damaged = bytearray(proof[0])
        damaged[bit] ^= 1
        assert not includes(root, size, number, hashes[number], [bytes(damaged), *proof[1:]])


@settings(deadline=None, max_examples=60)
@given(SIZES)
def test_consistency(sizes: tuple[int, int]) -> None:
    size, before = sizes
    hashes = leaves(size)
    old, new = root_of(hashes[:before]), root_of(hashes)
    proof = merkle.consistency(subtrees(hashes), before, size)
    assert len(proof) <= 2 * size.bit_length()
    assert extends(before, old, size, new, proof)
    assert not extends(before, leaf_hash(b"other"), size, new, proof)
    assert not extends(before, old, size, new, [*proof, new])
    if before:
        assert not extends(before, old, size, leaf_hash(b"other"), proof)
    assert extends(size, new, size, new, [])
    assert not extends(size + 1, new, size, new, proof)
