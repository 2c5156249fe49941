from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.renderer.domain.facts import certificate_of, japanese_date
from shared.errors import Unreadable
from tests.worlds.credentials import ISSUER, assertion, unsigned

ID = assertion().assertion_id
URL = ISSUER.public_url


def read(document: dict[str, Any]) -> Any:
    return certificate_of(msgspec.json.encode(document), ID, URL)


def test_everything_printed_comes_from_what_the_issuer_signs() -> None:
    certificate = read(unsigned())
    assert certificate.holder == "髙橋 一郎"
    assert (certificate.qualification, certificate.edition) == ("shunin-gishi", "2026")
    assert certificate.qualification_name == "コンクリート主任技士"
    assert (certificate.pass_number, certificate.registration_number) == ("P25-0001", "26-00001")
    assert certificate.issued_on == certificate.valid_from == date(2026, 4, 1)
    assert certificate.valid_until == date(2030, 3, 31)
    assert certificate.verification_url == f"{URL}/V/{ID}"


def test_the_second_picture_of_a_year_is_the_one_that_is_printed() -> None:
    certificate = read(unsigned(edition="2026-2"))
    assert (certificate.qualification, certificate.edition) == ("shunin-gishi", "2026-2")


@pytest.mark.parametrize("name", ["﨑", "𠮷", "辻\U000e0100", "が"])
def test_a_name_is_printed_as_registered_and_never_normalised(name: str) -> None:
    assert read(unsigned(family_name=name, given_name="一")).holder == f"{name} 一"


def with_latin(*names: str, hashed: bool = False) -> dict[str, Any]:
    document = copy.deepcopy(unsigned())
    others = document["credentialSubject"]["identifier"]
    kept = [each for each in others if each["identityType"] != "ext:latinName"]
    kept += [
        {"type": "IdentityObject", "hashed": hashed, "identityHash": name, "identityType": "ext:latinName"}
        for name in names
    ]
    document["credentialSubject"]["identifier"] = kept
    return document


def test_the_name_in_latin_letters_is_printed_where_one_was_signed() -> None:
    assert read(with_latin("TAKAHASHI Ichiro")).latin_name == "TAKAHASHI Ichiro"
    assert read(with_latin()).latin_name is None


@pytest.mark.parametrize(
    "document", [with_latin("TAKAHASHI Ichiro", "SUZUKI Ichiro"), with_latin("TAKAHASHI", hashed=True)]
)
def test_a_name_in_latin_letters_that_cannot_be_told_is_unreadable(document: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="ext:latinName"):
        read(document)


@pytest.mark.parametrize("moment", ["2026-03-31T15:00:00Z", "2026-04-01T23:59:59+09:00", "2026-04-01T00:00:00+09:00"])
def test_a_day_is_the_day_in_japan(moment: str) -> None:
    assert read({**unsigned(), "awardedDate": moment}).issued_on == date(2026, 4, 1)


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another's id": lambda c: c.update(id=c["id"].replace(ID, "A" * 26)),
    "no name": lambda c: c["credentialSubject"]["identifier"].pop(1),
    "a hashed name": lambda c: c["credentialSubject"]["identifier"][1].update(hashed=True),
    "no pass number": lambda c: c["credentialSubject"]["identifier"].pop(2),
    "two names": lambda c: c["credentialSubject"]["identifier"].append(c["credentialSubject"]["identifier"][1]),
    "no registration number": lambda c: c["credentialSubject"].pop("licenseNumber"),
    "no end": lambda c: c.pop("validUntil"),
    "an end that is no time": lambda c: c.update(validUntil="next year"),
    "a time without a zone": lambda c: c.update(validUntil="2030-03-31T23:59:59"),
    "a picture of somebody else's": lambda c: c["credentialSubject"]["achievement"]["image"].update(
        id="https://a.example/b.png"
    ),
    "no picture": lambda c: c["credentialSubject"]["achievement"].pop("image"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_credential_that_lacks_a_part_is_unreadable(change: Callable[[dict[str, Any]], Any]) -> None:
    document = copy.deepcopy(unsigned())
    change(document)
    with pytest.raises(Unreadable, match=ID):
        read(document)


@pytest.mark.parametrize("damage", [b'"\xff"', b"[" * 100_000], ids=["not UTF-8", "nested"])
def test_a_credential_with_damaged_bytes_is_unreadable(damage: bytes) -> None:
    body = json.dumps(unsigned()).encode().replace(json.dumps(unsigned()["id"]).encode(), damage, 1)
    with pytest.raises(Unreadable, match=ID):
        certificate_of(body, ID, URL)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        certificate_of(body, ID, URL)


def test_a_date_is_written_without_leading_zeros() -> None:
    assert japanese_date(datetime(2026, 4, 1, tzinfo=UTC).date()) == "2026年4月1日"
