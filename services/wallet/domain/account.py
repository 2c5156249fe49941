"""The rules of an account: names, and what a form is refused for. Pure.

Which passwords: `shared/password_strength.py`; how many tries: `throttle.py`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from shared.events import Holder
from shared.password_strength import PasswordProblem
from shared.plain_text import FILLERS, hidden_in

NAME_LONGEST = 100  # characters
DELETE_WORDS = ("削除", "delete")
"""What a person types, so that no account is deleted by a slip."""

NameProblem = Literal["missing", "long", "unprintable", "link"]
LoginProblem = Literal["wrong", "blocked"]
AddressProblem = Literal["invalid", "own", "too-many", "taken"]


@dataclass(frozen=True)
class FormProblems:
    """Why a form was refused, by field; false when it was not."""

    name: NameProblem | None = None
    password: PasswordProblem | None = None
    login: LoginProblem | None = None
    address: AddressProblem | None = None
    word: Literal["wrong"] | None = None

    def __bool__(self) -> bool:
        return self != NO_PROBLEMS


NO_PROBLEMS = FormProblems()


# Variants of one character that people and registers use for each other in names: those of the first line are compared
# as those of the second.
_VARIANTS = str.maketrans(
    "髙﨑嵜碕𠮷邊邉齋齊斎濵濱澤櫻廣國德黑眞惠圓與萬壽榮龍瀨藏冨嶋嶌桒舘渕淵栁曻榊",
    "高崎崎崎吉辺辺斉斉斉浜浜沢桜広国徳黒真恵円与万寿栄竜瀬蔵富島島桑館淵淵柳昇榊",
)
# What a mail program makes a link of; not "J.R.R. Tolkien", "Muthu a/l Raman", "Dr.Smith".
_LINK = re.compile(r"//|@|[wW]{3}\.|\w{2}\.(?:[a-z]{2}|[A-Z]{2})")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def name_problem(text: str) -> NameProblem | None:
    """Why a typed 氏名 is refused; None if it isn't. One that differs from the registered name is accepted.

    "link": letters greet by the name, also at an address that its owner has not proven.
    """
    if not "".join(text.split()).strip(FILLERS):
        return "missing"
    if len(text) > NAME_LONGEST:
        return "long"
    if hidden_in(text.strip()) or any(unicodedata.category(letter) == "Cn" for letter in text):
        return "unprintable"
    return "link" if _LINK.search(unicodedata.normalize("NFKC", text)) else None


def is_same_name(typed: str, holder: Holder) -> bool:
    """Whether a typed name can be the holder's: either order, any spacing and width, usual variants of characters."""
    names = [
        holder.family_first,
        holder.given_first,
        f"{holder.family_name_latin or ''}{holder.given_name_latin or ''}",
        f"{holder.given_name_latin or ''}{holder.family_name_latin or ''}",
    ]
    key = _name_key(typed)
    return bool(key) and key in {_name_key(name) for name in names}


def _name_key(text: str) -> str:
    plain = unicodedata.normalize("NFKC", _SELECTORS.sub("", text)).casefold().translate(_VARIANTS)
    return "".join(letter for letter in plain if not letter.isspace() and letter not in "・,.")
