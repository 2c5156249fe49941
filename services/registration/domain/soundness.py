"""Texts that were spoiled on the way to us, and what no name or number is. Pure.

Stricter than what the issuer can sign (`shared/soundness.py`): a name that a spreadsheet or an encoding has garbled
could be signed, but is nobody's. Applied to every input: file, HTTP, Kafka, and the office's correction.
"""

from __future__ import annotations

import unicodedata

from services.registration.domain.debris import debris, lost_character
from services.registration.domain.look_alikes import is_radical
from services.registration.domain.mojibake import is_noise, misread
from shared.addresses import as_mailed
from shared.plain_text import FILLERS
from shared.soundness import Fault

SAVE_AS_UTF8 = 'save the file as "CSV UTF-8" (CSV UTF-8（コンマ区切り）) and deliver it again'
"""What a sender does whose characters did not come through."""

_SPACES = "\t\n\v\f\r\x85\u2028\u2029" + "".join(  # White_Space: Unicode, PropList.txt
    chr(point) for point in range(0x3001) if unicodedata.category(chr(point)) == "Zs"
)
_INVISIBLE = "\u00ad\u034f\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff" + FILLERS

_EDGES = _SPACES + _INVISIBLE

_NAME_SIGNS = frozenset("=~´`゛゜＝～")
"""The symbols that names are written with: ジャン＝ポール, O´Brien."""

_NO_NAME_SIGNS = frozenset("#%&*:;?@\\¡¿§¶†‡•…※")


def trimmed(text: str) -> str:
    """`text` without the white space and invisible characters at its edges: every Zs, line ends, U+FEFF, U+200B…"""
    return text.strip(_EDGES)


def implausible_name(text: str) -> Fault | None:
    """Why nobody is called `text`; None if somebody may be."""
    return spoiled(text) or _not_of_a_name(text)


def implausible_number(text: str) -> Fault | None:
    """Why `text` is no number (合格番号, 登録番号) and no id; None if it may be one."""
    fault = spoiled(text)
    if fault is None and not any(character.isalnum() for character in text):
        return Fault("a number with letters or digits", "signs only")
    return fault


def implausible_address(text: str) -> Fault | None:
    """Why `text`, an address by its form, was not typed so; None if it may have been."""
    if as_mailed(text).startswith(("'", "=")):  # RFC 5322 allows them; spreadsheets write them
        return Fault("an address without the quotation mark or = of a spreadsheet", "one in front")
    return None


def spoiled(text: str) -> Fault | None:
    """A text that was lost on its way to us."""
    lost = lost_character(text)
    if lost is not None:
        return Fault(f"all characters: some were lost on the way; {SAVE_AS_UTF8}", f"U+{ord(lost):04X} {lost}")
    path = misread(text)
    if path is not None:
        return Fault(f"a text in the encoding it was written in; {SAVE_AS_UTF8}", f"{path.written} read as {path.read}")
    left = debris(text)
    return None if left is None else Fault("the value itself, as a text", left)


def _not_of_a_name(text: str) -> Fault | None:
    if is_noise(text):
        return Fault(f"a text in the encoding it was written in; {SAVE_AS_UTF8}", "half-width katakana as in no word")
    has_letter = False
    for character in text:
        category = unicodedata.category(character)
        if category in ("Lo", "Lu", "Ll", "Lt") and character not in FILLERS:
            has_letter = True
        elif character in FILLERS:
            return Fault("no invisible characters", f"U+{ord(character):04X}")
        elif character in _NAME_SIGNS:
            continue
        elif is_radical(character):  # a symbol to Unicode; told as a look-alike
            has_letter = True
        elif category in ("So", "Sc", "Sm", "Sk", "No") or unicodedata.normalize("NFKC", character) in _NO_NAME_SIGNS:
            return Fault("a name without symbols", f"U+{ord(character):04X} {character}")
    if not has_letter:
        return Fault("a name with letters", "none")
    if text[0] in "・･" or text[-1] in "・･":  # what Windows writes for a character that it can't read
        return Fault(f"all characters: some were lost on the way; {SAVE_AS_UTF8}", f"U+{ord('・'):04X} ・ at an edge")
    return None
