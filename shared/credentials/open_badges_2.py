"""Open Badges 2.0 documents made from the Open Badges 3.0 documents that our issuer published; pure.

Assertions are hosted: a verifier of Open Badges 2.0 fetches `/assertions/<id>.json` and trusts this site, so nothing
here is signed. The documents of 3.0 have their own URLs; those of 2.0 are under `/ob2` where both have one.

Sources: IMS Open Badges 2.0 (12 April 2018), sections Assertion, BadgeClass, Profile, HostedBadge Verification; the
fields of 3.0 are those of 1EdTech Open Badges 3.0, appendix B.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, TypeVar

import msgspec

from shared import object_keys
from shared.credentials.content import Document
from shared.errors import Unreadable

CONTEXT: Final = "https://w3id.org/openbadges/v2"
ISSUER_PATH = "/ob2/issuer.json"

_ID = re.compile(rf"/credentials/({object_keys.ASSERTION_ID})\.json\Z")
_T = TypeVar("_T")


# ── what 2.0 says ──────────────────────────────────────────────────────────────────────────────────────


class Recipient(msgspec.Struct, frozen=True):
    """An IdentityObject: `identity` is `sha256$<hex>` of address and salt, joined."""

    type: Literal["email"]
    hashed: Literal[True]
    salt: str
    identity: str


class Verification(msgspec.Struct, frozen=True):
    type: Literal["HostedBadge"]


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    type: Literal["Evidence"]
    id: str | None = None
    genre: str | None = None
    name: str | None = None
    narrative: str | None = None


class Criteria(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str | None = None
    narrative: str | None = None


class Alignment(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    target_name: str
    target_url: str
    target_description: str | None = None
    target_framework: str | None = None
    target_code: str | None = None


class _Linked(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    context: Literal["https://w3id.org/openbadges/v2"] = msgspec.field(name="@context")
    type: str
    id: str
    language: str | None = msgspec.field(name="@language", default=None)


class Assertion(_Linked, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """`issued_on` and `expires` are as signed, in Japan's time.

    The standard recommends UTC, but software that shows only the date would then show March 31 for April 1.
    """

    recipient: Recipient
    badge: str
    verification: Verification
    issued_on: str
    expires: str
    image: str | None = None
    evidence: tuple[Evidence, ...] = ()
    narrative: str | None = None


class RevokedAssertion(_Linked, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """An assertion that was revoked. Holds nothing of the person."""

    revoked: Literal[True]
    revocation_reason: str | None = None


class BadgeClass(_Linked, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    name: str
    description: str
    image: str
    criteria: Criteria
    issuer: str
    alignment: tuple[Alignment, ...] = ()
    tags: tuple[str, ...] = ()


class Profile(_Linked, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    name: str
    url: str
    email: str
    description: str | None = None
    telephone: str | None = None
    image: str | None = None


# ── what 3.0 says ──────────────────────────────────────────────────────────────────────────────────────


class _Image(msgspec.Struct, frozen=True):
    id: str


class _Identity(msgspec.Struct, frozen=True, rename="camel"):
    identity_type: str
    identity_hash: str
    hashed: bool
    salt: str = ""


class _Evidence(msgspec.Struct, frozen=True):
    id: str | None = None
    genre: str | None = None
    name: str | None = None
    narrative: str | None = None


class _Achievement(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    name: str
    description: str
    criteria: Criteria
    image: _Image
    in_language: str | None = None
    alignment: tuple[Alignment, ...] = ()
    tag: tuple[str, ...] = ()


class _BadgeId(msgspec.Struct, frozen=True):
    id: str
    in_language: str | None = msgspec.field(name="inLanguage", default=None)


class _Subject(msgspec.Struct, frozen=True, rename="camel"):
    achievement: _BadgeId
    identifier: tuple[_Identity, ...]
    license_number: str | None = None


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    awarded_date: str
    valid_until: str
    credential_subject: _Subject
    evidence: tuple[_Evidence, ...] = ()


class _Profile(msgspec.Struct, frozen=True):
    name: str
    url: str
    email: str
    description: str | None = None
    phone: str | None = None
    image: _Image | None = None


# ── the mapping ────────────────────────────────────────────────────────────────────────────────────────


def assertion_of(credential: Document, *, public_url: str, details_public: bool = True) -> Assertion:
    """The assertion of a credential. Unreadable, naming the field, when it isn't one of ours.

    Without `details_public` no number is in it, nor the picture, in which the whole credential is baked.
    """
    read = _read(credential, _Credential, "an Open Badges 3.0 credential")
    subject = read.credential_subject
    assertion_id = _assertion_id(read.id)
    if assertion_id is None:
        raise Unreadable(f"id: got {read.id[:200]}, expected {public_url}/credentials/….json")
    return Assertion(
        context=CONTEXT,
        type="Assertion",
        id=f"{public_url}/assertions/{assertion_id}.json",
        language=subject.achievement.in_language,
        recipient=_recipient(subject.identifier),
        badge=badge_class_url(subject.achievement.id, public_url),
        verification=Verification("HostedBadge"),
        issued_on=read.awarded_date,
        expires=read.valid_until,
        image=f"{public_url}/credentials/{assertion_id}.png" if details_public else None,
        evidence=tuple(_evidence(each, public_url, details_public) for each in read.evidence),
        narrative=_narrative(subject) if details_public else None,
    )


def revoked_assertion(assertion_id: str, *, public_url: str, reason: str | None) -> RevokedAssertion:
    """What the assertion's URL answers, with 410, once it is revoked."""
    return RevokedAssertion(
        context=CONTEXT,
        type="Assertion",
        id=f"{public_url}/assertions/{assertion_id}.json",
        revoked=True,
        revocation_reason=reason,
    )


def badge_class_of(achievement: Document, *, public_url: str) -> BadgeClass:
    """The badge class of an achievement. Unreadable, naming the field, when it isn't one of ours."""
    read = _read(achievement, _Achievement, "an Open Badges 3.0 achievement")
    return BadgeClass(
        context=CONTEXT,
        type="BadgeClass",
        id=badge_class_url(read.id, public_url),
        language=read.in_language,
        name=read.name,
        description=read.description,
        image=read.image.id,
        criteria=read.criteria,
        issuer=f"{public_url}{ISSUER_PATH}",
        alignment=read.alignment,
        tags=read.tag,
    )


def profile_of(profile: Document, *, public_url: str) -> Profile:
    """The issuer profile. Unreadable, naming the field, when it lacks what an issuer must have."""
    read = _read(profile, _Profile, "an Open Badges 3.0 issuer profile")
    return Profile(
        context=CONTEXT,
        type="Issuer",
        id=f"{public_url}{ISSUER_PATH}",
        name=read.name,
        url=read.url,
        email=read.email,
        description=read.description,
        telephone=read.phone,
        image=read.image.id if read.image else None,
    )


def badge_class_url(achievement_id: str, public_url: str) -> str:
    """Where the badge class of an achievement is: `/badges/…` becomes `/ob2/badges/…`."""
    start = f"{public_url}/badges/"
    if not achievement_id.startswith(start):
        raise Unreadable(f"achievement.id: got {achievement_id[:200]}, expected {start}…")
    return f"{public_url}/ob2/badges/{achievement_id.removeprefix(start)}"


def _recipient(identities: tuple[_Identity, ...]) -> Recipient:
    for each in identities:
        if each.hashed and each.identity_type == "emailAddress":
            return Recipient("email", True, each.salt, each.identity_hash)
    raise Unreadable("credentialSubject.identifier: got no hashed emailAddress, expected one")


def _narrative(subject: _Subject) -> str | None:
    """The numbers, for which 2.0 has no property. A list in Markdown."""
    passed = next((each.identity_hash for each in subject.identifier if each.identity_type == "ext:passNumber"), None)
    named = (("登録番号 / Registration no.", subject.license_number), ("合格番号 / Pass no.", passed))
    return "\n".join(f"- {name}: {number}" for name, number in named if number) or None


def _evidence(given: _Evidence, public_url: str, details_public: bool) -> Evidence:
    """Evidence of 2.0 is a page for people: a former credential of ours is named by its page, which shows its verdict.

    Its other texts may hold its number, so they are left out unless the details are public.
    """
    former = _assertion_id(given.id or "") if (given.id or "").startswith(f"{public_url}/") else None
    id = f"{public_url}/V/{former}" if former else given.id
    if not details_public:
        return Evidence("Evidence", id, given.genre)
    return Evidence("Evidence", id, given.genre, given.name, given.narrative)


def _assertion_id(credential_id: str) -> str | None:
    found = _ID.search(credential_id)
    return found[1] if found else None


def _read(document: Document, shape: type[_T], expected: str) -> _T:
    try:
        given: Any = document
        return msgspec.convert(given, shape)
    except msgspec.ValidationError as error:
        raise Unreadable(f"expected {expected}: {error}") from error
