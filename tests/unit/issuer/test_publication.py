from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from services.issuer.domain.issuance import Issuer
from services.issuer.domain.publication import ISSUER as ISSUER_DOCUMENTS
from services.issuer.domain.publication import (
    badge_name,
    class_objects,
    digest_of,
    draw_class,
    in_edition,
    issuer_objects,
    status_name,
    status_number,
    status_objects,
)
from shared import object_keys
from shared.credentials.chain_key import ChainKey
from shared.credentials.credential import key_of, verify_proof
from tests.worlds.credentials import ISSUER, KEY, NOW, SOURCES, credential


def test_a_class_in_another_edition_has_other_urls_and_the_same_pictures() -> None:
    first = draw_class(SOURCES, "gishi", "2026")
    second = in_edition(SOURCES, first, "2026-2")
    assert second == draw_class(SOURCES, "gishi", "2026-2")
    assert (second.year, second.png, second.svg) == ("2026", first.png, first.svg)
    assert first.document != second.document
    assert digest_of(first) == digest_of(draw_class(SOURCES, "gishi", "2026"))
    assert digest_of(first) != digest_of(draw_class(SOURCES, "gishi", "2027"))


def test_the_fingerprint_of_a_class_changes_with_what_it_shows_only() -> None:
    programme = ISSUER.programme
    made = SOURCES.class_made_from("gishi", "2026")
    society = msgspec.structs.replace(programme.society, president="会長　別の 人")
    elsewhere = msgspec.structs.replace(programme.qualifications["gishi"], accent="#ffffff")
    texts = msgspec.structs.replace(programme.texts, award_subject="別の件名")
    for changes, same in (
        ({"texts": texts}, True),
        ({"qualifications": {**programme.qualifications, "shindanshi": elsewhere}}, True),
        ({"qualifications": {**programme.qualifications, "gishi": elsewhere}}, False),
        ({"society": society}, False),  # more is asked than is drawn: drawn once more, it is no new edition
    ):
        issuer = Issuer(msgspec.structs.replace(programme, **changes), ISSUER.public_url)
        assert (replace(SOURCES, issuer=issuer).class_made_from("gishi", "2026") == made) is same
    assert SOURCES.class_made_from("gishi", "2027") != made


def test_objects_have_the_keys_that_credentials_name() -> None:
    document = credential(1)
    achievement = document["credentialSubject"]["achievement"]
    badge = {each.key: each for each in class_objects(draw_class(SOURCES, "shunin-gishi", "2026"))}
    site = ISSUER.public_url + "/"
    assert achievement["id"] == site + object_keys.badge_file("shunin-gishi", "2026", "json")
    assert achievement["image"]["id"] == site + object_keys.badge_file("shunin-gishi", "2026", "png")
    assert set(badge) == {object_keys.badge_file("shunin-gishi", "2026", form) for form in ("json", "png", "svg")}
    assert badge[object_keys.badge_file("shunin-gishi", "2026", "png")].body.startswith(b"\x89PNG")
    assert b"<svg" in badge[object_keys.badge_file("shunin-gishi", "2026", "svg")].body[:200]
    assert document["credentialStatus"]["statusListCredential"] == site + object_keys.status_list(1)


def test_a_badge_of_an_unknown_qualification_is_refused() -> None:
    with pytest.raises(ValueError, match="kyoshi"):
        draw_class(SOURCES, "kyoshi", "2026")


def test_the_published_key_verifies_what_is_published() -> None:
    did = json.loads(issuer_objects(SOURCES, [KEY.public])[0].body)
    (published,) = status_objects(SOURCES, 1, [5], NOW)
    for document in (credential(1), json.loads(published.body)):
        verify_proof(document, key_of(document, did))


def test_the_profile_names_the_accounts_that_send_only_where_there_are_some() -> None:
    keys = (ChainKey("A" * 43, "A" * 43, "chain-2"), ChainKey("B" * 42 + "A", "A" * 43, iat=1))
    profile = json.loads(issuer_objects(replace(SOURCES, chain_keys=keys), [KEY.public])[1].body)
    assert [set(each) for each in profile["publicKey"]] == [{"id"}, {"id", "created"}]
    assert all(each["id"].startswith("ecdsa-koblitz-pubkey:0x") for each in profile["publicKey"])
    assert "publicKey" not in json.loads(issuer_objects(SOURCES, [KEY.public])[1].body)


def test_the_fingerprint_changes_with_each_source() -> None:
    moved = replace(SOURCES, issuer=Issuer(ISSUER.programme, "https://elsewhere.example"))
    chained = replace(SOURCES, chain_keys=(ChainKey("x", "y"),))
    assert len({SOURCES.fingerprint, moved.fingerprint, chained.fingerprint}) == 3
    assert replace(SOURCES).fingerprint == SOURCES.fingerprint


def test_a_documents_name_says_its_kind() -> None:
    assert status_number(status_name(12)) == 12
    assert status_number(ISSUER_DOCUMENTS) is None
    assert status_number(badge_name("gishi", "2026")) is None
