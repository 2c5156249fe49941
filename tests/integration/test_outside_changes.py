"""Every change of one character of a whole signed credential: rejected by others, and by us.

Rejected by others means: the text is no JSON any more, or @digitalbazaar/vc throws, or it says `verified: false`.
By us: `read_document` can't read it, or the verdict is "not-valid". Nothing else counts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from services.verifier.evidence import Away, ChainAnswers, Evidence
from shared.chain_facts import Anchoring, TransactionFacts
from shared.credential import canonical_form, leaf_of
from shared.merkle import merkle_tree
from shared.merkle_proof import Anchor, MerkleProof, decode_proof, encode_proof
from tests.changes import OurVerifier, after, every_change
from tests.issuing import DID, ISSUER, credential, status_list
from tests.outside_verifier import Change, ask_about_changes
from tests.shapes import RARE

NOON = datetime(2026, 4, 1, 3, tzinfo=UTC)
CREDENTIAL = credential(4, **RARE, kind="renewal", previous_registration_id="R-00003", replaces="A" * 26)
TEXT = msgspec.json.encode(CREDENTIAL).decode()
OURS = OurVerifier(Evidence(DID, status_list(), Away("no chain here")), ISSUER.did, NOON)

SAME_STATEMENT = {(TEXT.index('"criteria":') + 1, "C")}
"""Open Badges' context 3.0.3 gives the property `criteria` the very IRI of the class `Criteria`, so `"Criteria": {…}`
makes the same statement, word for word, and any JSON-LD signature of it holds. No content can be changed by it."""


def test_no_change_of_one_character_is_accepted_by_others() -> None:
    changes = every_change(TEXT)
    asked = {"text": TEXT, "did": DID, "statusList": status_list(), "now": NOON.isoformat()}
    assert ask_about_changes([(0, "{")], **asked) == [None], "unchanged it is accepted"
    rejections = ask_about_changes(changes, **asked)
    assert {place for place, _ in changes} == set(range(len(TEXT)))
    assert _accepted(changes, [reason is None for reason in rejections]) == SAME_STATEMENT
    assert set(rejections) == {"no JSON", "proof", None}


def test_no_change_of_one_character_is_accepted_by_us() -> None:
    changes = every_change(TEXT)
    assert OURS.verdict(TEXT) == "in-progress", "unchanged it waits for its anchoring only"
    verdicts = OURS.verdicts(TEXT, changes)
    assert _accepted(changes, [verdict != "not-valid" for verdict in verdicts]) == SAME_STATEMENT


def test_the_one_change_that_is_accepted_says_the_same() -> None:
    (change,) = SAME_STATEMENT
    assert canonical_form(msgspec.json.decode(after(TEXT, change))) == canonical_form(msgspec.json.decode(TEXT))


def test_a_change_of_the_proof_of_anchoring_changes_nothing_that_a_valid_verdict_says() -> None:
    """The second proof comes after the signature, so nothing signs it: what matters in it is computed and asked again.

    What remains may be changed and the badge stays valid: the labels (type, date, purpose, name of the key), and the
    transaction that the proof names, once a node doesn't know it any more. The registry answers by root.
    """
    document, chain = _anchored()
    text = msgspec.json.encode(document).decode()
    ours = OurVerifier(Evidence(DID, status_list(), chain), ISSUER.did, NOON)
    assert ours.verdict(text) == "valid"
    changes = every_change(text, text.index('{"type":"DataIntegrityProof"', text.index('"proofValue"')))
    proof = decode_proof(document["proof"][1]["proofValue"])
    for change, verdict in zip(changes, ours.verdicts(text, changes), strict=True):
        if verdict == "valid":
            changed = msgspec.json.decode(after(text, change))
            kept = decode_proof(changed["proof"][1]["proofValue"])
            assert (kept.target_hash, kept.path, kept.merkle_root) == (proof.target_hash, proof.path, proof.merkle_root)
            assert {**changed, "proof": changed["proof"][:1]} == {**document, "proof": document["proof"][:1]}


def _accepted(changes: list[Change], accepted: list[bool]) -> set[Change]:
    return {change for change, each in zip(changes, accepted, strict=True) if each}


def _anchored() -> tuple[dict[str, Any], ChainAnswers]:
    """The credential with its second proof, among four leaves, and a chain that has their root."""
    document = CREDENTIAL
    leaf = bytes.fromhex(leaf_of(document))
    tree = merkle_tree([leaf, *(sha256(bytes([n])).digest() for n in range(3))])
    hash = "0x" + sha256(b"the transaction").hexdigest()
    value = MerkleProof(path=tree.proof(leaf), merkle_root=tree.root, target_hash=leaf, anchors=(Anchor(31337, hash),))
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "merkle-proof-2019",
        "created": "2026-04-01T02:00:00Z",
        "verificationMethod": f"{ISSUER.did}#chain",
        "proofPurpose": "assertionMethod",
        "proofValue": encode_proof(value),
    }
    registry = "0x" + "1" * 40
    facts = TransactionFacts(
        hash=hash, sender=registry, to=registry, input=tree.root, nonce=0, succeeded=True, block_number=5
    )
    return {**document, "proof": [*document["proof"], proof]}, ChainAnswers(
        network="local",
        chain_id=31337,
        registry=registry,
        finalized_block=9,
        anchorings={tree.root: Anchoring(NOON, 5)},
        transactions={hash: facts},
    )
