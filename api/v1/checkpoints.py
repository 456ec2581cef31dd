"""The signed head of the log and proofs against it: /v1/history/checkpoint and /v1/history/proofs."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.http.dependencies import Parts, Signed
from api.http.problem_details import answers
from api.http.strict_json import StrictRoute
from domain.refusals import Invalid
from replay.tree import checkpoint
from replay.tree.sealed_tree import SealedTree

router = APIRouter(prefix="/v1/history", tags=["Proofs"], route_class=StrictRoute)

READERS = ("auditor", "admin")
LARGEST = 2**63 - 1
NOTE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "A signed note (C2SP)."}
}
Hash = Annotated[str, Field(description="A SHA-256 in base64.")]


class InclusionProof(BaseModel):
    """That the event at a position is the leaf `number` in the tree of `size` leaves (RFC 6962, audit path)."""

    position: int
    number: int
    leaf_hash: Hash
    size: int
    root_hash: Hash
    hashes: list[Hash]


class ConsistencyProof(BaseModel):
    """That the tree of `to` leaves begins with the tree of `from` leaves (RFC 6962, consistency proof)."""

    from_size: int = Field(serialization_alias="from")
    from_root_hash: Hash
    to_size: int = Field(serialization_alias="to")
    to_root_hash: Hash
    hashes: list[Hash]


class VerifierKeys(BaseModel):
    """The name that checkpoints of this log are signed under, and the keys that sign them, the one in use first."""

    name: str
    keys: list[str]


@router.get("/checkpoint", response_class=Response, responses=NOTE | answers(401, 403, 503))
def get_checkpoint(parts: Parts, caller: Signed) -> Response:
    """The signed head of the log (C2SP checkpoint), to be kept elsewhere (auditor, admin)."""
    caller.require(*READERS)
    note = checkpoint.take(SealedTree(parts.database), parts.signers[0])
    return Response(note, media_type="text/plain; charset=utf-8")


@router.get("/checkpoint/keys", response_model=VerifierKeys, responses=answers(401, 403, 503))
def get_checkpoint_keys(parts: Parts, caller: Signed) -> VerifierKeys:
    """The public keys of checkpoints; keep them with the first checkpoint (auditor, admin)."""
    caller.require(*READERS)
    keys = parts.signers
    return VerifierKeys(name=keys[0].name, keys=[key.verifier.text for key in keys])


@router.get("/proofs", response_model=InclusionProof | ConsistencyProof, responses=answers(401, 403, 422, 503))
def get_proof(
    parts: Parts,
    caller: Signed,
    position: Annotated[int | None, Query(ge=1, le=LARGEST, description="Where the event is.")] = None,
    from_size: Annotated[int | None, Query(alias="from", ge=0, le=LARGEST, description="An earlier size.")] = None,
    to: Annotated[int | None, Query(ge=0, le=LARGEST, description="A size; when absent, everything sealed.")] = None,
) -> InclusionProof | ConsistencyProof:
    """Inclusion of an event (`position`), or consistency of two sizes (`from`, `to`) of the log.

    Sizes are those of checkpoints: how many events were sealed. With `position`, `to` may name the size of an earlier
    checkpoint that the event is to be proved in.
    """
    caller.require(*READERS)
    tree = SealedTree(parts.database)
    size = size_of(tree, to)
    if (position is None) == (from_size is None):
        raise Invalid("position", "Send either position, or from and to.")
    if position is not None:
        return inclusion(tree, position, size)
    assert from_size is not None
    if from_size > size:
        raise Invalid("from", "An earlier size is not larger than the later one.")
    return consistency(tree, from_size, size)


def size_of(tree: SealedTree, wanted: int | None) -> int:
    """The size that is asked for. Raises Invalid."""
    head = tree.head()
    if wanted is not None and wanted > head.size:
        raise Invalid("to", f"Only {head.size} events are sealed so far.")
    return head.size if wanted is None else wanted


def inclusion(tree: SealedTree, position: int, size: int) -> InclusionProof:
    """The proof that an event is in the tree. Raises Invalid."""
    leaf = tree.leaf(position)
    if leaf is None:
        raise Invalid(
            "position", f"No event is sealed at this position; the last sealed one is {tree.head().position}."
        )
    if leaf.number >= size:
        raise Invalid("to", f"This event came later: it is in trees of {leaf.number + 1} leaves and more.")
    return InclusionProof(
        position=position,
        number=leaf.number,
        leaf_hash=checkpoint.in_base64(leaf.hash),
        size=size,
        root_hash=checkpoint.in_base64(tree.root(size)),
        hashes=[checkpoint.in_base64(one) for one in tree.inclusion(leaf.number, size)],
    )


def consistency(tree: SealedTree, before: int, size: int) -> ConsistencyProof:
    """The proof that the tree extends an earlier one."""
    return ConsistencyProof(
        from_size=before,
        from_root_hash=checkpoint.in_base64(tree.root(before)),
        to_size=size,
        to_root_hash=checkpoint.in_base64(tree.root(size)),
        hashes=[checkpoint.in_base64(one) for one in tree.consistency(before, size)],
    )
