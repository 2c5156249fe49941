"""The forms of numbers that a programme knows ("00-0000"): what was typed is brought into its form, or refused. Pure.

In a form 0 is a digit and A a capital letter of ASCII; any other character stands for itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache

_HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—―−ー", "-"))  # what Japanese keyboards give between digits


def plain(text: str) -> str:
    """`text` in ASCII if it can be: full-width letters and digits, and the hyphens between them. Else as it is."""
    if text.isascii():
        return text
    found = folded(text)
    return found if found.isascii() else text


def folded(text: str) -> str:
    """`text` without the full-width forms of letters, digits and signs, and with one kind of hyphen."""
    return unicodedata.normalize("NFKC", text).translate(_HYPHENS)


def in_form(text: str, forms: Collection[str]) -> str | None:
    """The number as one of `forms` writes it; None if it has none of them."""
    number = plain(text).upper() if any("A" in form for form in forms) else plain(text)
    return number if any(_pattern(form).fullmatch(number) for form in forms) else None


def with_zeros(text: str, forms: Collection[str]) -> str:
    """The number with the zeros in front that a spreadsheet left out, if exactly one form has them; else as it is.

    A number that has a form already stays.
    """
    if not text or in_form(text, forms) is not None:
        return text
    number = plain(text)
    missing = {form: len(form) - len(number) for form in forms}
    padded = {"0" * count + number for form, count in missing.items() if count > 0 and form.startswith("0" * count)}
    found = [each for each in padded if in_form(each, forms) is not None]
    return found[0] if len(found) == 1 else text


@cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile("".join({"0": "[0-9]", "A": "[A-Z]"}.get(character, re.escape(character)) for character in form))
