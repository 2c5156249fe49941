"""What people type into spreadsheets, and what Excel makes of it, in the forms that a record has. Pure.

Only what can mean one thing: `2026/4/1`, `令和8年4月1日`, `R8.4.1`, full-width digits, an apostrophe in front, the
zeros that Excel left out of a number whose form the programme knows. Anything else stays, and is refused as typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from services.registration.domain.eras import ERAS
from services.registration.domain.forms import folded, plain, with_zeros
from services.registration.domain.record import DATES, HEADERS, NUMBERS
from services.registration.domain.soundness import trimmed
from shared.plain_text import ALTERED, FORMULA, ISO_DAY
from shared.programme import Programme

_NAMES = frozenset(name for name in HEADERS.values() if "_name" in name)
_PLAIN = NUMBERS | {"phone"}

_ERA = "|".join([*(era.name for era in ERAS), f"[{''.join(era.letter + era.letter.lower() for era in ERAS)}]"])
_MIDNIGHT = r"(?:[ T]0{1,2}:00(?::00)?)?"
_OF_ERA = re.compile(
    f"({_ERA})"
    r"\s*\.?\s*([0-9]{1,2}|元)\s*[年./-]\s*([0-9]{1,2})\s*[月./-]\s*([0-9]{1,2})\s*日?" + _MIDNIGHT
)
_OF_YEAR = re.compile(
    r"([0-9]{4})(?:\s*年\s*([0-9]{1,2})\s*月\s*([0-9]{1,2})\s*日|([-/.])([0-9]{1,2})\4([0-9]{1,2}))" + _MIDNIGHT
)


def as_typed(fields: Mapping[str, object], programme: Programme | None = None) -> dict[str, object]:
    """The fields of a row with each cell in the form that a record has. Without `programme` no zeros are added."""
    read = {name: _cell(name, text) if isinstance(text, str) else text for name, text in fields.items()}
    for name in NUMBERS if programme is not None else ():
        assert programme is not None
        forms = _forms(read.get("qualification"), name, programme)
        text = read.get(name)
        if forms and isinstance(text, str):
            read[name] = with_zeros(trimmed(text), forms)
    return read


def as_cell(name: str, text: str) -> str:
    """The text as a cell of a CSV that Excel opens without changing it. `as_typed` reads the same text again.

    An apostrophe in front keeps formulas texts, and what Excel would take for a number, a day or a time.
    """
    is_altered = name not in DATES and ALTERED.fullmatch(text) is not None and _is_marked(name, f"'{text}")
    return f"'{text}" if text.startswith(FORMULA) or is_altered or _is_marked(name, text) else text


def unmarked(name: str, text: str) -> str:
    """The cell without the apostrophe in front that made it a text."""
    return text[1:] if _is_marked(name, text) else text


def day_of(text: str) -> date | None:
    """The day in `text` as an office writes it; None if it can't be told, or if calendar or era have no such day."""
    text = folded(text).strip()
    try:
        if found := _OF_YEAR.fullmatch(text):
            return date(int(found[1]), int(found[2] or found[5]), int(found[3] or found[6]))
        if found := _OF_ERA.fullmatch(text):
            return _day_of_era(found[1], 1 if found[2] == "元" else int(found[2]), int(found[3]), int(found[4]))
    except ValueError:
        return None
    return None


def _day_of_era(era: str, year: int, month: int, day: int) -> date | None:
    at = next(at for at, known in enumerate(ERAS) if era in (known.name, known.letter, known.letter.lower()))
    begins = ERAS[at].begins_on
    found = date(begins.year + year - 1, month, day)
    is_over = at + 1 < len(ERAS) and found >= ERAS[at + 1].begins_on
    return None if year < 1 or found < begins or is_over else found


def _cell(name: str, text: str) -> str:
    text = trimmed(text)
    if _is_marked(name, text):
        text = trimmed(text[1:])
    if name in DATES and not ISO_DAY.fullmatch(text):
        day = day_of(text)
        return text if day is None else day.isoformat()
    return plain(text) if name in _PLAIN else text


def _is_marked(name: str, text: str) -> bool:
    """Whether an apostrophe in front is none of the name: 't Hooft has one of its own."""
    return text.startswith("'") and not (name in _NAMES and text[1:2].isascii() and text[1:2].islower())


def _forms(qualification: object, name: str, programme: Programme) -> tuple[str, ...]:
    for id, known in programme.qualifications.items():
        if isinstance(qualification, str) and trimmed(qualification) in (id, known.name.ja):
            forms: tuple[str, ...] = getattr(known, f"{name}_forms")
            return forms
    return ()
