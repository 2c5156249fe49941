"""Open Badges 2.0: what a verifier of that standard would refuse, miss or wrongly be told."""

from __future__ import annotations

import json
import re
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.credential import badge_document, profile_document
from services.verifier.files.halves import contradiction
from shared.credentials.baking import Unbaked
from shared.credentials.open_badges_2 import (
    assertion_of,
    badge_class_of,
    profile_of,
    revoked_assertion,
)
from shared.errors import Unreadable
from tests.worlds.credentials import ISSUER, assertion, credential, unsigned

SITE = ISSUER.public_url
FORMER = "B" * 26


def plain(document: msgspec.Struct) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(msgspec.json.encode(document))
    return made


def made(number: int = 1, *, details_public: bool = True, **changes: Any) -> dict[str, Any]:
    return plain(assertion_of(unsigned(number, **changes), public_url=SITE, details_public=details_public))


def is_url(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"https://badges\.example\.jp/[!-~]+", value) is not None


def test_an_assertion_has_what_the_standard_requires() -> None:
    """Section Assertion: id, type, recipient, badge, verification, issuedOn are mandatory."""
    it = made()
    id = assertion(1).assertion_id
    assert it["@context"] == "https://w3id.org/openbadges/v2"
    assert (it["type"], it["id"]) == ("Assertion", f"{SITE}/assertions/{id}.json")
    assert it["verification"] == {"type": "HostedBadge"}
    assert it["badge"] == f"{SITE}/ob2/badges/shunin-gishi/2026.json"
    assert it["image"] == f"{SITE}/credentials/{id}.png"
    for field, moment in (("issuedOn", "2026-04-01"), ("expires", "2030-03-31")):
        assert it[field].startswith(moment) and datetime.fromisoformat(it[field]).tzinfo is not None


def test_the_holder_is_recognised_by_the_hashed_address_only() -> None:
    """Section IdentityObject: identity is the hash of the address followed by the salt."""
    it = made()
    recipient = it["recipient"]
    assert (recipient["type"], recipient["hashed"]) == ("email", True)
    hashed = sha256(f"person1@example.jp{recipient['salt']}".encode()).hexdigest()
    assert recipient["identity"] == f"sha256${hashed}"
    assert "person1@" not in json.dumps(it) and "髙橋" not in json.dumps(it, ensure_ascii=False)


def test_the_numbers_are_shown_unless_hidden() -> None:
    assert "26-00001" in made()["narrative"] and "P25-0001" in made()["narrative"]
    hidden = made(replaces=FORMER, details_public=False)
    text = json.dumps(hidden, ensure_ascii=False)
    assert "26-00001" not in text and "P25-0001" not in text
    # The picture holds the whole credential.
    assert not {"narrative", "image"} & set(hidden)
    assert hidden["recipient"] == made(replaces=FORMER)["recipient"]


def test_the_former_registration_is_evidence() -> None:
    [evidence] = made(replaces=FORMER)["evidence"]
    assert (evidence["id"], evidence["type"]) == (f"{SITE}/V/{FORMER}", "Evidence")
    assert evidence["narrative"]
    corrected = made(version=2, corrects=FORMER)["evidence"]
    assert [each["genre"] for each in corrected] == ["correction"]
    assert "evidence" not in made()


def test_an_edition_leads_to_its_own_badge_class() -> None:
    assert made(edition="2026-2")["badge"] == f"{SITE}/ob2/badges/shunin-gishi/2026-2.json"


def test_a_revoked_assertion_says_nothing_of_the_person() -> None:
    told = plain(revoked_assertion(FORMER, public_url=SITE, reason="訂正：氏名"))
    assert told == {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Assertion",
        "id": f"{SITE}/assertions/{FORMER}.json",
        "revoked": True,
        "revocationReason": "訂正：氏名",
    }
    assert "revocationReason" not in plain(revoked_assertion(FORMER, public_url=SITE, reason=None))


@pytest.mark.parametrize("qualification", list(ISSUER.programme.qualifications))
def test_a_badge_class_has_what_the_standard_requires(qualification: str) -> None:
    """Section BadgeClass: id, type, name, description, image, criteria, issuer are mandatory."""
    given = badge_document(ISSUER, qualification, "2026-2")
    it = plain(badge_class_of(given, public_url=SITE))
    assert (it["type"], it["id"]) == ("BadgeClass", f"{SITE}/ob2/badges/{qualification}/2026-2.json")
    assert it["issuer"] == f"{SITE}/ob2/issuer.json"
    assert is_url(it["image"]) and it["image"] == given["image"]["id"]
    assert (it["name"], it["description"]) == (given["name"], given["description"])
    assert it["criteria"]["narrative"] == given["criteria"]["narrative"]
    for each in it.get("alignment", []):
        assert each["targetName"] and each["targetUrl"] and "targetType" not in each


def test_the_issuer_profile_has_what_the_standard_requires() -> None:
    """Section Profile: an issuer has id, type, name, url and email. Its id is where it is."""
    it = plain(profile_of(profile_document(ISSUER), public_url=SITE))
    society = ISSUER.programme.society
    assert (it["type"], it["id"]) == ("Issuer", f"{SITE}/ob2/issuer.json")
    assert (it["name"], it["url"], it["email"]) == (society.name.ja, society.url, society.email)
    assert is_url(it["image"])
    assert it.get("telephone") == society.phone


def test_a_hosted_assertion_is_within_its_issuers_scope() -> None:
    """HostedBadge Verification: assertion and badge class are on the origin of the issuer's profile."""
    for url in (made()["id"], made()["badge"]):
        assert is_url(url)


@given(st.text(max_size=40))
def test_a_text_is_mapped_unchanged(text: str) -> None:
    document = credential(1)
    document["credentialSubject"]["licenseNumber"] = text
    it = plain(assertion_of(document, public_url=SITE))
    assert text in it["narrative"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "https://other.example/1.json"),
        ("awardedDate", 5),
        ("validUntil", None),
        ("credentialSubject", {}),
        ("credentialSubject", {"achievement": {"id": f"{SITE}/badges/a/2026.json"}, "identifier": []}),
        ("credentialSubject", {"achievement": {"id": "https://other.example/badges/a/2026.json"}, "identifier": []}),
    ],
)
def test_a_document_of_another_kind_is_unreadable(field: str, value: object) -> None:
    with pytest.raises(Unreadable):
        assertion_of({**credential(1), field: value}, public_url=SITE)
    for read in (badge_class_of, profile_of):
        with pytest.raises(Unreadable):
            read(credential(1), public_url=SITE)


def said(half: dict[str, Any] | str, verify: str | None = None, **changes: Any) -> str | None:
    text = half if isinstance(half, str) else json.dumps(half, ensure_ascii=False)
    return contradiction(credential(1, **changes), Unbaked(assertion=text.encode(), verify=verify))


def test_the_half_that_was_baked_in_says_the_same_as_its_credential() -> None:
    given: tuple[dict[str, Any], ...] = ({}, {"replaces": FORMER}, {"edition": "2026-2"}, {"pass_number": ""})
    for changes in given:
        half = made(**changes)
        assert said(half, half["id"], **changes) is None
        assert said(dict(reversed(half.items())), **changes) is None
    assert contradiction(credential(1), Unbaked()) is None


@pytest.mark.parametrize("member", sorted(made(replaces=FORMER)))
def test_every_changed_member_of_a_half_is_noticed(member: str) -> None:
    half = made(replaces=FORMER)
    others: tuple[Any, ...] = ("x", None, [], {}, "2099-03-31T23:59:59+09:00", f"{half[member]} ")
    for value in others:
        why = said({**half, member: value}, replaces=FORMER)
        assert why is not None and member in why
        assert "26-0" not in why and "P18" not in why, "the values may be personal"
    assert said({name: value for name, value in half.items() if name != member}, replaces=FORMER) is None


@pytest.mark.parametrize(
    "half", ["", "{}x", "[]", "https://b.example/a.json", "eyJhbGciOiJub25lIn0.e30.", '{"id":1,"id":2}']
)
def test_a_half_that_is_no_object_is_noticed(half: str) -> None:
    assert said(half) is not None


@given(st.dictionaries(st.text(max_size=12), st.integers() | st.text(), min_size=1))
def test_a_member_that_is_not_of_the_half_is_noticed(more: dict[str, Any]) -> None:
    assert said({**made(), **more}) is not None


def test_the_url_beside_a_half_in_an_svg_is_compared_too() -> None:
    for verify in ("", "https://b.example/assertions/x.json", f"{made()['id']}x"):
        assert said(made(), verify) is not None
        assert contradiction(credential(1), Unbaked(verify=verify)) is not None


def test_a_credential_of_others_is_left_to_the_other_checks() -> None:
    for document in (
        {},
        {"id": 1},
        {**credential(1), "id": "https://b.example/1"},
        {**credential(1), "credentialSubject": 1},
    ):
        assert contradiction(document, Unbaked(assertion=b"{}")) is None
