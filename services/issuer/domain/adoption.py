"""A credential or status list that object storage holds already, and what of it the issuer takes on. Pure.

After a restore of the database the storage knows more than the tables do. What the issuer signed and stored stands:
others have fetched it, and its hash may be anchored.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.issuer.domain.credential import CORRECTION, LATIN_NAME, PASS_NUMBER, RENEWAL
from services.issuer.signing.keys import refuse_foreign
from shared import object_keys
from shared.clock import japan_date
from shared.credentials.credential import DoNotTrust, first_proof, leaf_of
from shared.credentials.merkle import root_of
from shared.credentials.merkle_proof import CRYPTOSUITE as MERKLE_PROOF
from shared.credentials.merkle_proof import decode_proof
from shared.credentials.status_list import LENGTH, decoded, is_set
from shared.errors import AkashiError, Unreadable
from shared.events import AssertionIssued, Holder

_LIST = re.compile(r"/status/([1-9][0-9]{0,8})\.json")
_EDITION = re.compile(rf"/badges/{object_keys.QUALIFICATION}/({object_keys.EDITION})\.json")
_CREDENTIAL = re.compile(rf"/credentials/({object_keys.ASSERTION_ID})\.json")


class DoNotReplace(AkashiError):
    """An object that isn't ours to overwrite: it carries the proof of an anchoring. A person must look at it."""


@dataclass(frozen=True)
class AdoptedCredential:
    """A stored credential with the issuer's proof only, and the event that announces it."""

    credential: bytes
    announcement: AssertionIssued


@dataclass(frozen=True)
class PublishedList:
    """A status list of ours as it is published: its set bits, and since when."""

    bits: frozenset[int]
    valid_from: datetime


class _Status(msgspec.Struct, rename="camel"):
    status_list_credential: str
    status_list_index: str


class _Achievement(msgspec.Struct):
    id: str


class _Identity(msgspec.Struct, rename="camel"):
    identity_type: str
    identity_hash: str


class _Subject(msgspec.Struct, rename="camel"):
    achievement: _Achievement
    identifier: list[_Identity]
    license_number: str

    def find(self, kind: str) -> str | None:
        return next((each.identity_hash for each in self.identifier if each.identity_type == kind), None)

    def identity(self, kind: str) -> str:
        if (found := self.find(kind)) is not None:
            return found
        raise Unreadable(f"credentialSubject.identifier: got none of type {kind}, expected one")


class _Evidence(msgspec.Struct):
    id: str
    genre: str = ""


class _Proof(msgspec.Struct):
    created: datetime


class _Credential(msgspec.Struct, rename="camel"):
    id: str
    credential_subject: _Subject
    credential_status: _Status
    valid_from: datetime
    valid_until: datetime
    proof: list[_Proof]
    evidence: list[_Evidence] = []


class _WithProofs(msgspec.Struct):
    proof: list[Any]


class _ListSubject(msgspec.Struct, rename="camel"):
    encoded_list: str


class _List(msgspec.Struct, rename="camel"):
    id: str
    valid_from: datetime
    credential_subject: _ListSubject


def adopted(stored: bytes, expected: AssertionIssued, keys: Collection[str]) -> AdoptedCredential:
    """The credential `stored` under the id of `expected`, if one of `keys` (Multikeys) signed it for this assertion.

    The announcement says what the credential says; what that doesn't hold (address, person, registration) is as
    expected. Unreadable when it isn't such a credential; DoNotReplace when it isn't and carries the proof of an
    anchoring.
    """
    try:
        document, read = _read(stored, _Credential)
        refuse_foreign(document, keys)
        credential = {**document, "proof": [first_proof(document)]}
        announcement = _announcement(read, expected, leaf_of(credential))
    except (Unreadable, DoNotTrust) as error:
        if MERKLE_PROOF.encode() in stored:
            raise DoNotReplace(f"got a credential with the proof of an anchoring, but {error}") from error
        raise Unreadable(str(error)) from error
    return AdoptedCredential(msgspec.json.encode(credential), announcement)


def whole_credential(credential: bytes, leaf: str, stored: bytes | None) -> bytes:
    """What storage should hold: `credential`, with the proofs of an anchoring of its leaf that `stored` carries.

    Of whatever is stored, a proof that leads from this leaf to a root is kept: none is lost when the rest is broken.
    """
    proofs = [] if stored is None else [each for each in _proofs_in(stored) if _is_anchoring_of(each, leaf)]
    if not proofs:
        return credential
    document = msgspec.json.decode(credential, type=dict[str, Any])
    return msgspec.json.encode({**document, "proof": [first_proof(document), *proofs]})


def _proofs_in(stored: bytes) -> list[dict[str, Any]]:
    try:
        proofs = msgspec.json.decode(stored, type=_WithProofs).proof
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [each for each in proofs if isinstance(each, dict)]


def _is_anchoring_of(proof: dict[str, Any], leaf: str) -> bool:
    try:
        value = decode_proof(str(proof.get("proofValue")))
    except Unreadable:
        return False
    leads_to_root = root_of(value.target_hash, value.path) == value.merkle_root
    return proof.get("cryptosuite") == MERKLE_PROOF and value.target_hash.hex() == leaf and leads_to_root


def published_list(stored: bytes, number: int, keys: Collection[str]) -> PublishedList:
    """The status list `number` as `stored`. Unreadable unless it is this list and one of `keys` signed it."""
    try:
        document, read = _read(stored, _List)
        refuse_foreign(document, keys)
    except DoNotTrust as error:
        raise Unreadable(str(error)) from error
    if int(_part(_LIST, read.id, "id")) != number:
        raise Unreadable(f"id: got {read.id[:200]!r}, expected that of list {number}")
    bits = decoded(read.credential_subject.encoded_list)
    # Bytes without a bit are skipped: nearly all of them.
    indexes = (8 * place + bit for place, byte in enumerate(bits[: LENGTH // 8]) if byte for bit in range(8))
    return PublishedList(frozenset(index for index in indexes if is_set(bits, index)), read.valid_from)


def _announcement(read: _Credential, expected: AssertionIssued, leaf: str) -> AssertionIssued:
    if _part(_CREDENTIAL, read.id, "id") != expected.assertion_id:
        raise Unreadable(f"id: got {read.id[:200]!r}, expected that of {expected.assertion_id}")
    index = read.credential_status.status_list_index
    if not index.isascii() or not index.isdigit() or len(index) > 6 or int(index) >= LENGTH:
        raise Unreadable(f"statusListIndex: got {index[:40]!r}, expected a bit from 0 to {LENGTH - 1}")
    former = {each.genre: _part(_CREDENTIAL, each.id, "evidence.id") for each in read.evidence}
    subject = read.credential_subject
    award = msgspec.structs.replace(
        expected.award,
        pass_number=subject.identity(PASS_NUMBER),
        registration_number=subject.license_number,
        valid_from=japan_date(read.valid_from),
        valid_until=japan_date(read.valid_until),
    )
    return msgspec.structs.replace(
        expected,
        leaf=leaf,
        award=award,
        holder=_named(expected.holder, subject.identity("name"), subject.find(LATIN_NAME)),
        status_list=int(_part(_LIST, read.credential_status.status_list_credential, "statusListCredential")),
        status_index=int(index),
        edition=_part(_EDITION, subject.achievement.id, "achievement.id"),
        issued_at=read.proof[0].created,
        replaces=former.get(RENEWAL),
        corrects=former.get(CORRECTION),
    )


def _named(holder: Holder, name: str, latin: str | None) -> Holder:
    """The holder by the names that the credential has: 氏, a space, 名; the Latin one as expected where it has none."""
    if name != holder.family_first:
        family_name, _, given_name = name.partition(" ")
        holder = msgspec.structs.replace(holder, family_name=family_name, given_name=given_name)
    if latin is not None and latin != holder.latin:
        family_name, _, given_name = latin.partition(" ")
        holder = msgspec.structs.replace(holder, family_name_latin=family_name, given_name_latin=given_name or None)
    return holder


def _part(pattern: re.Pattern[str], url: str, field: str) -> str:
    """What identifies the object at the end of a URL of ours, whatever our site was called when it was signed."""
    found = pattern.search(url)
    if found is None or found.end() != len(url):
        raise Unreadable(f"{field}: got {url[:200]!r}, expected a URL of ours")
    return found.group(1)


def _read(stored: bytes, kind: type[Any]) -> tuple[dict[str, Any], Any]:
    try:
        return msgspec.json.decode(stored, type=dict[str, Any]), msgspec.json.decode(stored, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"got {len(stored)} bytes, expected a credential: {error}") from error
