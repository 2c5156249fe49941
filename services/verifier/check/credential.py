"""A credential as it was read: document, content, proofs of anchoring. Nothing of it is verified yet; pure.

Source: 1EdTech Open Badges 3.0, appendix B, with the terms that our issuer uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

import msgspec

from shared import object_keys
from shared.credentials.content import Document
from shared.credentials.credential import SignedDocument
from shared.credentials.merkle_proof import CRYPTOSUITE, MerkleProof, decode_proof
from shared.credentials.moments import read_moment
from shared.errors import Unreadable

_RENEWAL = "renewal"  # the genre of the evidence that is the former registration
_MAX_PROOFS = 8
_MAX_EVIDENCE = 20
_BADGE_URL = re.compile(rf"/badges/({object_keys.QUALIFICATION})/({object_keys.EDITION})\.(?:json|png|svg)\Z")
_ID = re.compile(rf"/credentials/({object_keys.ASSERTION_ID})\.json\Z")

Text = Annotated[str, msgspec.Meta(max_length=2000)]


class _Identity(msgspec.Struct, frozen=True, rename="camel"):
    identity_hash: Text
    identity_type: Text = ""
    hashed: bool = False


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    id: Text
    name: Text = ""


class _Image(msgspec.Struct, frozen=True):
    id: Text


class _Achievement(msgspec.Struct, frozen=True):
    id: Text
    name: Text = ""
    image: _Image | None = None


class _Evidence(msgspec.Struct, frozen=True):
    id: Text = ""
    genre: Text = ""


class _Subject(msgspec.Struct, frozen=True, rename="camel"):
    achievement: _Achievement
    identifier: tuple[_Identity, ...] = ()
    license_number: Text | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    status_purpose: Text
    status_list_index: Text
    status_list_credential: Text
    type: Text = ""
    status_size: int = 1


class _Proof(msgspec.Struct, frozen=True, rename="camel"):
    cryptosuite: Text = ""
    proof_value: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    id: Text
    type: tuple[Text, ...]
    issuer: _Named
    valid_from: Any
    valid_until: Any
    credential_subject: _Subject
    proof: Annotated[tuple[_Proof, ...], msgspec.Meta(min_length=1, max_length=_MAX_PROOFS)]
    awarded_date: Any = None
    credential_status: _Status | None = None
    evidence: Annotated[tuple[_Evidence, ...], msgspec.Meta(max_length=_MAX_EVIDENCE)] = ()


class StatusEntry(msgspec.Struct, frozen=True):
    """Where the bit is that says whether the credential was revoked: the URL of a status list, and the bit's index."""

    url: str
    index: int


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """What the credential says, in the words of the page."""

    id: str
    issuer: str
    issuer_name: str
    name: str | None  # as the certificate shows it, family name first
    latin_name: str | None  # in Latin letters, family name first
    award: str
    qualification: str | None  # its id in the programme file
    edition: str | None  # "2026", "2026-2"
    art: str | None  # object key of its picture without the ending: "badges/gishi/2026-2"
    renews: str | None  # assertion id of the former registration
    pass_number: str | None
    registration_number: str | None
    issued_at: datetime | None
    valid_from: datetime
    valid_until: datetime
    status: StatusEntry | None
    has_anchor_proof: bool  # whether a merkle-proof-2019 is there, not whether it is right

    @property
    def assertion_id(self) -> str | None:
        """The id in the credential's URL; None when it isn't a URL of our form."""
        return _assertion_id(self.id)


@dataclass(frozen=True)
class Invalid:
    """A part that can't be decoded or isn't signed as it should be, and why."""

    why: str


@dataclass(frozen=True)
class Credential:
    """A credential, read once and carried from there on.

    `anchor_proofs`: its proofs of anchoring, in their order; Invalid when one of them can't be decoded.
    """

    document: Document
    badge: Badge
    anchor_proofs: tuple[MerkleProof, ...] | Invalid

    @cached_property
    def signed(self) -> SignedDocument:
        """The document, whose statements are read once for checks 3 and 6."""
        return SignedDocument(self.document)


def read_credential(document: Document) -> Credential:
    """Unreadable, naming the field, when the document isn't an Open Badges 3.0 credential of our form."""
    try:
        read = msgspec.convert(document, _Credential)
        status = _status_of(read.credential_status)
    except (msgspec.ValidationError, ValueError) as error:
        raise Unreadable(f"expected an Open Badges 3.0 credential: {error}") from error
    if "OpenBadgeCredential" not in read.type:
        raise Unreadable(f"type: got {', '.join(read.type)}, expected OpenBadgeCredential among them")
    values = [proof.proof_value for proof in read.proof[1:] if proof.cryptosuite == CRYPTOSUITE]
    return Credential(document, _badge_of(read, status, bool(values)), _decoded(values))


def _badge_of(read: _Credential, status: StatusEntry | None, has_anchor_proof: bool) -> Badge:
    subject = read.credential_subject
    plain = {each.identity_type: each.identity_hash for each in subject.identifier if not each.hashed}
    badge_class = _BADGE_URL.search(subject.achievement.id)
    art = _BADGE_URL.search(subject.achievement.image.id) if subject.achievement.image else None
    return Badge(
        id=read.id,
        issuer=read.issuer.id,
        issuer_name=read.issuer.name,
        name=plain.get("name"),
        latin_name=plain.get("ext:latinName"),
        award=subject.achievement.name,
        qualification=badge_class[1] if badge_class else None,
        edition=badge_class[2] if badge_class else None,
        art=object_keys.badge_class(art[1], art[2]) if art else None,
        renews=next((_assertion_id(each.id) for each in read.evidence if each.genre == _RENEWAL), None),
        pass_number=plain.get("ext:passNumber"),
        registration_number=subject.license_number,
        issued_at=None if read.awarded_date is None else read_moment(read.awarded_date, "awardedDate"),
        valid_from=read_moment(read.valid_from, "validFrom"),
        valid_until=read_moment(read.valid_until, "validUntil"),
        status=status,
        has_anchor_proof=has_anchor_proof,
    )


def _decoded(values: list[str]) -> tuple[MerkleProof, ...] | Invalid:
    try:
        return tuple(decode_proof(value) for value in values)
    except Unreadable as error:
        return Invalid(str(error))


def _assertion_id(url: str) -> str | None:
    found = _ID.search(url)
    return found[1] if found else None


def _status_of(status: _Status | None) -> StatusEntry | None:
    """None when it has no entry of one bit for revocation (Bitstring Status List 1.0, section 2.1)."""
    if status is None or status.status_purpose != "revocation":
        return None
    if status.type != "BitstringStatusListEntry" or status.status_size != 1:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", status.status_list_index, re.ASCII):
        raise ValueError(f"credentialStatus.statusListIndex: got {status.status_list_index[:20]!r}, expected a number")
    return StatusEntry(status.status_list_credential, int(status.status_list_index))
