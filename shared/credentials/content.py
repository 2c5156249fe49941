"""What a signed document may hold, and how many statements that makes; pure.

Whatever JSON-LD leaves out of the statements is not signed, and implementations differ in unusual text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Unreadable

VC_CONTEXT = "https://www.w3.org/ns/credentials/v2"
OB_CONTEXT = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
TERMS_CONTEXT = "https://www.w3.org/ns/credentials/undefined-terms/v2"
"""Gives every property that no other context defines an IRI of its own: for statements of the count only."""

Document = Mapping[str, Any]
"""A JSON-LD document as JSON gives it. Its shape is the business of the contexts, so it stays a mapping."""

_SUSPECT = re.compile("[{}\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")


def walk(value: Any, path: str = "") -> Iterator[tuple[str, str | None, Any]]:
    """Every (path, name, value) below `value`: members of objects with their names, entries of lists without."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if path or name != "@context":
                at = f"{path}.{name}" if path else str(name)
                yield at, name, inner
                yield from walk(inner, at)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield f"{path}[{position}]", None, inner
            yield from walk(inner, f"{path}[{position}]")


def refuse_keywords(document: Document) -> None:
    """Unreadable for what our documents never have: JSON-LD keywords (they change what the rest means), null (it
    vanishes), large and fractional numbers (they change), labels of unnamed nodes (the result is no tree)."""
    for path, name, value in walk(document):
        if name is not None and (name.startswith("@") or name[:1].isupper()):
            # Open Badges' context gives `criteria` and the class `Criteria` one IRI: one statement by two names.
            raise Unreadable(f"{path}: got a JSON-LD keyword or a class, expected id, type and properties")
        if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
            raise Unreadable(f"{path}: got {value!r}, expected text, a whole number below 2^53, true or false")
        if name == "id" and (not isinstance(value, str) or value.startswith("_:")):
            raise Unreadable(f"{path}: got {str(value)[:80]!r}, expected a URL")
        if isinstance(value, list) and path.endswith("]"):
            raise Unreadable(f"{path}: got a list in a list, expected a value")


def text_problem(text: str) -> str | None:
    """What keeps a text from being signed, as "got …, expected …"; None if nothing.

    Control characters, DEL, U+FFFE and U+FFFF are escaped by some canonicalisers and not by others; a lone surrogate
    has no bytes; some wallets find the end of a credential within a picture by counting braces.
    """
    if not _SUSPECT.search(text):
        return None
    open_braces = 0
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs"):
            return f"got U+{ord(character):04X}, expected no control character"
        if character in "\ufffe\uffff":
            return f"got U+{ord(character):04X}, expected a character"
        open_braces += (character == "{") - (character == "}")
        if open_braces < 0:
            break
    return "got an unbalanced { or }, expected pairs" if open_braces else None


def expected_count(document: Document) -> int:
    """How many statements a document makes when nothing is left out: one for each value of each property."""
    made: set[tuple[str, str, str]] = set()

    def node(value: Mapping[str, Any], place: str) -> str:
        subject = value.get("id")
        name = subject if isinstance(subject, str) else place
        for property, inner in value.items():
            if property not in ("id", "@context"):
                for position, entry in enumerate(inner if isinstance(inner, list) else [inner]):
                    below = f"{place}/{property}/{position}"
                    made.add((name, property, node(entry, below) if isinstance(entry, Mapping) else json.dumps(entry)))
        return name

    node(document, "")
    return len(made)


def with_only(document: Document, paths: set[str]) -> dict[str, Any]:
    """The document with these properties, id and type."""

    def copy(value: Any, at: str) -> Any:
        if isinstance(value, Mapping):
            named = {name: f"{at}.{name}" if at else name for name in value}
            kept = [name for name in value if name in ("id", "type", "@context") or named[name] in paths]
            return {name: copy(value[name], named[name]) for name in kept}
        if isinstance(value, list):
            return [copy(inner, f"{at}[{position}]") for position, inner in enumerate(value)]
        return value

    return {**copy(document, "")}
