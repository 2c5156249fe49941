"""Texts that forms and orders take. Used by ops, and by the answers to what is refused."""

from __future__ import annotations

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from shared.plain_text import hidden_in

HIDDEN = "hidden_character"


def _without_hidden(text: str) -> str:
    if found := hidden_in(text):
        raise PydanticCustomError(HIDDEN, "no control or format characters, found {character}", {"character": found})
    return text


PLAIN = AfterValidator(_without_hidden)
"""One line without control and format characters: a page or terminal shows it as it is."""
