"""The second proof of a credential, and the manifest of a batch. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.anchor.domain.anchoring import Included
from shared.credentials.merkle import Path, Tree
from shared.credentials.merkle_proof import CRYPTOSUITE, Anchor, MerkleProof, decode_proof, encode_proof
from shared.errors import Unreadable
from shared.events import AssertionAnchored


@dataclass(frozen=True)
class Place:
    """Where roots stand. `contract` in lower-case hexadecimal with 0x; `network` is a name of the configuration."""

    network: str
    chain_id: int
    contract: str


@dataclass(frozen=True)
class FinalBatch:
    """A batch whose root is final on chain."""

    root: bytes
    place: Place
    included: Included


def proof_for(batch: FinalBatch, leaf: bytes, path: Path, verification_method: str) -> dict[str, str]:
    """The Data Integrity proof (merkle-proof-2019) that a leaf is under the batch's root; dated by its block."""
    value = MerkleProof(
        path=path,
        merkle_root=batch.root,
        target_hash=leaf,
        anchors=(Anchor(batch.place.chain_id, batch.included.transaction),),
    )
    return {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": _utc(batch.included.anchored_at),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
        "proofValue": encode_proof(value),
    }


def with_proof(credential: bytes, proof: dict[str, str]) -> bytes:
    """The credential with `proof` as the last of its proofs, in place of one from the same chain.

    Doing it again gives the same bytes. Unreadable when it isn't a credential with an array of proofs.
    """
    try:
        document = msgspec.json.decode(credential, type=dict[str, Any])
        proofs = msgspec.convert(document.get("proof"), list[dict[str, Any]])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Unreadable(f"expected a credential with an array of proofs: {error}") from error
    if not proofs:
        raise Unreadable("got a credential without a proof, expected the issuer's")
    chains = _chains(proof)
    kept = [each for each in proofs if each.get("cryptosuite") != CRYPTOSUITE or _chains(each) != chains]
    return msgspec.json.encode({**document, "proof": [*kept, proof]})


def anchored(assertion_id: str, batch: FinalBatch, leaf: bytes, path: Path) -> AssertionAnchored:
    """What the others are told once the credential carries the proof."""
    return AssertionAnchored(
        assertion_id=assertion_id,
        leaf=leaf.hex(),
        merkle_root=batch.root.hex(),
        path=tuple((side, sibling.hex()) for side, sibling in path),
        network=batch.place.network,
        chain_id=batch.place.chain_id,
        contract=batch.place.contract,
        transaction=batch.included.transaction,
        block_number=batch.included.block_number,
        block_hash=batch.included.block_hash,
        anchored_at=batch.included.anchored_at,
    )


def manifest_for(batches: Sequence[FinalBatch], leaves: Sequence[bytes]) -> bytes:
    """All that a stranger needs to rebuild the tree and find it on each chain; nothing personal. JSON.

    `batches`: the same root on one network after the other, first the one that the proofs name.
    """
    return msgspec.json.format(
        msgspec.json.encode(
            {
                "root": batches[0].root.hex(),
                "anchors": [
                    {
                        "network": batch.place.network,
                        "chain_id": batch.place.chain_id,
                        "contract": batch.place.contract,
                        "transaction": batch.included.transaction,
                        "block_number": batch.included.block_number,
                        "block_hash": batch.included.block_hash,
                        "anchored_at": _utc(batch.included.anchored_at),
                    }
                    for batch in batches
                ],
                "leaves": [leaf.hex() for leaf in leaves],
            }
        ),
        indent=1,
    )


class Trees:
    """The tree that was used last, so that a batch is hashed once and not for each hundred of its leaves."""

    def __init__(self) -> None:
        self._last: Tree | None = None

    def find(self, root: bytes) -> Tree | None:
        return self._last if self._last is not None and self._last.root == root else None

    def keep(self, tree: Tree) -> Tree:
        self._last = tree
        return tree


def _chains(proof: dict[str, Any]) -> tuple[int, ...]:
    return tuple(anchor.chain_id for anchor in decode_proof(str(proof.get("proofValue"))).anchors)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
