from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from services.issuer.domain.issuance import Issuer, badge_key, status_key
from services.issuer.domain.publication import (
    IMAGE,
    always_expected,
    badge_name,
    class_objects,
    current_year,
    digest_of,
    draw_class,
    in_edition,
    issuer_objects,
    next_edition,
    status_name,
    status_number,
    status_objects,
)
from services.issuer.domain.publication import ISSUER as ISSUER_DOCUMENTS
from shared.credentials.credential import key_of, verify_proof
from tests.worlds.issuing import FACTS, ISSUER, KEY, NOW, credential


@pytest.mark.parametrize(
    ("moment", "edition"),
    [
        ("2026-03-31T23:59:59+09:00", "2025"),
        ("2026-04-01T00:00:00+09:00", "2026"),
        ("2026-03-31T15:00:00+00:00", "2026"),
        ("2027-01-01T00:00:00+09:00", "2026"),
    ],
)
def test_the_edition_changes_on_april_1_in_japan(moment: str, edition: str) -> None:
    assert current_year(ISSUER.programme, datetime.fromisoformat(moment)) == edition


def test_the_issuer_and_the_first_list_are_always_expected() -> None:
    assert always_expected() == [ISSUER_DOCUMENTS, IMAGE, status_name(1)]


def test_editions_of_a_year_are_counted() -> None:
    assert next_edition("2026", []) == "2026"
    assert next_edition("2026", ["2026"]) == "2026-2"
    assert next_edition("2026", ["2026", "2026-2"]) == "2026-3"


def test_a_class_in_another_edition_has_other_urls_and_the_same_pictures() -> None:
    first = draw_class(FACTS, "gishi", "2026")
    second = in_edition(FACTS, first, "2026-2")
    assert second == draw_class(FACTS, "gishi", "2026-2")
    assert (second.year, second.png, second.svg) == ("2026", first.png, first.svg)
    assert first.document != second.document
    assert digest_of(first) == digest_of(draw_class(FACTS, "gishi", "2026"))
    assert digest_of(first) != digest_of(draw_class(FACTS, "gishi", "2027"))


def test_a_class_is_drawn_again_only_after_a_change_that_it_shows() -> None:
    programme = ISSUER.programme
    made = FACTS.class_made_from("gishi", "2026")
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
        assert (replace(FACTS, issuer=issuer).class_made_from("gishi", "2026") == made) is same
    assert FACTS.class_made_from("gishi", "2027") != made


def test_objects_lie_where_credentials_say() -> None:
    document = credential(1)
    achievement = document["credentialSubject"]["achievement"]
    badge = {each.key: each for each in class_objects(draw_class(FACTS, "shunin-gishi", "2026"))}
    site = ISSUER.public_url + "/"
    assert achievement["id"] == site + badge_key("shunin-gishi", "2026", "json")
    assert achievement["image"]["id"] == site + badge_key("shunin-gishi", "2026", "png")
    assert set(badge) == {badge_key("shunin-gishi", "2026", form) for form in ("json", "png", "svg")}
    assert badge[badge_key("shunin-gishi", "2026", "png")].body.startswith(b"\x89PNG")
    assert b"<svg" in badge[badge_key("shunin-gishi", "2026", "svg")].body[:200]
    assert document["credentialStatus"]["statusListCredential"] == site + status_key(1)


def test_a_badge_of_an_unknown_qualification_is_refused() -> None:
    with pytest.raises(ValueError, match="kyoshi"):
        draw_class(FACTS, "kyoshi", "2026")


def test_the_published_key_verifies_what_is_published() -> None:
    did = json.loads(issuer_objects(FACTS, [KEY.public])[0].body)
    (published,) = status_objects(FACTS, 1, [5], NOW)
    for document in (credential(1), json.loads(published.body)):
        verify_proof(document, key_of(document, did))


def test_a_change_of_what_documents_are_made_from_is_noticed() -> None:
    moved = replace(FACTS, issuer=Issuer(ISSUER.programme, "https://elsewhere.example"))
    chained = replace(FACTS, chain_key={"kty": "EC"})
    assert len({FACTS.fingerprint, moved.fingerprint, chained.fingerprint}) == 3
    assert replace(FACTS).fingerprint == FACTS.fingerprint


def test_a_documents_name_says_its_kind() -> None:
    assert status_number(status_name(12)) == 12
    assert status_number(ISSUER_DOCUMENTS) is None
    assert status_number(badge_name("gishi", "2026")) is None
