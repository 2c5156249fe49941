from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from services.issuer.signing.signer import Signer, SigningKey, StopSigning, did_document, load_key
from shared.credentials.credential import DoNotSign, key_of, leaf_of, verify_proof
from tests.worlds.issuing import DID, ISSUER, KEY, NOW, SECRET, assertion, credential


def pem(
    folder: Path, *, mode: int = 0o600, key: object = KEY.private, encryption: KeySerializationEncryption | None = None
) -> Path:
    path = folder / "issuer.pem"
    assert hasattr(key, "private_bytes")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_well_kept_key_is_used(tmp_path: Path, mode: int) -> None:
    assert load_key(pem(tmp_path, mode=mode)).private_bytes_raw() == KEY.private.private_bytes_raw()


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o601, 0o660, 0o666, 0o777])
def test_a_key_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ValueError, match=f"{mode:04o}.*chmod 600"):
        load_key(pem(tmp_path, mode=mode))


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an Ed25519 key"):
        load_key(pem(tmp_path, key=generate_private_key(SECP256K1())))


def test_a_locked_or_broken_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unencrypted PKCS #8"):
        load_key(pem(tmp_path, encryption=BestAvailableEncryption(b"password")))
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", encoding="ascii")
    broken.chmod(0o600)
    with pytest.raises(ValueError, match="unencrypted PKCS #8"):
        load_key(broken)


def test_what_a_former_key_signed_stays_verifiable() -> None:
    newer = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), ISSUER.did)
    rotated = did_document(ISSUER.did, [KEY.public, newer.public], profile_url="https://badges.example.jp/issuer.json")
    assert key_of(credential(1), rotated) == KEY.private.public_key()
    assert newer.verification_method in rotated["assertionMethod"]


def test_the_chain_key_is_in_the_document() -> None:
    jwk = {"kty": "EC", "crv": "secp256k1", "x": "x", "y": "y"}
    document = did_document(ISSUER.did, [KEY.public], profile_url="https://a.example/issuer.json", chain_key=jwk)
    assert document["verificationMethod"][-1] == {
        "id": f"{ISSUER.did}#chain",
        "type": "JsonWebKey",
        "controller": ISSUER.did,
        "publicKeyJwk": jwk,
    }
    assert f"{ISSUER.did}#chain" in document["assertionMethod"]
    assert document["service"][0]["type"] == "IssuerProfile"
    assert len(DID["verificationMethod"]) == 1


# ── the signer ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_signer_makes_the_credential_that_the_key_makes() -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    for number in range(1, 40):
        sealed = signer.sign(assertion(number), NOW)
        document = json.loads(sealed.body)
        assert document == credential(number)
        assert sealed.leaf == leaf_of(document)
        verify_proof(document, KEY.private.public_key())


def test_the_first_of_each_shape_and_some_of_the_others_are_looked_at_twice() -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    for number in range(1, 7):
        signer.sign(assertion(number), NOW)
    assert signer.checked == 3  # three qualifications
    for number in range(7, 1007):
        signer.sign(assertion(number), NOW)
    assert 3 < signer.checked < 43  # 3 and about 10; more than 40 of 1 000 at 1 % is a wonder
    assert signer.in_full == 0


class Wrong(SigningKey):
    """A key by which the long way says something else than the template."""

    def sign_with_leaf(self, document: Mapping[str, Any], created: datetime) -> tuple[dict[str, Any], str]:
        signed, leaf = super().sign_with_leaf(document, created)
        return signed, leaf[::-1]


def test_nothing_is_given_out_when_the_two_ways_disagree() -> None:
    signer = Signer(ISSUER, Wrong(KEY.private, KEY.did), SECRET, Random(1))
    for _ in range(2):  # not the second time either
        with pytest.raises(StopSigning, match=r"got leaf .* expected"):
            signer.sign(assertion(1), NOW)
    assert signer.checked == 0


def test_memory_does_not_grow_with_the_number_of_shapes() -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    for year in range(2026, 2126):
        signer.sign(assertion(1, edition=str(year)), NOW)
    assert len(signer._templates) == 64
    assert signer.checked >= 100


def test_a_new_signer_signs_the_same() -> None:
    one, other = (Signer(ISSUER, KEY, SECRET, Random(seed)).sign(assertion(1), NOW) for seed in (1, 2))
    assert one == other


_LONG = "髙" * 65


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("qualification", {"qualification": "kyoshi"}),
        ("valid_until", {"valid_from": date(2026, 4, 1), "valid_until": date(2026, 3, 31)}),
        ("family_name", {"family_name": _LONG}),
        ("family_name", {"family_name": ""}),
        ("family_name", {"family_name": "　"}),
        ("family_name", {"family_name": "髙\n橋"}),
        ("given_name", {"given_name": _LONG}),
        ("given_name", {"given_name": "一郎\x7f"}),
        ("family_name", {"family_name": "{", "given_name": "}"}),
        ("pass_number", {"pass_number": "P{25"}),
        ("pass_number", {"pass_number": "P" * 101}),
        ("registration_number", {"registration_number": "26-1\x00"}),
        ("registration_number", {"registration_number": "\uffff"}),
        ("registration_id", {"registration_id": "R\t1"}),
        ("email", {"email": "a\u0085@example.jp"}),
        ("version", {"version": 0}),
        ("edition", {"edition": "令和8"}),
        ("edition", {"edition": "2026-0"}),
        ("replaces", {"replaces": "R-1"}),
        ("corrects", {"corrects": "../../etc/passwd"}),
    ],
)
def test_what_must_not_be_signed_is_refused_with_its_field(field: str, changes: dict[str, Any]) -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    with pytest.raises(DoNotSign, match=f"^{field}: got .*expected "):
        signer.sign(assertion(1, **changes), NOW)
    assert signer.checked == 0
    signer.sign(assertion(1), NOW)  # the next is not hindered


@pytest.mark.parametrize(("number", "index"), [(0, 1), (-1, 1), (1, -1), (1, 131_072)])
def test_a_place_in_no_status_list_is_refused(number: int, index: int) -> None:
    made = assertion(1)
    nowhere = replace(made, status=replace(made.status, number=number, index=index))
    with pytest.raises(DoNotSign, match=r"^status\.(number|index): got"):
        Signer(ISSUER, KEY, SECRET, Random(1)).sign(nowhere, NOW)


def test_a_refusal_says_nothing_personal() -> None:
    unsound: tuple[dict[str, Any], ...] = (
        {"family_name": "髙橋" * 40},
        {"given_name": "一郎{"},
        {"email": "taro{@example.jp"},
    )
    for changes in unsound:
        with pytest.raises(DoNotSign) as refused:
            Signer(ISSUER, KEY, SECRET, Random(1)).sign(assertion(1, **changes), NOW)
        assert not any(part in str(refused.value) for part in ("髙橋", "一郎", "taro"))


def test_an_assertion_that_replaces_itself_is_refused() -> None:
    own = assertion(1).assertion_id
    with pytest.raises(DoNotSign, match="own id"):
        Signer(ISSUER, KEY, SECRET, Random(1)).sign(assertion(1, corrects=own), NOW)


@pytest.mark.parametrize("name", ["Ｏ’Ｎｅｉｌｌ", "a{b}", '"', "\\", "髙" * 64, "𠮷󠄀"])
def test_an_unusual_but_sound_name_is_signed(name: str) -> None:
    sealed = Signer(ISSUER, KEY, SECRET, Random(1)).sign(assertion(1, family_name=name), NOW)
    verify_proof(json.loads(sealed.body), KEY.private.public_key())
