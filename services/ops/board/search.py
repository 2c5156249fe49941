"""What the office types to find somebody: a name, kana, a number, an id, an address; pure."""

from __future__ import annotations

import unicodedata

from shared.office_answers import search_key

LONGEST = 200


def search_parts(text: str) -> list[str]:
    """What somebody must have all of: the words of a question, each by `search_key`."""
    words = unicodedata.normalize("NFKC", text[:LONGEST]).split()
    return [key for word in words if (key := search_key(word))]
