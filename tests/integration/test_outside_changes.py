"""Every change of one character of a whole signed credential is rejected by a third-party verifier and by ours.

Rejected by the third-party one: the text is no JSON any more, or @digitalbazaar/vc throws, or says `verified: false`.
Rejected by ours: `read_document` can't read it, or the verdict is "not-valid".
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from services.verifier.check.evidence import Evidence, Unavailable
from services.verifier.check.status_list import read_status_list
from shared.credentials.merkle_proof import decode_proof
from tests.worlds.changes import OurVerifier, after, every_change
from tests.worlds.credentials import DID, ISSUER, credential, status_list
from tests.worlds.outside_verifier import Change, ask_about_changes
from tests.worlds.shapes import RARE, anchored

NOON = datetime(2026, 4, 1, 3, tzinfo=UTC)
CREDENTIAL = credential(4, **RARE, kind="renewal", previous_registration_id="R-00003", replaces="A" * 26)
TEXT = msgspec.json.encode(CREDENTIAL).decode()
OURS = OurVerifier(Evidence(DID, read_status_list(status_list(), DID), Unavailable("no chain here")), ISSUER.did, NOON)

SAME_STATEMENT = {(TEXT.index('"criteria":') + 1, "C")}
"""Open Badges' context 3.0.3 gives the property `criteria` the IRI of the class `Criteria`, so `"Criteria": {…}` makes
the same statement, and any JSON-LD signature of it is valid. It changes no content. Ours rejects it: software that
reads names would find no criteria."""


def test_every_change_of_one_character_but_one_is_rejected_by_the_outside_verifier() -> None:
    changes = every_change(TEXT)
    asked = {"text": TEXT, "did": DID, "statusList": status_list(), "now": NOON.isoformat()}
    assert ask_about_changes([(0, "{")], **asked) == [None], "unchanged it is accepted"
    rejections = ask_about_changes(changes, **asked)
    assert {place for place, _ in changes} == set(range(len(TEXT)))
    assert _accepted(changes, [reason is None for reason in rejections]) == SAME_STATEMENT
    assert set(rejections) == {"no JSON", "proof", None}


def test_every_change_of_one_character_is_rejected_by_our_verifier() -> None:
    changes = every_change(TEXT)
    assert OURS.verdict(TEXT) == "in-progress", "unchanged it waits for its anchoring only"
    verdicts = OURS.verdicts(TEXT, changes)
    assert _accepted(changes, [verdict != "not-valid" for verdict in verdicts]) == set()


def test_a_change_of_the_proof_of_anchoring_changes_nothing_that_a_valid_verdict_says() -> None:
    """The second proof comes after the signature, so nothing signs it: the verifier computes what matters in it again.

    The rest may change and the badge stays valid: the labels (type, date, purpose, name of the key), and the
    transaction that the proof names, once a node doesn't know it any more. The registry answers by root.
    """
    document, chain = anchored(CREDENTIAL)
    text = msgspec.json.encode(document).decode()
    ours = OurVerifier(Evidence(DID, read_status_list(status_list(), DID), chain), ISSUER.did, NOON)
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
