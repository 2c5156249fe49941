"""One credential of each shape that the issuer makes, signed; the people are fictional."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from services.issuer.domain.issuance import assertion_id_of
from services.verifier.check.evidence import ChainAnswers
from shared.chain.facts import NetworkAnswers, RegistryEntry, TransactionFacts
from shared.credentials.credential import leaf_of
from shared.credentials.merkle_proof import Anchor
from tests.worlds.credentials import ISSUER, NOW, SECRET, credential
from tests.worlds.merkle import merkle_proof, with_merkle_proof

RARE = {"family_name": "𠮷野", "given_name": '辻󠄀"子\\', "family_name_latin": "O'Neill"}


def shapes() -> dict[str, dict[str, Any]]:
    """By name; each of another person, unless it corrects one before it."""
    former = assertion_id_of(SECRET, "R-00003")
    renewal = {"kind": "renewal", "previous_registration_id": "R-00003"}
    return {
        "new": credential(1),
        "new, of the second qualification": credential(2),
        "new, of the third qualification": credential(3),
        "rare characters": credential(5, **RARE),
        "with a Latin name": credential(8, family_name_latin="TAKAHASHI", given_name_latin="Ichiro"),
        "renewal": credential(4, **renewal, replaces=former),
        "renewal of one that was never a badge": credential(6, **renewal),
        "corrected": credential(1, version=2, corrects=assertion_id_of(SECRET, "R-00001"), family_name="高橋"),
        "corrected renewal": credential(
            4, **renewal, version=2, replaces=former, corrects=assertion_id_of(SECRET, "R-00004")
        ),
        "later edition of the class": credential(7, edition="2026-2"),
    }


def anchored(document: dict[str, Any]) -> tuple[dict[str, Any], ChainAnswers]:
    """The credential with its second proof, among four leaves, and a chain that has their root."""
    leaf = bytes.fromhex(leaf_of(document))
    hash = "0x" + sha256(b"the transaction").hexdigest()
    value = merkle_proof(leaf, [sha256(bytes([n])).digest() for n in range(3)], Anchor(31337, hash))
    registry = "0x" + "1" * 40
    facts = TransactionFacts(
        hash=hash, sender=registry, to=registry, input=value.merkle_root, nonce=0, succeeded=True, block_number=5
    )
    return with_merkle_proof(document, value, did=ISSUER.did), (
        NetworkAnswers(
            network="local",
            chain_id=31337,
            contract=registry,
            finalized_block=9,
            anchorings={value.merkle_root: RegistryEntry(NOW, 5)},
            transactions={hash: facts},
        ),
    )
