from __future__ import annotations

import string
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.issuer.issuance import (
    PASS_NUMBER,
    assertion_id_of,
    badge_document,
    credential_of,
    hashed_identity,
    issued,
    last_second,
    profile_document,
    salt_of,
)
from shared.clock import JST
from shared.credential import canonical_form, leaf_of, verify_proof
from tests.issuing import ISSUER, KEY, NOW, SECRET, assertion, credential, renewed, unsigned

_ids = st.text(min_size=1, max_size=30)


# ── ids ────────────────────────────────────────────────────────────────────────────────────────────────


@given(_ids)
def test_an_id_is_a_short_upper_case_text(registration_id: str) -> None:
    id = assertion_id_of(SECRET, registration_id)
    assert len(id) == 26
    assert set(id) <= set(string.ascii_uppercase + "234567")


@given(_ids, _ids, st.integers(1, 9), st.integers(1, 9))
def test_two_awards_never_share_an_id(one: str, other: str, version: int, another: int) -> None:
    same = (one, version) == (other, another) or f"{one}/{version}" == f"{other}/{another}"
    if "/" not in one + other:
        assert (assertion_id_of(SECRET, one, version) == assertion_id_of(SECRET, other, another)) is same


def test_an_id_depends_on_the_secret_and_the_version() -> None:
    assert assertion_id_of(SECRET, "R-1") != assertion_id_of(b"another secret here", "R-1")
    assert assertion_id_of(SECRET, "R-1") == assertion_id_of(SECRET, "R-1", version=1)
    assert assertion_id_of(SECRET, "R-1/2") == assertion_id_of(SECRET, "R-1", version=2)


# ── the credential ─────────────────────────────────────────────────────────────────────────────────────


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
    for secret in ("person1@example.jp", "person-1", "R-00001", "TAKAHASHI"):
        assert secret not in text


def test_the_holder_can_prove_the_address_by_the_hash() -> None:
    identity = unsigned(1, email="Person1@EXAMPLE.jp ")["credentialSubject"]["identifier"][0]
    assert identity["identityHash"] == hashed_identity("person1@example.jp", identity["salt"])
    assert identity["identityHash"] != hashed_identity("person2@example.jp", identity["salt"])


def test_two_badges_of_one_person_cannot_be_linked_by_the_hash() -> None:
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


def test_the_event_says_what_the_credential_says() -> None:
    document, made = credential(1), assertion(1)
    event = issued(made, leaf_of(document))
    assert event.award == renewed(1).award
    assert event.holder == renewed(1).holder
    assert (event.issued_at, event.notify_from) == (NOW, NOW)
    assert document["credentialStatus"]["statusListIndex"] == str(event.status_index)
    assert document["credentialStatus"]["statusListCredential"] == ISSUER.status_url(event.status_list)
    assert event.key in document["id"]


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
