"""The facts on a certificate, read from the signed credential: only what was signed is printed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from shared import object_keys
from shared.clock import japan_date
from shared.errors import Unreadable

_PASS_NUMBER = "ext:passNumber"  # 合格番号
_LATIN_NAME = "ext:latinName"
_BADGE_PICTURE = re.compile(rf"/badges/({object_keys.QUALIFICATION})/({object_keys.EDITION})\.png$")


@dataclass(frozen=True)
class Certificate:
    """What is printed. Dates are Japan calendar days; `valid_until` is the last day of the period."""

    assertion_id: str
    holder: str  # 氏 before 名: コンクリート 太郎
    latin_name: str | None  # 氏 before 名, too; None in a badge without one
    qualification: str  # id in the programme
    qualification_name: str
    edition: str  # of the badge's picture: 2026, or 2026-2 for the second picture of that 年度
    pass_number: str  # 合格番号
    registration_number: str  # 登録番号
    issued_on: date
    valid_from: date
    valid_until: date
    verification_url: str


class _Identity(msgspec.Struct, rename="camel"):
    identity_type: str
    identity_hash: str
    hashed: bool = False


class _Image(msgspec.Struct):
    id: str


class _Achievement(msgspec.Struct):
    name: str
    image: _Image


class _Subject(msgspec.Struct, rename="camel"):
    identifier: list[_Identity]
    license_number: str
    achievement: _Achievement


class _Credential(msgspec.Struct, rename="camel"):
    """The parts of an Open Badges 3.0 credential that are printed."""

    id: str
    awarded_date: datetime
    valid_from: datetime
    valid_until: datetime
    credential_subject: _Subject


_decoder = msgspec.json.Decoder(_Credential)


def certificate_of(credential: bytes, assertion_id: str, public_url: str) -> Certificate:
    """What to print for an assertion, from its credential in object storage.

    Unreadable, naming the field, when the credential is another assertion's or lacks something that is printed.
    """
    try:
        it = _decoder.decode(credential)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"credential {assertion_id}: {error}") from error
    key = object_keys.credential(assertion_id)
    if not it.id.endswith(f"/{key}"):
        raise Unreadable(f"credential {assertion_id}: got id {it.id}, expected …/{key}")
    subject = it.credential_subject
    badge = _BADGE_PICTURE.search(subject.achievement.image.id)
    if badge is None:
        raise Unreadable(
            f"credential {assertion_id}: got image {subject.achievement.image.id},"
            " expected …/badges/<qualification>/<edition>.png"
        )
    return Certificate(
        assertion_id=assertion_id,
        holder=_identity(subject, "name", assertion_id),
        latin_name=_latin_name(subject, assertion_id),
        qualification=badge[1],
        qualification_name=subject.achievement.name,
        edition=badge[2],
        pass_number=_identity(subject, _PASS_NUMBER, assertion_id),
        registration_number=subject.license_number,
        issued_on=_day(it.awarded_date, "awardedDate", assertion_id),
        valid_from=_day(it.valid_from, "validFrom", assertion_id),
        valid_until=_day(it.valid_until, "validUntil", assertion_id),
        verification_url=f"{public_url}/V/{assertion_id}",
    )


def japanese_date(day: date) -> str:
    """2026年4月1日"""
    return f"{day.year}年{day.month}月{day.day}日"


def _latin_name(subject: _Subject, assertion_id: str) -> str | None:
    given = any(each.identity_type == _LATIN_NAME for each in subject.identifier)
    return _identity(subject, _LATIN_NAME, assertion_id) if given else None


def _identity(subject: _Subject, kind: str, assertion_id: str) -> str:
    found = [each.identity_hash for each in subject.identifier if each.identity_type == kind and not each.hashed]
    if len(found) != 1:
        raise Unreadable(f"credential {assertion_id}: got {len(found)} readable identifiers {kind!r}, expected one")
    return found[0]


def _day(moment: datetime, field: str, assertion_id: str) -> date:
    if moment.tzinfo is None:
        raise Unreadable(f"credential {assertion_id}: got {field} without a time zone, expected one")
    return japan_date(moment)
