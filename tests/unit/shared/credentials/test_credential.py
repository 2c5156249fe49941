from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

import shared.credentials.credential
from shared.credentials.content import OB_CONTEXT, VC_CONTEXT, text_problem
from shared.credentials.credential import (
    DoNotSign,
    DoNotTrust,
    canonical_form,
    first_proof,
    key_of,
    leaf_of,
    public_key_multibase,
    sign,
    sign_with_leaf,
    verify_proof,
)
from shared.errors import Unreadable

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DID = "did:web:badges.example.jp"
METHOD = f"{DID}#{public_key_multibase(KEY.public_key())}"
CREATED = datetime(2026, 4, 1, 0, 0, 12, 999_999, tzinfo=UTC)
DOCUMENT: dict[str, Any] = {
    "@context": [VC_CONTEXT, OB_CONTEXT],
    "id": "https://badges.example.jp/credentials/A.json",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": DID, "type": ["Profile"], "name": "学会"},
    "validFrom": "2026-04-01T00:00:00+09:00",
    "credentialSubject": {
        "type": ["AchievementSubject"],
        "identifier": [
            {"type": "IdentityObject", "hashed": False, "identityHash": "髙橋 一郎", "identityType": "name"},
            {"type": "IdentityObject", "hashed": True, "identityHash": "sha256$ab", "identityType": "emailAddress"},
        ],
        "licenseNumber": "26-1",
        "achievement": {
            "id": "https://badges.example.jp/badges/gishi/2026.json",
            "type": ["Achievement"],
            "name": "技士",
            "criteria": {"narrative": "合格"},
        },
    },
}

# Text that we sign: no control characters, no lone surrogates, no U+FFFE and U+FFFF, no braces.
_signable = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="{}\ufffe\uffff"), min_size=1, max_size=20
)


def changed(**changes: Any) -> dict[str, Any]:
    """DOCUMENT with `credentialSubject__licenseNumber="x"` and the like."""
    document = copy.deepcopy(DOCUMENT)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place: Any = document
        for parent in parents:
            place = place[int(parent)] if parent.isdigit() else place[parent]
        place[last] = value
    return document


def signed(document: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    return sign(document, KEY, verification_method=METHOD, created=CREATED)


def did_document(**changes: Any) -> dict[str, Any]:
    entry = {
        "id": METHOD,
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": public_key_multibase(KEY.public_key()),
    }
    return {"id": DID, "verificationMethod": [entry], "assertionMethod": [METHOD], **changes}


def leaf_in_full(document: dict[str, Any]) -> str:
    """`leaf_of` by its definition: the document with its first proof, read as a whole."""
    return sha256(canonical_form({**document, "proof": [document["proof"][0]]}).encode()).hexdigest()


# ── sign and verify ────────────────────────────────────────────────────────────────────────────────────


def test_what_was_signed_is_verified() -> None:
    document = signed()
    verify_proof(document, KEY.public_key())
    verify_proof(document, key_of(document, did_document()))


def test_signing_again_gives_the_same_bytes() -> None:
    assert json.dumps(signed()) == json.dumps(signed())


@settings(max_examples=60, deadline=None)
@given(_signable, _signable)
def test_whatever_text_is_signed_can_be_verified_and_has_its_leaf(name: str, number: str) -> None:
    document = changed(credentialSubject__identifier__0__identityHash=name, credentialSubject__licenseNumber=number)
    result, leaf = sign_with_leaf(document, KEY, verification_method=METHOD, created=CREATED)
    travelled = json.loads(json.dumps(result))
    verify_proof(travelled, KEY.public_key())
    assert leaf == leaf_of(travelled) == leaf_in_full(travelled)


@pytest.mark.parametrize(
    "proof",
    [
        {"created": "2026-04-01T00:00:12+09:00"},
        {"created": 5},
        {"proofPurpose": "authentication"},
        {"proofValue": "z\u3000"},
        {"proofValue": 'with "quotes" and \\ and 髙'},
        {"proofValue": ["z2", "z3"]},
        {"proofValue": None},
        {"id": "urn:example:proof"},
        {"expires": "2030-01-01T00:00:00Z"},
        {"unheardOf": 1},
        {"verificationMethod": "_:b0"},
        {"verificationMethod": "not a URL"},
        {"verificationMethod": {"id": METHOD, "type": "Multikey"}},
        {"type": ["DataIntegrityProof"]},
    ],
)
@pytest.mark.parametrize("changes", [{}, {"id": "../A.json"}, {"id": "https://badges.example.jp/髙橋"}, {"name": 1.5}])
def test_the_leaf_of_a_strangers_document_is_that_of_its_definition(
    proof: dict[str, Any], changes: dict[str, Any]
) -> None:
    document = signed()
    document |= changes
    document["proof"] = [document["proof"][0] | proof]
    try:
        expected = leaf_in_full(document)
    except Unreadable:
        with pytest.raises(Unreadable):
            leaf_of(document)
    else:
        assert leaf_of(document) == expected


@settings(max_examples=60, deadline=None)
@given(_signable, _signable)
def test_a_changed_text_is_refused(before: str, after: str) -> None:
    forged = signed(changed(credentialSubject__licenseNumber=before))
    forged["credentialSubject"]["licenseNumber"] = after
    if before != after:
        with pytest.raises(DoNotTrust, match="expected the issuer's own"):
            verify_proof(forged, KEY.public_key())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created", "2026-04-01T00:00:13Z"),
        ("verificationMethod", f"{DID}#another"),
        ("proofPurpose", "authentication"),
        ("cryptosuite", "eddsa-jcs-2022"),
        ("type", "Ed25519Signature2020"),
        ("proofValue", "z1111"),
        ("proofValue", "zl0O"),
        ("proofValue", None),
        ("domain", "https://elsewhere.example"),
        ("note", "signed by nobody"),
        ("@context", "https://elsewhere.example"),
    ],
)
def test_a_changed_proof_is_refused(field: str, value: object) -> None:
    forged = signed()
    forged["proof"][0][field] = value
    with pytest.raises(DoNotTrust):
        verify_proof(forged, KEY.public_key())


def test_the_proof_of_another_key_is_refused() -> None:
    with pytest.raises(DoNotTrust, match="z6Mk"):
        verify_proof(signed(), Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("proof", [None, [], {}, "z", [None]])
def test_a_document_without_a_proof_is_refused(proof: object) -> None:
    with pytest.raises(DoNotTrust, match="proof"):
        verify_proof({**DOCUMENT, "proof": proof}, KEY.public_key())


def test_a_second_proof_neither_breaks_the_first_nor_changes_the_leaf() -> None:
    document, leaf = sign_with_leaf(DOCUMENT, KEY, verification_method=METHOD, created=CREATED)
    both = {**document, "proof": [*document["proof"], {"type": "DataIntegrityProof", "cryptosuite": "another"}]}
    verify_proof(both, KEY.public_key())
    assert leaf == leaf_of(document) == leaf_of(both)


def test_a_signed_document_is_not_signed_again() -> None:
    with pytest.raises(DoNotSign, match="got one already"):
        signed(signed())


# ── which key ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "did:web:elsewhere.example"},
        {"assertionMethod": []},
        {"assertionMethod": METHOD},
        {"assertionMethod": None},
        {"verificationMethod": []},
        {"verificationMethod": None},
        {"verificationMethod": [{"id": METHOD, "controller": "did:web:elsewhere.example"}]},
        {"verificationMethod": [{"id": METHOD, "controller": DID, "publicKeyMultibase": "zQ3sh"}]},
        {"verificationMethod": ["key"]},
    ],
)
def test_a_key_that_the_issuer_does_not_let_sign_does_not_count(changes: dict[str, Any]) -> None:
    with pytest.raises(DoNotTrust):
        key_of(signed(), did_document(**changes))


def test_the_key_of_another_issuer_does_not_count() -> None:
    document = signed(changed(issuer__id="did:web:elsewhere.example"))
    with pytest.raises(DoNotTrust, match=r"issuer\.id"):
        key_of(document, did_document())


# ── what is covered ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "note",
        "issuer__note",
        "credentialSubject__note",
        "credentialSubject__identifier__0__note",
        "credentialSubject__achievement__note",
        "credentialSubject__achievement__criteria__note",
    ],
)
def test_no_property_is_silently_left_unsigned(path: str) -> None:
    document = changed(**{path: "第一級"})
    with pytest.raises(DoNotSign, match=r"note: .*would not be signed"):
        signed(document)
    smuggled = {**document, "proof": signed()["proof"]}
    with pytest.raises(DoNotTrust, match="would not be signed"):
        verify_proof(smuggled, KEY.public_key())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", ["VerifiableCredential", "OpenBadgeCredential", "Unheard"]),
        ("credentialSubject__type", ["Unheard"]),
        ("issuer__id", "no url"),
        ("credentialSubject__achievement__id", "relative.json"),
        ("credentialSubject__achievement__id", "_:label"),
        ("credentialSubject__achievement__id", ["https://a.example", "https://b.example"]),
        ("validFrom", None),
        ("credentialSubject__licenseNumber", 1.5),
        ("credentialSubject__licenseNumber", 2**53),
        ("credentialSubject__licenseNumber", {"@value": "26-1"}),
        ("credentialSubject__@context", {"licenseNumber": "https://elsewhere.example"}),
        ("@graph", []),
        ("credentialSubject__identifier", [[{"type": "IdentityObject"}]]),
        ("@context", []),
        ("@context", None),
        ("@context", [OB_CONTEXT]),
        ("@context", [OB_CONTEXT, VC_CONTEXT]),
        ("@context", [VC_CONTEXT, "https://elsewhere.example"]),
        ("@context", [VC_CONTEXT, {"note": "https://elsewhere.example"}]),
    ],
)
def test_json_ld_that_could_mean_something_else_is_refused(path: str, value: object) -> None:
    with pytest.raises(Unreadable, match=r"got"):
        canonical_form(changed(**{path: value}))


def test_the_order_of_members_and_entries_does_not_matter() -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: inner if name == "@context" else turned(inner) for name, inner in reversed(value.items())}
        return [turned(inner) for inner in reversed(value)] if isinstance(value, list) else value

    assert canonical_form(turned(DOCUMENT)) == canonical_form(DOCUMENT)


def test_the_leaf_covers_the_first_proof() -> None:
    document, leaf = sign_with_leaf(DOCUMENT, KEY, verification_method=METHOD, created=CREATED)
    assert leaf == sha256(canonical_form(document).encode()).hexdigest()
    assert document["proof"][0]["proofValue"] in canonical_form(document)
    with pytest.raises(Unreadable, match="proof"):
        leaf_of(DOCUMENT)


def test_a_stranger_cannot_make_the_canonical_form_take_for_ever() -> None:
    alike = [{"type": "IdentityObject", "salt": "x"} for _ in range(12)]
    with pytest.raises(Unreadable, match="look alike"):
        canonical_form(changed(credentialSubject__identifier=alike))


# ── text ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["a\nb", "\x00", "\x7f", "\x85", "\ud800", "\ufffe", "\uffff", "{", "}", "}{", "{{}"])
def test_text_that_others_read_differently_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(DoNotSign, match=r"credentialSubject\.identifier\[0\]\.identityHash: got"):
        signed(changed(credentialSubject__identifier__0__identityHash=text))


@pytest.mark.parametrize("text", ["", "髙橋 一郎", "辻󠄀", "𠮷野", "{a}{b{c}}", "\"\\'<&>", "ｶﾞ", "é"])
def test_a_harmless_text_is_signed(text: str) -> None:
    assert text_problem(text) is None
    verify_proof(signed(changed(credentialSubject__licenseNumber=text)), KEY.public_key())


def test_names_are_signed_as_they_are_never_normalised() -> None:
    forms = {canonical_form(changed(credentialSubject__licenseNumber=text)) for text in ("が", "か\u3099", "ｶﾞ", "ガ")}
    assert len(forms) == 4


# ── formats ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_contexts_are_unchanged() -> None:
    folder = Path(shared.credentials.credential.__file__).parent / "contexts"
    stated = (folder / "README.md").read_text(encoding="utf-8")
    for file in folder.glob("*.json"):
        assert f"| {sha256(file.read_bytes()).hexdigest()} |" in stated, file.name


def test_a_public_key_is_written_as_in_the_specification() -> None:
    # Data Integrity EdDSA Cryptosuites 1.0, B.1: the key pair, and the Multikey form of its public key.
    private = "c96ef9ea10c5e414c471723aff9de72c35fa5b70fae97e8832ecac7d2e2b8ed6"
    public = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    assert public_key_multibase(key.public_key()) == public


def test_the_time_of_the_proof_is_utc_to_the_second() -> None:
    assert first_proof(signed())["created"] == "2026-04-01T00:00:12Z"


def test_no_character_that_we_sign_is_written_otherwise_than_as_itself() -> None:
    # Canonicalisers agree on these: only \\ and " are escaped.
    every = [chr(code) for code in range(0x110000) if text_problem(chr(code)) is None]
    for start in range(0, len(every), 4096):
        text = "".join(every[start : start + 4096])
        written = text.replace("\\", "\\\\").replace('"', '\\"')
        assert f' "{written}" .\n' in canonical_form(changed(name=text))
