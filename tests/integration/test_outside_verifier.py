"""Our credentials in a third-party verifier, unmodified."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey, did_document
from shared.credentials.credential import DoNotTrust, canonical_form, key_of, verify_proof
from tests.worlds.credentials import DID, ISSUER, KEY, NOW, credential, status_list, unsigned
from tests.worlds.outside_verifier import Answers, ask_outside_verifier
from tests.worlds.shapes import shapes

NOON = "2026-04-01T12:00:00+09:00"


def ask(*requests: dict[str, Any]) -> Answers:
    """The answers of @digitalbazaar/vc. Defaults: our DID document, an empty status list, noon of April 1."""
    filled = [{"did": DID, "statusList": status_list(), "now": NOON, **request} for request in requests]
    return ask_outside_verifier(*filled)


def changed(document: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    copied = copy.deepcopy(document)
    change(copied)
    return copied


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "name": lambda c: c["credentialSubject"]["identifier"][1].update(identityHash="高橋 一郎"),  # 髙 became 高
    "pass number": lambda c: c["credentialSubject"]["identifier"][2].update(identityHash="P25-0002"),
    "address": lambda c: c["credentialSubject"]["identifier"][0].update(salt="0" * 32),
    "registration number": lambda c: c["credentialSubject"].update(licenseNumber="26-00002"),
    "end": lambda c: c.update(validUntil="2031-03-31T23:59:59+09:00"),
    "beginning": lambda c: c.update(validFrom="2026-03-01T00:00:00+09:00"),
    "day of issue": lambda c: c.update(awardedDate="2026-04-01T09:00:13+09:00"),
    "id": lambda c: c.update(id=c["id"].replace("A", "B", 1)),
    "qualification": lambda c: c["credentialSubject"]["achievement"].update(name="コンクリート診断士"),
    "issuer's name": lambda c: c["issuer"].update(name="公益社団法人 日本コンクリート工学界"),
    "bit of the status list": lambda c: c["credentialStatus"].update(statusListIndex="1"),
    "an unsigned property": lambda c: c["credentialSubject"].update(note="第一級"),
    "date of the proof": lambda c: c["proof"][0].update(created="2026-04-01T00:00:13Z"),
}


@pytest.mark.parametrize(("shape", "document"), shapes().items())
def test_the_outside_verifier_accepts_each_shape_and_makes_the_same_canonical_form(
    shape: str, document: dict[str, Any]
) -> None:
    (answer,) = ask({"credential": document})
    assert answer == {"verified": True, "error": None, "status": False, "canonical": canonical_form(document)}


def test_shapes_are_what_their_names_say() -> None:
    made = shapes()
    assert "evidence" in made["renewal"] and "evidence" not in made["renewal of one that was never a badge"]
    assert made["corrected"]["id"] != made["new"]["id"]
    assert made["corrected"]["credentialSubject"]["licenseNumber"] == made["new"]["credentialSubject"]["licenseNumber"]
    assert made["later edition of the class"]["credentialSubject"]["achievement"]["id"].endswith("/2026-2.json")


def test_a_change_of_one_character_is_rejected_by_both_verifiers() -> None:
    document = credential(1)
    forged = {field: changed(document, change) for field, change in CHANGES.items()}
    answers = ask(*({"credential": each} for each in forged.values()))
    assert {field for field, answer in zip(forged, answers, strict=True) if answer["verified"]} == set()
    for each in forged.values():
        with pytest.raises(DoNotTrust):
            verify_proof(each, key_of(each, DID))


def test_the_outside_verifier_reads_a_set_bit_as_revoked() -> None:
    document = credential(1)
    bit = int(document["credentialStatus"]["statusListIndex"])
    revoked, neighbours = ask(
        {"credential": document, "statusList": status_list(5, bit)},
        {"credential": document, "statusList": status_list(bit - 1, bit + 1, bit + 8)},
    )
    assert (revoked["verified"], revoked["status"]) == (True, True)
    assert (neighbours["verified"], neighbours["status"]) == (True, False)


def test_a_stale_or_forged_status_list_reads_as_not_checked() -> None:
    document = credential(1)
    forged = changed(status_list(7), lambda c: c["credentialSubject"].update(status_list()["credentialSubject"]))
    stale, other = ask(
        {"credential": document, "now": "2026-04-09T12:00:00+09:00"},
        {"credential": document, "statusList": forged},
    )
    assert (stale["verified"], stale["status"]) == (False, None)
    assert (other["verified"], other["status"]) == (False, None)


def test_the_outside_verifier_ends_the_period_with_the_last_second_of_its_last_day_in_japan() -> None:
    """They allow clocks to differ by five minutes. A list of that day, else it is the list that they find stale."""
    document = credential(1)
    day = datetime(2030, 3, 31, tzinfo=UTC)
    last, later, early = ask(
        *(
            {"credential": document, "now": moment, "statusList": status_list(now=day)}
            for moment in ("2030-03-31T23:59:59+09:00", "2030-04-01T00:05:00+09:00", "2026-03-31T23:54:00+09:00")
        )
    )
    assert last["verified"]
    assert not later["verified"] and 'is after "validUntil"' in later["error"]
    assert not early["verified"] and 'is before "validFrom"' in early["error"]


def test_a_rotated_key_keeps_what_it_signed_valid_only_while_the_did_document_lists_it() -> None:
    successor = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))), ISSUER.did)
    profile = f"{ISSUER.public_url}/issuer.json"
    both, without_old = (
        did_document(ISSUER.did, keys, profile_url=profile)
        for keys in ([KEY.public, successor.public], [successor.public])
    )
    not_for_assertions = {**both, "assertionMethod": [successor.verification_method]}
    old, new = credential(1), successor.sign(unsigned(2), NOW)
    lists = successor.sign(status_document(ISSUER, 1, (), NOW), NOW)
    documents = {
        "old key, listed": (old, both),
        "new key": (new, both),
        "new key, old one gone": (new, without_old),
        "old key, gone": (old, without_old),
        "old key, not for assertions": (old, not_for_assertions),
    }
    answers = ask(*({"credential": each, "did": did, "statusList": lists} for each, did in documents.values()))
    accepted = {name for name, answer in zip(documents, answers, strict=True) if answer["verified"]}
    assert accepted == {"old key, listed", "new key", "new key, old one gone"}
    assert accepted == {name for name, (each, did) in documents.items() if _signature_is_ours(each, did)}


def _signature_is_ours(document: dict[str, Any], did: dict[str, Any]) -> bool:
    try:
        verify_proof(document, key_of(document, did))
    except DoNotTrust:
        return False
    return True


def test_a_credential_signed_by_an_unlisted_key_is_rejected() -> None:
    stranger = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), ISSUER.did)
    bare = {name: value for name, value in credential(1).items() if name != "proof"}
    forged = stranger.sign(bare, NOW)
    theirs = did_document(ISSUER.did, [stranger.public], profile_url="https://stranger.example/issuer.json")
    unknown, known = ask({"credential": forged}, {"credential": forged, "did": theirs, "statusList": None})
    assert not unknown["verified"]
    assert known["canonical"] == canonical_form(forged)
    with pytest.raises(DoNotTrust, match="assertionMethod"):
        key_of(forged, DID)
