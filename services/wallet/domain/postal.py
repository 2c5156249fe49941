"""A postal address in Japan, as a parcel needs it: what a form may hold, and how it is kept. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields, replace
from typing import Literal

from shared.plain_text import hidden_in

# fmt: off
PREFECTURES = (
    "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県",
    "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県",
    "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県",
    "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県",
    "岡山県", "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県",
    "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県",
)
# fmt: on
LINE_LONGEST = 120  # characters
ADDRESSEE_LONGEST = 60

PostalProblem = Literal["missing", "long", "unprintable", "postcode", "prefecture", "phone"]


@dataclass(frozen=True)
class PostalAddress:
    """Where something is sent. As typed, or as `tidied` returns it."""

    addressee: str = ""
    postcode: str = ""  # 123-4567
    prefecture: str = ""
    line: str = ""  # 市区町村, 番地, 建物
    phone: str = ""  # may be empty


@dataclass(frozen=True)
class PostalProblems:
    """Why an address was refused, by field; false when it was not."""

    addressee: PostalProblem | None = None
    postcode: PostalProblem | None = None
    prefecture: PostalProblem | None = None
    line: PostalProblem | None = None
    phone: PostalProblem | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


_HYPHENS = re.compile(r"[\s\-‐‑‒–—―−ーｰ]")
_POSTCODE = re.compile(r"〒?([0-9]{3})([0-9]{4})")
_PHONE = re.compile(r"\+?[0-9]{9,15}")


def tidied(typed: PostalAddress) -> PostalAddress:
    """As it is kept: no spaces around, half-width figures in postcode and phone. Names and streets stay as typed."""
    plain = _HYPHENS.sub("", unicodedata.normalize("NFKC", typed.postcode))
    postcode = _POSTCODE.fullmatch(plain)
    return replace(
        typed,
        addressee=typed.addressee.strip(),
        postcode=f"{postcode[1]}-{postcode[2]}" if postcode else typed.postcode.strip(),
        prefecture=typed.prefecture.strip(),
        line=typed.line.strip(),
        phone=_HYPHENS.sub("-", unicodedata.normalize("NFKC", typed.phone.strip())),
    )


def postal_problems(address: PostalAddress) -> PostalProblems:
    """What is wrong with a tidied address."""
    digits = re.sub(r"[()\-]", "", address.phone)
    return PostalProblems(
        addressee=_text_problem(address.addressee, ADDRESSEE_LONGEST),
        postcode=None if re.fullmatch("[0-9]{3}-[0-9]{4}", address.postcode) else "postcode",
        prefecture=None if address.prefecture in PREFECTURES else "prefecture",
        line=_text_problem(address.line, LINE_LONGEST),
        phone=None if not address.phone or _PHONE.fullmatch(digits) else "phone",
    )


def _text_problem(text: str, longest: int) -> PostalProblem | None:
    if not text:
        return "missing"
    if len(text) > longest:
        return "long"
    if hidden_in(text) or any(unicodedata.category(letter) in ("Cn", "Co") for letter in text):
        return "unprintable"
    return None
