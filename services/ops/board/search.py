"""What the office types to find somebody: a name, kana, a number, an id, an address; pure.

A person's key holds names and numbers one behind the other. It is found by its grams, three characters each that follow
each other, and two and one at its end: names of two characters are the beginning of a gram.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from shared.office_answers import former_search_key, search_key

LONGEST = 200
_GRAM = 3


def search_parts(text: str) -> list[str]:
    """What somebody must have all of: the words of a question, each by `search_key`."""
    words = unicodedata.normalize("NFKC", text[:LONGEST]).split()
    return [key for word in words if (key := search_key(word))]


def key_of(texts: Sequence[str | None]) -> str:
    """The key of somebody with these names and numbers. It has no spaces, as nothing that `search_key` makes.

    Where the former release searches by another one, that stands behind it.
    """
    text = " ".join(text for text in texts if text)
    key, former = search_key(text), former_search_key(text)
    return key if key == former else key + former


def grams_of(key: str) -> set[str]:
    """The grams by which a key is found."""
    return {key[at : at + _GRAM] for at in range(len(key))}


def grams_query(parts: Sequence[str]) -> str | None:
    """The grams of the keys that may hold all `parts`, as a tsquery; None: too many do, for one ASCII character."""
    words = {
        part[at : at + _GRAM]
        for part in parts
        if len(part) > 1 or not part.isascii()
        for at in range(max(1, len(part) - _GRAM + 1))
    }
    return " & ".join(map(_begins, sorted(words))) or None


def _begins(word: str) -> str:
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'" if len(word) == _GRAM else f"'{quoted}':*"
