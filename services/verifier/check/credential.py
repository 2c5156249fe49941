"""What a credential says, before anybody asks whether it is true; pure.

Source: 1EdTech Open Badges 3.0, appendix B, with the terms that our issuer uses.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from services.verifier.files.baking import PNG_SIGNATURE, Unbaked, unbake_png, unbake_svg
from shared.credentials.credential import Document
from shared.credentials.merkle_proof import CRYPTOSUITE, MerkleProof, decode_proof
from shared.errors import Unreadable

MOST_BYTES = 128 * 1024
"""A credential of ours has about 3 KB, with both proofs and a long path under 8."""

_RENEWAL = "renewal"  # the genre of the evidence that is the former registration
_MOST_PROOFS = 8
_MOST_EVIDENCE = 20
_BADGE_URL = re.compile(r"/badges/([a-z0-9-]{1,64})/([0-9]{4}(?:-[0-9]{1,3})?)\.(?:json|png|svg)\Z")
_ID = re.compile(r"/credentials/([A-Z2-7]{26})\.json\Z")

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


class _Proof(msgspec.Struct, frozen=True, rename="camel"):
    cryptosuite: Text = ""
    proof_value: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    id: Text
    type: tuple[Text, ...]
    issuer: _Named
    valid_from: Annotated[datetime, msgspec.Meta(tz=True)]
    valid_until: Annotated[datetime, msgspec.Meta(tz=True)]
    credential_subject: _Subject
    proof: Annotated[tuple[_Proof, ...], msgspec.Meta(min_length=1, max_length=_MOST_PROOFS)]
    awarded_date: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    credential_status: _Status | None = None
    evidence: Annotated[tuple[_Evidence, ...], msgspec.Meta(max_length=_MOST_EVIDENCE)] = ()


class StatusPlace(msgspec.Struct, frozen=True):
    """Where the bit is that says whether the credential was revoked."""

    url: str
    index: int


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """What the credential says, in the words of the page. `anchorings`: its merkle-proof-2019 values, not decoded."""

    id: str
    issuer: str
    issuer_name: str
    name: str | None  # as the certificate shows it, family name first
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
    status: StatusPlace | None
    anchorings: tuple[str, ...]

    @property
    def assertion_id(self) -> str | None:
        """The id in the credential's URL; None when it isn't a URL of our form."""
        return _assertion_id(self.id)


def read_document(content: bytes) -> Document:
    """The credential in a file of any kind: by itself as JSON, or in a PNG or SVG. Unreadable for everything else."""
    if content.startswith(PNG_SIGNATURE):
        return read_json(_credential_in(unbake_png(content)))
    if content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return read_json(_credential_in(unbake_svg(content)))
    return read_json(content)


def read_json(content: bytes) -> Document:
    """A JSON object. Unreadable, with got and expected, for everything else."""
    if len(content) > MOST_BYTES:
        raise Unreadable(f"got {len(content)} bytes, expected at most {MOST_BYTES}")
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"got {len(content)} bytes that are no JSON object: {error}") from error


def read_badge(document: Document) -> Badge:
    """What a credential says. Unreadable, naming the field, when it isn't an Open Badges 3.0 credential of our form."""
    try:
        read = msgspec.convert(document, _Credential)
        status = _status_of(read.credential_status)
    except (msgspec.ValidationError, ValueError) as error:
        raise Unreadable(f"expected an Open Badges 3.0 credential: {error}") from error
    if "OpenBadgeCredential" not in read.type:
        raise Unreadable(f"type: got {', '.join(read.type)}, expected OpenBadgeCredential among them")
    subject = read.credential_subject
    plain = {each.identity_type: each.identity_hash for each in subject.identifier if not each.hashed}
    badge_class = _BADGE_URL.search(subject.achievement.id)
    art = _BADGE_URL.search(subject.achievement.image.id) if subject.achievement.image else None
    return Badge(
        id=read.id,
        issuer=read.issuer.id,
        issuer_name=read.issuer.name,
        name=plain.get("name"),
        award=subject.achievement.name,
        qualification=badge_class[1] if badge_class else None,
        edition=badge_class[2] if badge_class else None,
        art=f"badges/{art[1]}/{art[2]}" if art else None,
        renews=next((_assertion_id(each.id) for each in read.evidence if each.genre == _RENEWAL), None),
        pass_number=plain.get("ext:passNumber"),
        registration_number=subject.license_number,
        issued_at=read.awarded_date,
        valid_from=read.valid_from,
        valid_until=read.valid_until,
        status=status,
        anchorings=tuple(proof.proof_value for proof in read.proof[1:] if proof.cryptosuite == CRYPTOSUITE),
    )


def anchorings_of(badge: Badge) -> tuple[MerkleProof, ...]:
    """The proofs of anchoring in a credential. Unreadable when one of them isn't one."""
    return tuple(_decoded(value) for value in badge.anchorings)


_decoded = lru_cache(maxsize=64)(decode_proof)  # three checks of one badge read the same


def _assertion_id(url: str) -> str | None:
    found = _ID.search(url)
    return found[1] if found else None


def _credential_in(unbaked: Unbaked) -> bytes:
    if unbaked.credential is None:
        holds = "an Open Badges 2.0 assertion only" if unbaked.assertion is not None else "no badge"
        raise Unreadable(f"got a picture with {holds}, expected an Open Badges 3.0 credential in it")
    return unbaked.credential


def _status_of(status: _Status | None) -> StatusPlace | None:
    if status is None or status.status_purpose != "revocation":
        return None
    if not re.fullmatch(r"[0-9]{1,9}", status.status_list_index, re.ASCII):
        raise ValueError(f"credentialStatus.statusListIndex: got {status.status_list_index[:20]!r}, expected a number")
    return StatusPlace(status.status_list_credential, int(status.status_list_index))
