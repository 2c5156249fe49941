"""The Open Badges 3.0 credential of an assertion, the badge class and the issuer profile in it. Pure.

Sources: 1EdTech Open Badges 3.0, appendix B (data models) with context 3.0.3; W3C Verifiable Credentials 2.0,
section 4; Bitstring Status List 1.0, section 2.1. Only terms that these contexts define are used: `licenseNumber` is
the 登録番号; the 合格番号 and the name in Latin letters have no term, so they are identifiers of the subject, of types
of ours (`ext:`). The contexts have no languages for a text, so a text in two languages is one text: Japanese, " / ",
English.

A credential is a shape (what all credentials of one badge class have in common) filled with one person's values.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from services.issuer.domain.issuance import Assertion, Issuer, keyed_digest
from shared.addresses import same_address_key
from shared.clock import japan_midnight, japan_time
from shared.credentials.content import OB_CONTEXT, VC_CONTEXT
from shared.programme import Alignment, Bilingual

PASS_NUMBER = "ext:passNumber"
"""The identityType of the 合格番号. Open Badges 3.0, IdentifierTypeEnum: extension types begin with `ext:`."""

LATIN_NAME = "ext:latinName"
"""The identityType of the name in Latin letters, family name first; there only when upstream gave it.

Not a second `name`: a reader could not tell which is which, since a set has no order and no order is signed.
"""

RENEWAL = "renewal"
CORRECTION = "correction"
"""The `genre` of the two kinds of evidence: the registration before this one, the credential that this one corrects."""


class Shape(NamedTuple):
    """What credentials have in common that differ in their `Values` only."""

    qualification: str
    edition: str
    is_renewal: bool
    is_correction: bool
    has_latin_name: bool

    @classmethod
    def of(cls, assertion: Assertion) -> Shape:
        renews, corrects = assertion.replaces is not None, assertion.corrects is not None
        return cls(
            assertion.award.qualification, assertion.edition, renews, corrects, assertion.holder.latin is not None
        )


class Values(NamedTuple):
    """What differs among credentials of one shape; each value is a whole text of the document.

    None where the shape has no such name or evidence.
    """

    url: str
    awarded: str
    valid_from: str
    valid_until: str
    address_hash: str
    salt: str
    name: str
    latin_name: str | None
    pass_number: str
    registration_number: str
    status_entry: str
    status_index: str
    status_list: str
    renewed: str | None
    corrected: str | None


def credential_of(assertion: Assertion, issuer: Issuer, *, secret: bytes) -> dict[str, Any]:
    """The credential without its proof. It holds the name and the numbers, the address only as a salted hash.

    Valid from the first moment of the first day to the last second of the last, in Japan. `awardedDate` is the day of
    issue (発行日), never before the period begins. ValueError for a qualification that the programme doesn't have.
    """
    return document_of(Shape.of(assertion), values_of(assertion, issuer, secret=secret), issuer)


def values_of(assertion: Assertion, issuer: Issuer, *, secret: bytes) -> Values:
    """The texts that belong to this one credential."""
    award, holder, status = assertion.award, assertion.holder, assertion.status
    begins, ends = _period(award.valid_from, award.valid_until)
    salt = salt_of(secret, assertion.assertion_id)
    status_list = issuer.status_url(status.number)
    return Values(
        url=issuer.credential_url(assertion.assertion_id),
        awarded=max(japan_time(assertion.issued_at), begins),  # both in Japan's offset: text order is time order
        valid_from=begins,
        valid_until=ends,
        address_hash=hashed_identity(holder.email, salt),
        salt=salt,
        name=holder.family_first,
        latin_name=holder.latin,
        pass_number=award.pass_number,
        registration_number=award.registration_number,
        status_entry=f"{status_list}#{status.index}",
        status_index=str(status.index),
        status_list=status_list,
        renewed=issuer.credential_url(assertion.replaces) if assertion.replaces is not None else None,
        corrected=issuer.credential_url(assertion.corrects) if assertion.corrects is not None else None,
    )


def salt_of(secret: bytes, assertion_id: str) -> str:
    """The salt of the address in a credential, 32 hexadecimal digits; derived, so issuing again gives the same."""
    return keyed_digest(secret, f"salt/{assertion_id}").hex()[:32]


def hashed_identity(address: str, salt: str) -> str:
    """`sha256$<hex>` of address (in the form that is compared) and salt, joined. Open Badges 3.0, IdentityObject."""
    return "sha256$" + sha256((same_address_key(address) + salt).encode()).hexdigest()


def document_of(shape: Shape, values: Values, issuer: Issuer) -> dict[str, Any]:
    """A credential without its proof, from its shape and its values."""
    document: dict[str, Any] = {
        "@context": [VC_CONTEXT, OB_CONTEXT],
        "id": values.url,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": profile_of(issuer),
        "name": issuer.programme.qualification(shape.qualification).name.ja,
        "awardedDate": values.awarded,
        "validFrom": values.valid_from,
        "validUntil": values.valid_until,
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "hashed": True,
                    "identityHash": values.address_hash,
                    "identityType": "emailAddress",
                    "salt": values.salt,
                },
                _plain_identity("name", values.name),
                *([_plain_identity(LATIN_NAME, values.latin_name)] if values.latin_name is not None else []),
                _plain_identity(PASS_NUMBER, values.pass_number),
            ],
            "licenseNumber": values.registration_number,
            "achievement": achievement_of(issuer, shape.qualification, shape.edition),
        },
        "credentialStatus": {
            "id": values.status_entry,
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": values.status_index,
            "statusListCredential": values.status_list,
        },
    }
    evidence = []
    if shape.is_renewal:
        evidence.append(_evidence(values.renewed, RENEWAL, "更新前の登録", "この登録は、ここに示す登録の更新です。"))
    if shape.is_correction:
        narrative = "この証明は、ここに示す証明の記載を訂正し、それに代わるものです。"
        evidence.append(_evidence(values.corrected, CORRECTION, "訂正前の証明", narrative))
    return {**document, "evidence": evidence} if evidence else document


# ── issuer and badge class ─────────────────────────────────────────────────────────────────────────────


def profile_of(issuer: Issuer) -> dict[str, Any]:
    """The issuer profile, as every credential holds it: name, picture, how to reach the society."""
    society = issuer.programme.society
    profile: dict[str, Any] = {
        "id": issuer.did,
        "type": ["Profile"],
        "name": society.name.ja,
        "description": society.name.en,
        "url": society.url,
        "email": society.email,
        "image": {"id": issuer.image_url, "type": "Image", "caption": society.short_name},
    }
    return {**profile, "phone": society.phone} if society.phone is not None else profile


def achievement_of(issuer: Issuer, qualification: str, edition: str) -> dict[str, Any]:
    """The badge class of a qualification in one edition, as credentials hold it. ValueError for an unknown one."""
    named = issuer.programme.qualification(qualification)
    criteria = {"narrative": _both(named.criteria)}
    achievement: dict[str, Any] = {
        "id": issuer.badge_url(qualification, edition),
        "type": ["Achievement"],
        "achievementType": "License",
        "creator": {"id": issuer.did, "type": ["Profile"]},
        "inLanguage": "ja",
        "name": named.name.ja,
        "description": _both(named.description),
        "criteria": criteria if named.page is None else {"id": named.page, **criteria},
        "image": {"id": issuer.badge_url(qualification, edition, "png"), "type": "Image", "caption": _both(named.name)},
    }
    if named.alignment:
        achievement["alignment"] = [_alignment(each) for each in named.alignment]
    return achievement


def profile_document(issuer: Issuer) -> dict[str, Any]:
    """`issuer/profile.json`: the profile by itself."""
    return {"@context": [VC_CONTEXT, OB_CONTEXT], **profile_of(issuer)}


def badge_document(issuer: Issuer, qualification: str, edition: str) -> dict[str, Any]:
    """`badges/<qualification>/<edition>.json`: the badge class by itself."""
    return {"@context": [VC_CONTEXT, OB_CONTEXT], **achievement_of(issuer, qualification, edition)}


def last_second(day: date) -> datetime:
    """The last second of a day in Japan: "valid until" a day includes that day."""
    return japan_midnight(day + timedelta(days=1)) - timedelta(seconds=1)


def _plain_identity(kind: str, value: str) -> dict[str, Any]:
    return {"type": "IdentityObject", "hashed": False, "identityHash": value, "identityType": kind}


def _evidence(url: str | None, genre: str, name: str, narrative: str) -> dict[str, Any]:
    return {"id": url, "type": ["Evidence"], "genre": genre, "name": name, "narrative": narrative}


def _alignment(alignment: Alignment) -> dict[str, Any]:
    members = {
        "type": ["Alignment"],
        "targetName": alignment.name,
        "targetUrl": alignment.url,
        "targetDescription": alignment.description,
        "targetType": alignment.type,
    }
    return {name: value for name, value in members.items() if value is not None}


def _both(text: Bilingual) -> str:
    return f"{text.ja} / {text.en}"


@lru_cache(maxsize=64)
def _period(first: date, last: date) -> tuple[str, str]:
    return japan_time(japan_midnight(first)), japan_time(last_second(last))
