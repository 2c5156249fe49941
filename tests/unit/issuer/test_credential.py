from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from services.issuer.domain.credential import (
    LATIN_NAME,
    PASS_NUMBER,
    achievement_of,
    badge_document,
    credential_of,
    hashed_identity,
    last_second,
    profile_document,
    salt_of,
)
from services.issuer.domain.issuance import Issuer
from services.issuer.signing.signer import Signer
from shared.clock import JST
from shared.credentials.credential import DoNotSign, canonical_form, leaf_of, verify_proof
from tests.worlds.credentials import ISSUER, KEY, NOW, SECRET, assertion, credential, unsigned


def test_the_credential_says_what_the_award_says() -> None:
    document = unsigned(1)
    name, number = document["credentialSubject"]["identifier"][1:]
    assert (name["identityType"], name["identityHash"]) == ("name", "髙橋 一郎")
    assert (number["identityType"], number["identityHash"]) == (PASS_NUMBER, "P25-0001")
    assert document["credentialSubject"]["licenseNumber"] == "26-00001"
    assert document["validFrom"] == "2026-04-01T00:00:00+09:00"
    assert document["validUntil"] == "2030-03-31T23:59:59+09:00"
    assert document["awardedDate"] == "2026-04-01T09:00:12+09:00"
    assert document["id"] == f"https://badges.example.jp/credentials/{assertion(1).assertion_id}.json"
    assert document["credentialSubject"]["achievement"]["image"]["id"].endswith("/badges/shunin-gishi/2026.png")


def test_address_and_ids_of_the_person_are_not_in_the_credential() -> None:
    text = str(unsigned(1, family_name_latin="TAKAHASHI", given_name_latin="Ichiro"))
    for secret in ("person1@example.jp", "person-1", "R-00001"):
        assert secret not in text


@pytest.mark.parametrize(
    ("family", "given", "signed"),
    [
        ("TAKAHASHI", "Ichiro", "TAKAHASHI Ichiro"),
        ("O'Neill-Smith", None, "O'Neill-Smith"),
        (None, "Suharto", "Suharto"),
        ("", "", None),
        (None, None, None),
    ],
)
def test_the_latin_name_is_signed_as_upstream_gives_it(
    family: str | None, given: str | None, signed: str | None
) -> None:
    document = unsigned(1, family_name_latin=family, given_name_latin=given)
    found = [
        each["identityHash"]
        for each in document["credentialSubject"]["identifier"]
        if each["identityType"] == LATIN_NAME
    ]
    assert found == ([] if signed is None else [signed])
    assert re.fullmatch("ext:[A-Za-z0-9._-]+", LATIN_NAME)
    if signed is not None:
        assert f'"{LATIN_NAME}"' in canonical_form(document) and f'"{signed}"' in canonical_form(document)
    by_template = Signer(ISSUER, KEY, SECRET, Random(1))
    for _ in range(2):  # the first of a shape is compared with the full algorithm, the second is the template's alone
        sealed = by_template.sign(assertion(1, family_name_latin=family, given_name_latin=given), NOW)
        assert sealed.leaf == leaf_of(KEY.sign(document, NOW))


def test_the_holder_can_prove_the_address_by_the_hash() -> None:
    identity = unsigned(1, email="Person1@EXAMPLE.jp ")["credentialSubject"]["identifier"][0]
    assert identity["identityHash"] == hashed_identity("person1@example.jp", identity["salt"])
    assert identity["identityHash"] != hashed_identity("person2@example.jp", identity["salt"])


def test_two_badges_of_one_person_have_different_hashes() -> None:
    one, other = (unsigned(n, email="same@example.jp")["credentialSubject"]["identifier"][0] for n in (1, 2))
    assert one["identityHash"] != other["identityHash"]
    assert salt_of(SECRET, assertion(1).assertion_id) == one["salt"]


def test_issuing_again_gives_the_same_bytes() -> None:
    assert credential(1) == credential(1)


def test_a_badge_issued_before_its_period_is_dated_to_its_first_moment() -> None:
    early = unsigned(1, now=datetime(2026, 3, 31, 14, 59, 59, tzinfo=UTC))
    assert early["awardedDate"] == early["validFrom"]


@given(st.datetimes(datetime(2026, 4, 1), datetime(2031, 1, 1), timezones=st.just(UTC)))
def test_the_day_of_issue_is_japans(now: datetime) -> None:
    stated = datetime.fromisoformat(unsigned(1, now=now)["awardedDate"])
    assert stated.date() == now.astimezone(JST).date()


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)))
def test_a_badge_ends_with_its_last_day_in_japan(day: date) -> None:
    assert last_second(day).isoformat() == f"{day}T23:59:59+09:00"


@settings(max_examples=30, deadline=None)
@given(st.booleans(), st.sampled_from(sorted(ISSUER.programme.qualifications)), st.integers(2024, 2040))
def test_every_property_of_every_shape_is_signed(renewal: bool, qualification: str, year: int) -> None:
    former = assertion(2).assertion_id
    changes = {"kind": "renewal", "previous_registration_id": "R-00002", "replaces": former} if renewal else {}
    years = {"valid_from": date(year, 4, 1), "valid_until": date(year + 4, 3, 31)}
    document = credential(1, qualification=qualification, **years, **changes)
    verify_proof(document, KEY.private.public_key())  # refuses whatever the contexts don't define
    assert ("evidence" in document) is renewal


def test_the_badge_class_speaks_both_languages() -> None:
    for qualification, named in ISSUER.programme.qualifications.items():
        achievement = achievement_of(ISSUER, qualification, "2026")
        assert achievement["name"] == named.name.ja
        for field, text in (("criteria", named.criteria), ("description", named.description)):
            shown = achievement[field]["narrative"] if field == "criteria" else achievement[field]
            assert text.ja in shown
            assert text.en in shown
        assert [each["targetUrl"] for each in achievement["alignment"]] == [each.url for each in named.alignment]


def test_a_programme_without_page_phone_and_alignment_makes_no_empty_properties() -> None:
    programme = ISSUER.programme
    plain = structs.replace(
        programme,
        society=structs.replace(programme.society, phone=None),
        qualifications={
            id: structs.replace(named, page=None, alignment=()) for id, named in programme.qualifications.items()
        },
    )
    issuer = Issuer(plain, ISSUER.public_url)
    document = credential_of(assertion(1), issuer, secret=SECRET)
    signed, leaf = KEY.sign_with_leaf(document, NOW)
    assert "None" not in str(document)
    assert not {"alignment"} & set(document["credentialSubject"]["achievement"])
    assert "phone" not in document["issuer"]
    assert Signer(issuer, KEY, SECRET, Random(1)).sign(assertion(1), NOW).leaf == leaf == leaf_of(signed)


def test_every_value_that_a_credential_shows_is_signed() -> None:
    """Each text of the document, changed alone, changes the canonical form: programme's, person's, and issuer's."""
    document = unsigned(1, replaces=assertion(7).assertion_id, corrects=assertion(8).assertion_id)
    forms = {canonical_form(document)}
    changes = list(_changed(document))
    forms.update(canonical_form(each) for each in changes)
    assert len(changes) == 50
    assert len(forms) == len(changes) + 1


def _changed(value: Any) -> Iterator[Any]:
    """Copies of a document with one of its texts changed; but for its contexts and the names of types, which mean
    something to a reader of JSON-LD and are refused if unknown."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("@context", "type"):
                yield from ({**value, name: other} for other in _changed(inner))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in _changed(inner))
    elif isinstance(value, bool):
        yield not value
    else:
        yield f"{value}x"


def test_an_unknown_type_is_refused_since_it_would_not_be_signed() -> None:
    document = unsigned(1)
    document["credentialSubject"]["type"] = ["AchievementSubject", "Engineer"]
    with pytest.raises(DoNotSign, match="would not be signed"):
        KEY.sign(document, NOW)


def test_the_pass_number_is_an_identifier_that_open_badges_lets_us_name() -> None:
    # Open Badges 3.0, IdentifierTypeEnum: one of a list, or "ext:" and letters, digits, - . _
    assert re.fullmatch("ext:[A-Za-z0-9._-]+", PASS_NUMBER)
    assert f'"{PASS_NUMBER}"' in canonical_form(unsigned(1))
    assert '"P25-0001"' in canonical_form(unsigned(1))


def test_a_corrected_credential_points_to_the_one_that_it_corrects() -> None:
    corrected = unsigned(1, version=2, corrects=assertion(1).assertion_id, replaces=assertion(2).assertion_id)
    assert corrected["id"] != unsigned(1)["id"]
    assert [(each["genre"], each["id"]) for each in corrected["evidence"]] == [
        ("renewal", ISSUER.credential_url(assertion(2).assertion_id)),
        ("correction", unsigned(1)["id"]),
    ]


def test_a_renewal_points_only_to_a_registration_that_we_issued() -> None:
    unknown = assertion(1, kind="renewal", previous_registration_id="R-00002")
    known = assertion(1, kind="renewal", previous_registration_id="R-00002", replaces=assertion(2).assertion_id)
    assert unknown.replaces is None
    assert "evidence" not in credential_of(unknown, ISSUER, secret=SECRET)
    assert known.replaces == assertion(2).assertion_id
    evidence = credential_of(known, ISSUER, secret=SECRET)["evidence"]
    assert [each["id"] for each in evidence] == [ISSUER.credential_url(assertion(2).assertion_id)]


def test_an_unknown_qualification_is_refused() -> None:
    with pytest.raises(ValueError, match="got qualification 'kyoshi'"):
        unsigned(1, qualification="kyoshi")


def test_badge_class_and_profile_are_what_credentials_hold() -> None:
    document = unsigned(1)
    badge = badge_document(ISSUER, "shunin-gishi", "2026")
    profile = profile_document(ISSUER)
    canonical_form(badge)
    canonical_form(profile)
    assert {name: value for name, value in badge.items() if name != "@context"} == (
        document["credentialSubject"]["achievement"]
    )
    assert {name: value for name, value in profile.items() if name != "@context"} == document["issuer"]
