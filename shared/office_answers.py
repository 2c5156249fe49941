"""What registration answers to the office's board about people: what no event holds. Spoken by registration and ops.

Birth dates and telephone numbers are no part of it. And how both compare what the office types with what they hold.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from shared.variant_characters import PLAIN, SELECTORS

HIRAGANA = "".join(map(chr, range(0x3041, 0x3097)))
KATAKANA = "".join(map(chr, range(0x30A1, 0x30F7)))
LEFT_OUT = " -\u2010\u2011\u2012\u2013\u2014\u2015\u2212ー－"
"""What makes no difference in a search: spaces, hyphens and what looks like them."""

_SELECTORS = dict.fromkeys(map(ord, SELECTORS))
_SELECTOR = "[\ufe00-\ufe0f\U000e0100-\U000e01ef]"  # of SELECTORS, as a regular expression
_FORMER = str.maketrans(HIRAGANA, KATAKANA, LEFT_OUT)
_FOLDED = str.maketrans(HIRAGANA + "".join(PLAIN), KATAKANA + "".join(PLAIN.values()), LEFT_OUT)


def search_key(text: str) -> str:
    """A text as it is searched for: width, case, hyphens, spaces, hiragana or katakana, variants don't matter.

    As `search_sql`.
    """
    return unicodedata.normalize("NFKC", text.translate(_SELECTORS)).lower().translate(_FOLDED)


def former_search_key(text: str) -> str:
    """As the former release searches: with each kanji as it is written."""
    return unicodedata.normalize("NFKC", text).lower().translate(_FORMER)


def search_sql(column: str, parts: Sequence[str]) -> str:
    """`search_key` of a column, in SQL, to find `parts` in it, which are such keys.

    Folded is only what may become a character of the parts: translate() compares each character with all that it is
    given. Most texts have no selector, and to look for one costs little.
    """
    asked = set("".join(parts))
    folded = [
        (form, plain) for form, plain in (*zip(HIRAGANA, KATAKANA, strict=True), *PLAIN.items()) if plain in asked
    ]
    forms, plain = ("".join(each) for each in zip(*folded, strict=True)) if folded else ("", "")
    text = f"({column})"
    text = f"case when {text} ~ '{_SELECTOR}' then regexp_replace({text}, '{_SELECTOR}', '', 'g') else {text} end"
    return f"translate(lower(normalize({text}, NFKC)), '{forms}{LEFT_OUT}', '{plain}')"


class SharerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Another registration at the same address."""

    registration_id: str
    qualification: str
    name: str
    state: str


class NotAppliedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A field that upstream changed after the issue: it keeps its value."""

    field: str
    at: datetime


class PersonAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One registration. `names` as upstream has them, `written` as the certificate has them or is to have them.

    Both by field: family_name, given_name, family_name_latin, given_name_latin.
    """

    registration_id: str
    names: dict[str, str | None]
    written: dict[str, str | None]
    kana: str | None = None
    email: str | None = None
    contact_email: str | None = None
    missing: dict[str, tuple[str, ...]] = {}  # field → the characters that no font has, as "U+20BB7 𠮷"
    sharers: tuple[SharerAnswer, ...] = ()
    not_applied: tuple[NotAppliedAnswer, ...] = ()


class ChangeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an order changed of one field."""

    decision_id: str
    field: str
    old: str | None
    new: str | None


class FoundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The registrations that a question finds, at most 200."""

    registration_ids: tuple[str, ...]


class HeldAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who gets no badge as things stand, and why."""

    registration_id: str
    name: str
    reason: str
    first_registration_id: str | None = None


class QualificationOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """Of one qualification: how many badges are on their way already (`released`) and come, by the day of the notice.

    `letters`: those to come by mail domain. `held`: the first of them by id; `held_by_reason` counts all.
    """

    released: int = 0
    coming: int = 0
    coming_on: dict[date, int] = {}
    letters: dict[str, int] = {}
    held_by_reason: dict[str, int] = {}
    held: tuple[HeldAnswer, ...] = ()


class CohortAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a cohort as things stand now. `valid_until`: of the badge to come that is valid for longest."""

    cohort: str
    begins_at: datetime
    is_current: bool  # the cohort of the setting COHORT
    valid_until: date | None
    qualifications: dict[str, QualificationOutlook]


class ChangesQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders' changes are asked for."""

    decision_ids: tuple[str, ...]
