"""Which texts of a registration can become a badge. Used by registration (refuses others), issuer (before it signs) and
renderer (names what it can't print).

What registration accepts, the issuer signs and the renderer prints: all ask here. Pure; no answer holds personal data,
but `printed_fault` names single characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from shared.addresses import LONGEST, address_problem, as_mailed
from shared.clock import years_after
from shared.programme import Bounds

LONGEST_NAME = 64
"""Code points of 氏 and of 名, each: what one line of the 証書 holds at its smallest size."""

LONGEST_TEXT = 100
"""Code points of a number or id."""

PRINTED = ("family_name", "given_name", "pass_number", "registration_number")
"""The texts of a registration that are printed on its certificate."""

MissingGlyphs = Callable[[str], Sequence[str]]
"""The characters of a text that the certificate's fonts lack, each named, as "U+1F600 😀"."""


class Fault(NamedTuple):
    """What is wrong with a text."""

    expected: str
    got: str


def name_fault(text: str) -> Fault | None:
    """What keeps `text` from being 氏 or 名; None if nothing."""
    return _fault(text, LONGEST_NAME)


def number_fault(text: str) -> Fault | None:
    """What keeps `text` from being a number (合格番号, 登録番号) or an id; None if nothing."""
    return _fault(text, LONGEST_TEXT)


def address_fault(text: str) -> Fault | None:
    """What keeps `text`, as a person wrote it, from being the address of a badge; None if nothing."""
    problem = address_problem(text)
    return Fault(problem, "another text") if problem else mailed_address_fault(as_mailed(text))


def mailed_address_fault(text: str) -> Fault | None:
    """What keeps `text`, as events carry it, from being signed as an address; None if nothing."""
    return _fault(text, LONGEST)


def day_fault(day: date, bounds: Bounds) -> Fault | None:
    """What keeps `day` from being in a registration's record, except as a date of birth; None if nothing."""
    if bounds.first_day <= day <= bounds.last_day:
        return None
    return Fault(f"a day from {bounds.first_day} to {bounds.last_day}", str(day))


def period_fault(begins: date, ends: date, bounds: Bounds) -> Fault | None:
    """What is wrong with the last day of a period; None if nothing."""
    if ends < begins:
        return Fault(f"a day not before valid_from, {begins}", str(ends))
    if fault := day_fault(ends, bounds):
        return fault
    latest = min(years_after(begins, bounds.longest_years), bounds.last_day)
    return (
        Fault(f"a day not after {latest}, {bounds.longest_years} years from valid_from", str(ends))
        if (ends > latest)
        else None
    )


def printed_fault(text: str, missing_glyphs: MissingGlyphs) -> Fault | None:
    """What keeps `text` from being printed, the characters by name; None if nothing."""
    missing = missing_glyphs(text)
    return Fault("characters that the certificate's fonts hold", ", ".join(missing)) if missing else None


def _fault(text: str, longest: int) -> Fault | None:
    if text.isprintable() and text.strip() and len(text) <= longest and "{" not in text and "}" not in text:
        return None  # fast path: nearly all texts
    if not text.strip():
        return Fault("a text", "nothing")
    if len(text) > longest:
        return Fault(f"at most {longest} characters", str(len(text)))
    open_braces = 0
    for character in text:
        # Controls, DEL, U+FFFE and U+FFFF are canonicalised differently by signers; a lone surrogate has no bytes.
        if unicodedata.category(character) in ("Cc", "Cs") or character in "\ufffe\uffff":
            return Fault("no control characters", f"U+{ord(character):04X}")
        # A widespread wallet finds the end of a baked badge by counting braces.
        open_braces += (character == "{") - (character == "}")
        if open_braces < 0:
            break
    return Fault("curly brackets in pairs", "{ or } alone") if open_braces else None
