"""Characters in place of others that look the same: ⾼ (U+2FBC, the radical of a dictionary) for 高; pure.

They come out of PDFs, of Korean and Taiwanese systems, and of keyboards of other scripts. They can be printed, but a
search for the name doesn't find them. Characters of Japanese standards, however rare, are none: 﨑, 神, 塚.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from services.registration.domain.encoding import is_in_japanese_standards

LOOKED_AT = (
    *("family_name", "given_name", "family_name_latin", "given_name_latin"),
    *("pass_number", "registration_number"),
)
"""The texts that are signed or printed."""

_RADICALS = dict(zip("⺠⻁⻄⻆⻑⻘⻝⻣⻤⻨⻩⻫⻭⻯⻲", "民虎西角長青食骨鬼麦黄斉歯竜亀", strict=True))
"""Those to which Unicode gives no decomposition."""

_OTHER_SCRIPTS = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеіјорсѕухΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρ",  # Cyrillic and Greek, on purpose
        "ABESIJKMHOPCTYXaeijopcsyxABEZHIKMNOPTYXovp",
        strict=True,
    )
)


class LookAlike(NamedTuple):
    """A character of a field of a record, and the one that it looks like; None if that is not certain."""

    field: str
    found: str
    meant: str | None


def look_alikes(record: object) -> list[LookAlike]:
    """Each look-alike in the fields LOOKED_AT of an upstream record once, in order."""
    return list(
        dict.fromkeys(
            LookAlike(field, found, meant)
            for field in LOOKED_AT
            for found, meant in _in_text(getattr(record, field) or "")
        )
    )


def is_radical(character: str) -> bool:
    """A radical of a dictionary, a stroke of a kanji, or a reading sign of classical Chinese (Kanbun)."""
    return "\u2e80" <= character <= "\u2fdf" or "\u3190" <= character <= "\u319f" or "\u31c0" <= character <= "\u31ef"


def described(character: str) -> str:
    """ "U+2FBC ⾼" """
    return f"U+{ord(character):04X} {character}"


def _in_text(text: str) -> Iterator[tuple[str, str | None]]:
    if text.isascii():
        return
    has_latin = any(character.isascii() and character.isalpha() for character in text)
    for character in text:
        if is_radical(character):
            plain = unicodedata.normalize("NFKC", character)
            yield character, plain if plain != character else _RADICALS.get(character)
        elif "\uf900" <= character <= "\ufaff" or "\U0002f800" <= character <= "\U0002fa1f":
            plain = unicodedata.normalize("NFC", character)
            if plain != character and not is_in_japanese_standards(character):
                yield character, plain
        elif has_latin and character in _OTHER_SCRIPTS:
            yield character, _OTHER_SCRIPTS[character]
