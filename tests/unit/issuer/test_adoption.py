from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.adoption import DoNotReplace, adopted, published_list, whole_credential
from services.issuer.domain.issuance import StatusPlace, assertion_id_of, issued
from services.issuer.domain.publication import as_first_edition, draw_class, in_edition
from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey
from shared.credentials.credential import leaf_of
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import Anchor, MerkleProof, encode_proof
from shared.credentials.status_list import LENGTH
from shared.errors import Unreadable
from shared.events import AssertionIssued
from tests.worlds.credentials import ISSUER, KEY, NOW, SECRET, SOURCES, assertion, credential, status_list

KEYS = [KEY.public]
OTHER = SigningKey(Ed25519PrivateKey.generate(), KEY.did)
ANCHORED = {"type": "DataIntegrityProof", "cryptosuite": "merkle-proof-2019", "created": "2026-04-02T00:00:00Z"}


def expected(number: int = 1, **changes: Any) -> AssertionIssued:
    """What is announced of an assertion that was signed once more: with another bit and hash."""
    return issued(replace(assertion(number, **changes), status=StatusPlace(9, 9), edition="2030"), "00")


def encoded(document: dict[str, Any]) -> bytes:
    return msgspec.json.encode(document)


def test_the_announcement_says_what_the_stored_credential_says() -> None:
    former: dict[str, Any] = {"replaces": assertion_id_of(SECRET, "R-1"), "corrects": assertion_id_of(SECRET, "R-2")}
    document, known = credential(1, **former), issued(assertion(1, **former), "")
    found = adopted(encoded(document), expected(1), KEYS)
    assert found.credential == encoded(document)
    assert found.announcement == msgspec.structs.replace(known, leaf=leaf_of(document), issued_at=NOW)


def test_an_anchored_credential_is_adopted_with_the_issuers_proof_only() -> None:
    document = credential(1)
    body = encoded({**document, "proof": [*document["proof"], ANCHORED]})
    assert adopted(body, expected(1), KEYS) == adopted(encoded(document), expected(1), KEYS)
    assert adopted(body, expected(1), KEYS).credential == encoded(document)


def test_a_name_that_differs_is_the_credentials() -> None:
    found = adopted(encoded(credential(1, family_name="高橋", given_name="花子")), expected(1), KEYS)
    assert (found.announcement.holder.family_name, found.announcement.holder.given_name) == ("高橋", "花子")


LATIN = {"family_name_latin": "TAKAHASHI", "given_name_latin": "Ichiro"}


@pytest.mark.parametrize(
    ("signed", "registered", "announced"),
    [
        (LATIN, LATIN, "TAKAHASHI Ichiro"),
        (LATIN, {}, "TAKAHASHI Ichiro"),
        (LATIN, {"family_name_latin": "TAKAHASI", "given_name_latin": "Ichirou"}, "TAKAHASHI Ichiro"),
        ({"family_name_latin": "Suharto"}, {}, "Suharto"),
        ({}, LATIN, "TAKAHASHI Ichiro"),  # of a release that signed none
        ({}, {}, None),
    ],
)
def test_the_latin_name_is_the_credentials_where_it_has_one(
    signed: dict[str, Any], registered: dict[str, Any], announced: str | None
) -> None:
    found = adopted(encoded(credential(1, **signed)), expected(1, **registered), KEYS)
    assert found.announcement.holder.latin == announced


def broken() -> dict[str, dict[str, Any]]:
    document = credential(1)
    status = document["credentialStatus"]
    return {
        "another assertion's": credential(2),
        "changed after it was signed": {**document, "validUntil": "2031-03-31T23:59:59+09:00"},
        "of another key": OTHER.sign({name: value for name, value in document.items() if name != "proof"}, NOW),
        "without a status": {name: value for name, value in document.items() if name != "credentialStatus"},
        "with another index": {**document, "credentialStatus": {**status, "statusListIndex": "1"}},
        "without a proof": {**document, "proof": []},
    }


@pytest.mark.parametrize("case", list(broken()))
def test_what_is_not_this_credential_by_our_key_is_unreadable_and_not_to_be_replaced_if_anchored(case: str) -> None:
    document = broken()[case]
    with pytest.raises(Unreadable):
        adopted(encoded(document), expected(1), KEYS)
    with pytest.raises(DoNotReplace, match="proof of an anchoring"):
        adopted(encoded({**document, "proof": [*document["proof"], ANCHORED]}), expected(1), KEYS)


@pytest.mark.parametrize("damage", [b"\xff", b"["])
def test_damaged_bytes_of_ours_are_unreadable_and_not_to_be_replaced_if_anchored(damage: bytes) -> None:
    body = encoded(credential(1)).replace(b"https", damage, 1)
    with pytest.raises(Unreadable):
        adopted(body, expected(1), KEYS)
    with pytest.raises(DoNotReplace):
        adopted(body + encoded(ANCHORED), expected(1), KEYS)
    with pytest.raises(Unreadable):
        published_list(encoded(status_list(1)).replace(b"https", damage, 1), 1, KEYS)


@given(st.binary(max_size=50))
def test_bytes_that_are_no_credential_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        adopted(body, expected(1), KEYS)
    with pytest.raises(Unreadable):
        published_list(body, 1, KEYS)


@given(st.sets(st.integers(0, LENGTH - 1), max_size=40))
def test_a_published_list_gives_its_bits_back(bits: set[int]) -> None:
    found = published_list(encoded(status_list(*bits)), 1, KEYS)
    assert (set(found.bits), found.valid_from) == (bits, NOW)


@pytest.mark.parametrize("case", ["another number", "another key", "changed"])
def test_a_list_that_is_not_this_one_by_our_key_is_unreadable(case: str) -> None:
    document = {
        "another number": KEY.sign(status_document(ISSUER, 2, [1], NOW), NOW),
        "another key": OTHER.sign(status_document(ISSUER, 1, [1], NOW), NOW),
        "changed": {**status_list(1), "validUntil": "2031-03-31T23:59:59+09:00"},
    }[case]
    with pytest.raises(Unreadable):
        published_list(encoded(document), 1, KEYS)


def test_a_published_edition_is_the_same_as_when_it_was_drawn() -> None:
    drawn = draw_class(SOURCES, "gishi", "2026")
    assert as_first_edition(in_edition(SOURCES, drawn, "2026-3")) == drawn
    assert as_first_edition(drawn) == drawn


# ── the whole credential, with what is stored of it ─────────────────────────────────────────────────────

FIRST = credential(1)
LEAF = leaf_of(FIRST)


def second_proof(leaf: str, root: bytes | None = None, chain_id: int = 31337) -> dict[str, Any]:
    tree = merkle_tree([bytes.fromhex(leaf), b"x" * 32])
    value = MerkleProof(
        path=tree.proof(bytes.fromhex(leaf)),
        merkle_root=root or tree.root,
        target_hash=bytes.fromhex(leaf),
        anchors=(Anchor(chain_id, "0x" + "1" * 64),),
    )
    return {**ANCHORED, "proofValue": encode_proof(value)}


def with_proofs(*proofs: dict[str, Any], **changes: Any) -> bytes:
    return encoded({**FIRST, "proof": [*FIRST["proof"], *proofs], **changes})


@pytest.mark.parametrize("stored", [None, b"", b"{", b"[]", b'{"proof": 7}', b'{"proof": [7, {}]}', b"\xff"])
def test_of_nothing_useful_the_whole_is_what_was_signed(stored: bytes | None) -> None:
    assert whole_credential(encoded(FIRST), LEAF, stored) == encoded(FIRST)


def test_proofs_of_the_anchoring_are_kept_whatever_else_is_broken() -> None:
    proofs = [second_proof(LEAF), second_proof(LEAF, chain_id=560048)]
    for changes in ({}, {"issuer": "somebody else"}, {"proof": [{"first": "gone"}, *proofs]}):
        assert whole_credential(encoded(FIRST), LEAF, with_proofs(*proofs, **changes)) == with_proofs(*proofs)


@pytest.mark.parametrize(
    "proof",
    [
        second_proof("00" * 32),
        second_proof(LEAF, root=b"y" * 32),
        {**second_proof(LEAF), "cryptosuite": "another"},
        {**ANCHORED, "proofValue": "z1"},
        {**ANCHORED},
    ],
    ids=["another leaf", "another root", "another suite", "no proof value", "without one"],
)
def test_what_does_not_lead_from_the_leaf_to_its_root_is_no_proof(proof: dict[str, Any]) -> None:
    assert whole_credential(encoded(FIRST), LEAF, with_proofs(proof)) == encoded(FIRST)
