"""Verifiers of somebody else's making: what they say of our credentials, unmodified."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing import SigningKey, did_document
from shared.credential import DoNotTrust, canonical_form, key_of, verify_proof
from tests.issuing import DID, ISSUER, NOW, credential, status_list
from tests.outside_verifier import Answers, ask_outside_verifier

NOON = "2026-04-01T12:00:00+09:00"


def ask(*requests: dict[str, Any]) -> Answers:
    """What @digitalbazaar/vc says. A request's defaults: our DID document, an empty status list, noon of April 1."""
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


def test_others_accept_what_we_issue_and_make_the_same_canonical_form_of_it() -> None:
    rare = {"family_name": "𠮷野", "given_name": '辻󠄀"子\\', "family_name_latin": "O'Neill"}
    former = credential(3)
    renewal = credential(4, kind="renewal", previous_registration_id="R-00003", replaces=former["id"][-31:-5])
    documents = [credential(1), credential(2, **rare), former, renewal]
    assert "evidence" in renewal
    for document, answer in zip(documents, ask(*({"credential": each} for each in documents)), strict=True):
        assert answer == {"verified": True, "error": None, "status": False, "canonical": canonical_form(document)}


def test_a_change_of_one_character_is_refused_by_others_and_by_us() -> None:
    document = credential(1)
    forged = {field: changed(document, change) for field, change in CHANGES.items()}
    answers = ask(*({"credential": each} for each in forged.values()))
    assert {field for field, answer in zip(forged, answers, strict=True) if answer["verified"]} == set()
    for each in forged.values():
        with pytest.raises(DoNotTrust):
            verify_proof(each, key_of(each, DID))


def test_a_set_bit_is_read_by_others_as_revoked() -> None:
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


def test_another_key_cannot_issue_in_our_name() -> None:
    stranger = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), ISSUER.did)
    bare = {name: value for name, value in credential(1).items() if name != "proof"}
    forged = stranger.sign(bare, NOW)
    theirs = did_document(ISSUER.did, [stranger.public], profile_url="https://stranger.example/issuer.json")
    unknown, known = ask({"credential": forged}, {"credential": forged, "did": theirs, "statusList": None})
    assert not unknown["verified"]
    assert known["canonical"] == canonical_form(forged)
    with pytest.raises(DoNotTrust, match="assertionMethod"):
        key_of(forged, DID)
