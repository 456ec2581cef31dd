"""Signed checkpoints of the log and proofs against them: /v1/history/checkpoint and /v1/history/proofs."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.http.dependencies import CurrentCaller, CurrentServices
from api.http.problem_details import describe_problems
from api.http.strict_json import StrictRoute
from domain.refusals import Invalid
from replay.tree import checkpoint
from replay.tree.sealed_tree import SealedTree

router = APIRouter(prefix="/v1/history", tags=["Proofs"], route_class=StrictRoute)

READERS = ("auditor", "admin")
MAX_POSITION = 2**63 - 1
NOTE_RESPONSE: dict[int | str, dict[str, Any]] = {
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


@router.get("/checkpoint", response_class=Response, responses=NOTE_RESPONSE | describe_problems(401, 403, 503))
def get_checkpoint(services: CurrentServices, caller: CurrentCaller) -> Response:
    """The signed head of the log (C2SP checkpoint), to be kept elsewhere (auditor, admin).

    Three lines and a signature: the log's name, how many events are sealed, and the root hash
    (https://c2sp.org/tlog-checkpoint). Later checkpoints are proven to extend it with `GET /v1/history/proofs`.
    """
    caller.require_any_role(*READERS)
    note = checkpoint.sign_checkpoint(SealedTree(services.database), services.signers[0])
    return Response(note, media_type="text/plain; charset=utf-8")


@router.get("/checkpoint/keys", response_model=VerifierKeys, responses=describe_problems(401, 403, 503))
def get_checkpoint_keys(services: CurrentServices, caller: CurrentCaller) -> VerifierKeys:
    """The public keys of checkpoints; keep them with the first checkpoint (auditor, admin).

    Keys are in the form of a C2SP signed note (https://c2sp.org/signed-note). A key that was replaced stays listed.
    """
    caller.require_any_role(*READERS)
    keys = services.signers
    return VerifierKeys(name=keys[0].name, keys=[key.verifier.text for key in keys])


@router.get(
    "/proofs", response_model=InclusionProof | ConsistencyProof, responses=describe_problems(401, 403, 422, 503)
)
def get_proof(
    services: CurrentServices,
    caller: CurrentCaller,
    position: Annotated[int | None, Query(ge=1, le=MAX_POSITION, description="Where the event is.")] = None,
    from_size: Annotated[int | None, Query(alias="from", ge=0, le=MAX_POSITION, description="An earlier size.")] = None,
    to: Annotated[
        int | None, Query(ge=0, le=MAX_POSITION, description="A size; when absent, everything sealed.")
    ] = None,
) -> InclusionProof | ConsistencyProof:
    """Inclusion of an event (`position`), or consistency of two sizes (`from`, `to`) of the log.

    Sizes are those of checkpoints: how many events were sealed. With `position`, `to` may name the size of an earlier
    checkpoint that the event is to be proved in.
    """
    caller.require_any_role(*READERS)
    tree = SealedTree(services.database)
    size = resolve_size(tree, to)
    if (position is None) == (from_size is None):
        raise Invalid("position", "Send either position, or from and to.")
    if position is not None:
        return build_inclusion_proof(tree, position, size)
    assert from_size is not None
    if from_size > size:
        raise Invalid("from", "An earlier size is not larger than the later one.")
    return build_consistency_proof(tree, from_size, size)


def resolve_size(tree: SealedTree, requested_size: int | None) -> int:
    """Resolve the requested tree size; everything sealed when it is None. Raises Invalid."""
    head = tree.read_head()
    if requested_size is not None and requested_size > head.size:
        raise Invalid("to", f"Only {head.size} events are sealed so far.")
    return head.size if requested_size is None else requested_size


def build_inclusion_proof(tree: SealedTree, position: int, size: int) -> InclusionProof:
    """Build the proof that an event is in the tree. Raises Invalid."""
    leaf = tree.find_leaf(position)
    if leaf is None:
        raise Invalid(
            "position", f"No event is sealed at this position; the last sealed one is {tree.read_head().position}."
        )
    if leaf.number >= size:
        raise Invalid("to", f"This event came later: it is in trees of {leaf.number + 1} leaves and more.")
    return InclusionProof(
        position=position,
        number=leaf.number,
        leaf_hash=checkpoint.to_base64(leaf.hash),
        size=size,
        root_hash=checkpoint.to_base64(tree.compute_root(size)),
        hashes=[checkpoint.to_base64(digest) for digest in tree.prove_inclusion(leaf.number, size)],
    )


def build_consistency_proof(tree: SealedTree, from_size: int, size: int) -> ConsistencyProof:
    """Build the proof that the tree extends an earlier one."""
    return ConsistencyProof(
        from_size=from_size,
        from_root_hash=checkpoint.to_base64(tree.compute_root(from_size)),
        to_size=size,
        to_root_hash=checkpoint.to_base64(tree.compute_root(size)),
        hashes=[checkpoint.to_base64(digest) for digest in tree.prove_consistency(from_size, size)],
    )
