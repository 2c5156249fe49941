"""The second proof of a credential, and the manifest of a batch. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.anchor.domain.anchoring import Deployment, Inclusion
from shared.count_events import StatementAnchored
from shared.credentials.merkle import Path, Tree, merkle_tree
from shared.credentials.merkle_proof import CRYPTOSUITE, Anchor, MerkleProof, decode_proof, encode_proof
from shared.errors import Unreadable
from shared.events import AssertionAnchored


@dataclass(frozen=True)
class FinalAnchor:
    """A Merkle root that is final in a deployment of our contract, and the block that includes it."""

    root: bytes
    deployment: Deployment
    inclusion: Inclusion


def proof_for(anchor: FinalAnchor, leaf: bytes, path: Path, verification_method: str) -> dict[str, str]:
    """The Data Integrity proof (merkle-proof-2019) that a leaf is under the anchored root; dated by its block."""
    value = MerkleProof(
        path=path,
        merkle_root=anchor.root,
        target_hash=leaf,
        anchors=(Anchor(anchor.deployment.chain_id, anchor.inclusion.transaction),),
    )
    return {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": _utc(anchor.inclusion.anchored_at),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
        "proofValue": encode_proof(value),
    }


def with_proof(credential: bytes, proof: dict[str, str]) -> bytes:
    """The credential with `proof` as the last of its proofs; it replaces one that names the same chain.

    Idempotent, byte for byte. Unreadable when it isn't a credential with an array of proofs.
    """
    try:
        document = msgspec.json.decode(credential, type=dict[str, Any])
        proofs = msgspec.convert(document.get("proof"), list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"expected a credential with an array of proofs: {error}") from error
    if not proofs:
        raise Unreadable("got a credential without a proof, expected the issuer's")
    kept = proofs
    if any(each.get("cryptosuite") == CRYPTOSUITE for each in proofs):
        chains = _chains(proof)
        kept = [each for each in proofs if each.get("cryptosuite") != CRYPTOSUITE or _chains(each) != chains]
    return msgspec.json.encode({**document, "proof": [*kept, proof]})


def lacks_last_proof(before: bytes, after: bytes) -> bool:
    """Whether `after` (of `with_proof`) is `before` with one proof more."""
    document: dict[str, Any] = msgspec.json.decode(after)
    return msgspec.json.encode({**document, "proof": document["proof"][:-1]}) == before


def anchored(assertion_id: str, anchor: FinalAnchor, leaf: bytes, path: Path) -> AssertionAnchored:
    """The event for the other services, announced once the credential carries the proof."""
    return AssertionAnchored(
        assertion_id=assertion_id,
        leaf=leaf.hex(),
        merkle_root=anchor.root.hex(),
        path=tuple((side, sibling.hex()) for side, sibling in path),
        network=anchor.deployment.network,
        chain_id=anchor.deployment.chain_id,
        contract=anchor.deployment.contract,
        transaction=anchor.inclusion.transaction,
        block_number=anchor.inclusion.block_number,
        block_hash=anchor.inclusion.block_hash,
        anchored_at=anchor.inclusion.anchored_at,
    )


def statement_anchored(statement_id: str, anchor: FinalAnchor, leaf: bytes) -> StatementAnchored:
    """The same of a statement of the public count, for the office's board."""
    cohort, _, number = statement_id.rpartition("/")
    return StatementAnchored(
        statement_id=statement_id,
        cohort=cohort,
        number=int(number),
        leaf=leaf.hex(),
        merkle_root=anchor.root.hex(),
        network=anchor.deployment.network,
        chain_id=anchor.deployment.chain_id,
        contract=anchor.deployment.contract,
        transaction=anchor.inclusion.transaction,
        block_number=anchor.inclusion.block_number,
        block_hash=anchor.inclusion.block_hash,
        anchored_at=anchor.inclusion.anchored_at,
    )


def manifest_for(anchors: Sequence[FinalAnchor], leaves: Sequence[bytes]) -> bytes:
    """Everything needed to rebuild the tree and to find its root on each chain; no personal data. JSON.

    `anchors`: of one root, one for each network; the first is the one that the proofs name.
    """
    return msgspec.json.format(
        msgspec.json.encode(
            {
                "root": anchors[0].root.hex(),
                "anchors": [
                    {
                        "network": anchor.deployment.network,
                        "chain_id": anchor.deployment.chain_id,
                        "contract": anchor.deployment.contract,
                        "transaction": anchor.inclusion.transaction,
                        "block_number": anchor.inclusion.block_number,
                        "block_hash": anchor.inclusion.block_hash,
                        "anchored_at": _utc(anchor.inclusion.anchored_at),
                    }
                    for anchor in anchors
                ],
                "leaves": [leaf.hex() for leaf in leaves],
            }
        ),
        indent=1,
    )


@dataclass(frozen=True)
class Manifest:
    """What a batch's manifest tells: all its leaves, and where its root is final; first the anchor of its proofs."""

    root: bytes
    anchors: tuple[FinalAnchor, ...]
    leaves: tuple[bytes, ...]


def read_manifest(body: bytes, root: bytes) -> Manifest:
    """The manifest as `manifest_for` made it. Unreadable when it isn't one, or its leaves don't lead to `root`."""
    try:
        written = msgspec.json.decode(body, type=_WrittenManifest)
        leaves = tuple(bytes.fromhex(leaf) for leaf in written.leaves)
        found = merkle_tree(leaves).root
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Unreadable(f"expected the manifest of batch {root.hex()}: {error}") from error
    if found != root or written.root != root.hex() or not written.anchors:
        raise Unreadable(f"got the manifest of {written.root} with leaves of {found.hex()}, expected {root.hex()}")
    return Manifest(
        root,
        tuple(
            FinalAnchor(
                root,
                Deployment(each.network, each.chain_id, each.contract),
                Inclusion(each.transaction, each.block_number, each.block_hash, each.anchored_at),
            )
            for each in written.anchors
        ),
        leaves,
    )


def has_more_anchors(body: bytes, root: bytes, known: Sequence[FinalAnchor]) -> bool:
    """Whether it is a manifest of this batch that names a network beyond those that are `known`, and all of these."""
    try:
        told = {anchor.deployment for anchor in read_manifest(body, root).anchors}
    except Unreadable:
        return False
    return told > {anchor.deployment for anchor in known}


class _WrittenAnchor(msgspec.Struct, frozen=True):
    network: str
    chain_id: int
    contract: str
    transaction: str
    block_number: int
    block_hash: str
    anchored_at: datetime


class _WrittenManifest(msgspec.Struct, frozen=True):
    root: str
    anchors: tuple[_WrittenAnchor, ...]
    leaves: tuple[str, ...]


class TreeCache:
    """Keeps the last tree, so that a batch is hashed once and not for each hundred of its leaves."""

    def __init__(self) -> None:
        self._last: Tree | None = None

    def find(self, root: bytes) -> Tree | None:
        return self._last if self._last is not None and self._last.root == root else None

    def keep(self, tree: Tree) -> Tree:
        self._last = tree
        return tree


def _chains(proof: dict[str, Any]) -> tuple[int, ...]:
    return tuple(each.chain_id for each in decode_proof(str(proof.get("proofValue"))).anchors)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
