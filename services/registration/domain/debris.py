"""What programs leave in a text in place of its value: spreadsheets, databases, conversions that lost characters.

An answer says what it is, and nothing personal. Pure.
"""

from __future__ import annotations

import re
import unicodedata

LOST = frozenset("?¿\ufffd\ufffc〓〾□■▢▣◻◼▯▮☐☒⬚⍰")
"""What stands for a character that an encoding or a font lacks."""

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WHOLE = {
    "a word for no value": (  # of programs and offices; Null, Nan and Na are names
        r"NULL|null|None|NaN|nan|NaT|nil|undefined|Infinity|[-+]?inf|TRUE|FALSE|true|false|N/A|n/a|<NA>|<null>|\\N"
        r"|[(\[]null[)\]]|\(blank\)|\(?空白\)?|空欄|同上|不明|未定|未入力|未登録|該当なし"
    ),
    "a cell that was too narrow": r"#+",
    "a spreadsheet's error": r"#¡?[^\W\d]\S*[!?]|#(?:N/A|N/D|NV|GETTING_DATA)|Err:\d{3}|-?1\.#[A-Z]+",
    "a number that a spreadsheet shortened": r"[-+]?\d+(?:[.,]\d+)?[Ee]\+\d{1,3}|[-+]?\d+[.,]\d+[Ee]-?\d{1,3}|\d+\.0+",
    "a day that a spreadsheet made of a number": (
        r"(?:\d{4}年)?\d{1,2}月\d{1,2}日|\d{4}年\d{1,2}月|\d{4}/\d{1,2}/\d{1,2}(?: [\d:]+)?"
        rf"|\d{{1,2}}-{_MONTH}(?:-\d\d(?:\d\d)?)?|{_MONTH}-\d\d"
    ),
}
_WITHIN = {
    "a formula": r"^[=]|^@\w+\(|^[-+]\w+\(",
    "a quotation mark of a spreadsheet": r"^[\"“”]|^'(?![a-z])|^['`‘’].*\d|(?<=\d)[\"”'’]$",  # 't Hooft is a name
    "a spreadsheet's code for a line break": r"_x[0-9A-Fa-f]{4}_",
    "a character written as a code": (
        r"&#?\w{2,31};|(?:%[0-9A-Fa-f]{2}){2}|\\[uUx][0-9A-Fa-f]{2}|\\[0-7]{3}|=\?[\w-]+\?[BbQq]\?"
    ),
}
_WHOLE_PATTERNS = {what: re.compile(pattern) for what, pattern in _WHOLE.items()}
_WITHIN_PATTERNS = {what: re.compile(pattern) for what, pattern in _WITHIN.items()}


def debris(text: str) -> str | None:
    """What a program left in `text`; None if nothing. Full-width forms count as what they stand for."""
    plain = unicodedata.normalize("NFKC", text)
    for what, pattern in _WHOLE_PATTERNS.items():
        if pattern.fullmatch(plain):
            return what
    for what, pattern in _WITHIN_PATTERNS.items():
        if pattern.search(plain):
            return what
    return None


def lost_character(text: str) -> str | None:
    """The first sign in `text` that stands for a lost character; None if there is none."""
    for character in text:
        if character in LOST or unicodedata.normalize("NFKC", character) == "?":
            return character
    return None
