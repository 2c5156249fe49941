"""An enquiry to a desk: what its form must say, and the letters that it becomes; pure.

No date of birth and no phone number of a record is in an event, and letters travel by event. So the desk's letter says
whether the date agrees with the record, and leaves out a phone number that is on file; the person's copy has neither.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from services.registration.domain.birth_dates import read_birth_date
from services.registration.domain.own_address import OwnAddress, read_address
from services.registration.domain.registration import Registration
from services.registration.domain.sign_in import phone_keys, sign_in_key
from shared.attempt_limit import Limit
from shared.plain_text import hidden_in
from shared.programme import EnquiryForm

LONGEST, LONGEST_MESSAGE = 100, 1000
Field = Literal[
    "qualification", "name", "pass_number", "birth_date", "registered_address", "wanted_address", "phone", "message"
]
Problem = Literal["missing", "unreadable", "unknown", "instead", "long", "link"]
"""`unknown`: it must not be; `instead`: without a pass number the date of birth is needed; `link`: no URLs."""

_UNKNOWN = frozenset(
    ("不明", "不詳", "わからない", "分からない", "わかりません", "分かりません", "unknown", "notknown", "don'tknow")
)
_LINK = re.compile(r"://|www\.|@|[a-z0-9-]\.[a-z]{2,}/", re.IGNORECASE)
_PHONE = re.compile(r"[0-9+() ./‐‑–—−ー-]{9,30}(?:(?:内線|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE)


def enquiry_limits(source: str, mailbox: str) -> tuple[Limit, ...]:
    """Of enquiries, and of copies to one address: a form that writes to any address can fill somebody's mailbox."""
    return (
        Limit(f"enquiries-from/{source}", 10, timedelta(hours=1)),
        Limit(f"copies-to/{mailbox}", 3, timedelta(hours=24)),
    )


@dataclass(frozen=True)
class TypedEnquiry:
    """The form as typed."""

    qualification: str = ""
    name: str = ""
    pass_number: str = ""
    birth_date: str = ""
    registered_address: str = ""
    wanted_address: str = ""
    phone: str = ""
    message: str = ""


@dataclass(frozen=True)
class Enquiry:
    """An enquiry that a desk can answer. None: the person does not know it."""

    qualification: str
    name: str
    pass_number: str | None
    birth_date: date | None
    registered_address: OwnAddress | None
    wanted_address: OwnAddress
    phone: str
    message: str


Problems = dict[Field, Problem]


def read_enquiry(typed: TypedEnquiry, form: EnquiryForm, qualifications: Sequence[str]) -> Enquiry | Problems:
    """The enquiry, or what is missing or can't be read, each field with its reason."""
    problems: Problems = {}
    if typed.qualification not in qualifications:
        problems["qualification"] = "missing"
    name = _line(typed.name, "name", problems)
    if _LINK.search(name):
        problems["name"] = "unreadable"
    born = read_birth_date(typed.birth_date)
    if typed.birth_date.strip() and born is None and not _is_unknown(typed.birth_date):
        problems["birth_date"] = "unreadable"
    number: str | None = None
    if typed.pass_number.strip() and not _is_unknown(typed.pass_number):
        number = _line(typed.pass_number, "pass_number", problems)
        if not sign_in_key(number) or _LINK.search(number):
            problems["pass_number"] = "unreadable"
    elif "pass_number" not in form.may_be_unknown:
        problems["pass_number"] = "unknown" if typed.pass_number.strip() else "missing"
    elif born is None and "birth_date" not in problems:
        problems["birth_date"] = "instead"
    registered: OwnAddress | None = None
    if not _is_unknown(typed.registered_address):
        registered = _address(typed.registered_address, "registered_address", problems)
    elif "registered_address" not in form.may_be_unknown:
        problems["registered_address"] = "unknown"
    wanted = _address(typed.wanted_address, "wanted_address", problems)
    phone = " ".join(unicodedata.normalize("NFKC", typed.phone).split())
    if not phone or _is_unknown(phone):
        problems["phone"] = "unknown" if phone else "missing"
    elif not (_PHONE.fullmatch(phone) and phone_keys([phone])):
        problems["phone"] = "unreadable"
    message = "\n".join(line.rstrip() for line in typed.message.replace("\r", "").split("\n")).strip()
    if len(message) > LONGEST_MESSAGE:
        problems["message"] = "long"
    elif any(hidden_in(line) for line in message.split("\n")):
        problems["message"] = "unreadable"
    elif _LINK.search(unicodedata.normalize("NFKC", message)):
        problems["message"] = "link"
    if problems or wanted is None:
        return {field: problems[field] for field in _IN_ORDER if field in problems}
    return Enquiry(typed.qualification, name, number, born, registered, wanted, phone, message)


_IN_ORDER: tuple[Field, ...] = (
    "qualification",
    "name",
    "pass_number",
    "birth_date",
    "registered_address",
    "wanted_address",
    "phone",
    "message",
)


def _line(text: str, name: Field, problems: Problems) -> str:
    line = text.strip()
    if not line:
        problems[name] = "missing"
    elif len(line) > LONGEST:
        problems[name] = "long"
    elif hidden_in(line):
        problems[name] = "unreadable"
    return line


def _address(text: str, name: Field, problems: Problems) -> OwnAddress | None:
    address = read_address(text)
    if isinstance(address, OwnAddress):
        return address
    problems[name] = "missing" if address == "missing" else "unreadable"
    if name == "wanted_address" and _is_unknown(text):
        problems[name] = "unknown"
    return None


def _is_unknown(text: str) -> bool:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip("。.") in _UNKNOWN


# ── whose it is ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Match:
    """What agrees between an enquiry and the register. `registration` only where it is the person's."""

    registration: Registration | None = None
    is_number_known: bool = False
    is_name_same: bool = False
    is_birth_date_same: bool = False
    is_phone_same: bool = False


def match_of(enquiry: Enquiry, candidates: Sequence[Registration]) -> Match:
    """The registration that is the person's: two of number, name and date of birth agree. None where two people match.

    `candidates`: those with the number, or without one those with the date of birth.
    """
    agreeing = [
        Match(
            each,
            is_number_known=enquiry.pass_number is not None,
            is_name_same=is_name_of(enquiry.name, each),
            is_birth_date_same=enquiry.birth_date is not None and enquiry.birth_date == each.record.birth_date,
            is_phone_same=bool(phone_keys([enquiry.phone]) & phone_keys([each.record.phone])),
        )
        for each in sorted(candidates, key=lambda each: (each.record.valid_from, each.id))
    ]
    sure = [each for each in agreeing if each.is_number_known + each.is_name_same + each.is_birth_date_same >= 2]
    people = {each.registration.record.person_id for each in sure if each.registration is not None}
    return sure[-1] if len(people) == 1 else Match(is_number_known=bool(agreeing) and enquiry.pass_number is not None)


def is_name_of(typed: str, registration: Registration) -> bool:
    """Whether a typed name is the registered one: any width and spacing, either order; kana and Latin letters, too."""
    record = registration.record
    key = _name_key(typed)
    spelled = (
        (record.family_name, record.given_name),
        (record.family_name_kana, record.given_name_kana),
        (record.family_name_latin, record.given_name_latin),
    )
    return bool(key) and any(
        key in (_name_key(f"{family}{given}"), _name_key(f"{given}{family}"))
        for family, given in spelled
        if family and given
    )


def _name_key(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        c for c in plain if not (c.isspace() or "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef")
    )


# ── the letters ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Letters:
    """The bodies of both letters, ready to be read."""

    to_desk: str
    copy: str


def letters_of(enquiry: Enquiry, match: Match, qualification: str) -> Letters:
    """`qualification`: its name. The copy says nothing of the register: anybody may have written it."""
    common = [
        ("資格 / Qualification", qualification),
        ("氏名 / Name", enquiry.name),
        ("合格番号 / Pass number", enquiry.pass_number or "不明 / unknown"),
    ]
    addresses = [
        (
            "登録しているアドレス / Address on file",
            enquiry.registered_address.mailed if enquiry.registered_address else "不明 / unknown",
        ),
        ("登録したいアドレス / Address wanted", enquiry.wanted_address.mailed),
    ]
    message = [("ご用件 / Message", enquiry.message)] if enquiry.message else []
    given = "記入なし / not given" if enquiry.birth_date is None else "記入あり / given"
    to_desk = [
        *common,
        ("生年月日 / Date of birth", _birth_date_text(enquiry, match)),
        *addresses,
        (
            "電話番号 / Telephone",
            "登録の番号と同じ / the one on file" if match.is_phone_same else enquiry.phone,
        ),
        *message,
        ("登録との照合 / In the register", _match_text(match)),
    ]
    copy = [
        *common,
        ("生年月日 / Date of birth", given),
        *addresses,
        ("電話番号 / Telephone", f"…{re.sub(r'[^0-9]', '', enquiry.phone)[-4:]}"),
        *message,
    ]
    return Letters(_written(to_desk), _written(copy))


def _birth_date_text(enquiry: Enquiry, match: Match) -> str:
    if enquiry.birth_date is None:
        return "記入なし / not given"
    if match.registration is None:
        return "記入あり（照合できる登録がありません） / given; no record to compare it with"
    if match.is_birth_date_same:
        return "登録と一致 / as in the register"
    return "登録と一致しません / not as in the register"


def _match_text(match: Match) -> str:
    if match.registration is None:
        if match.is_number_known:
            return "合格番号の登録はありますが、氏名も生年月日も一致しません / the number is another name's"
        return "見つかりません / not found"
    name = "氏名が一致 / same name" if match.is_name_same else "氏名が異なります / another name"
    return f"{match.registration.id}（{name}）"


def _written(lines: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{label}：{text}" if "\n" not in text else f"{label}：\n{text}" for label, text in lines)
