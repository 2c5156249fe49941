"""Merkle proofs of tests: made, put into a credential, and read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import CRYPTOSUITE, Anchor, MerkleProof, decode_proof, encode_proof


def merkle_proof(leaf: bytes, others: Sequence[bytes], anchor: Anchor) -> MerkleProof:
    """That `leaf` is in the tree over itself and `others`, whose root is anchored there."""
    tree = merkle_tree([leaf, *others])
    return MerkleProof(path=tree.proof(leaf), merkle_root=tree.root, target_hash=leaf, anchors=(anchor,))


def with_merkle_proof(
    document: dict[str, Any], value: MerkleProof, *, did: str, created: str = "2026-04-01T02:00:00Z"
) -> dict[str, Any]:
    """The credential with the issuer's proof first and this one second."""
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": created,
        "verificationMethod": f"{did}#chain",
        "proofPurpose": "assertionMethod",
        "proofValue": encode_proof(value),
    }
    return {**document, "proof": [document["proof"][0], proof]}


def merkle_proof_in(document: dict[str, Any]) -> MerkleProof:
    """The second proof of a credential, decoded."""
    return decode_proof(document["proof"][1]["proofValue"])
