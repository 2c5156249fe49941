"""Why an assertion can't be rendered: a word, the field or object at fault, the characters. Pure; nothing personal."""

from __future__ import annotations

from typing import NamedTuple

from services.renderer.domain.facts import Certificate
from shared.errors import AkashiError
from shared.events import RenderingFailure
from shared.soundness import MissingGlyphs


class Failure(NamedTuple):
    """`field` as in `RenderingFailed`; `characters` by code point only."""

    reason: RenderingFailure
    field: str | None = None
    characters: tuple[str, ...] = ()


class NotRendered(AkashiError):
    """Somebody has to correct what `failure` names. The text is the cause in full: not for logs."""

    def __init__(self, failure: Failure, cause: object) -> None:
        super().__init__(str(cause))
        self.failure = failure

    def __reduce__(self) -> tuple[type[NotRendered], tuple[Failure, str]]:
        """As it comes from another process."""
        return NotRendered, (self.failure, str(self))


def unprintable(certificate: Certificate, missing_glyphs: MissingGlyphs) -> Failure:
    """The first text that the fonts can't print, by the rule that registration applies to records."""
    for field, text in _printed(certificate):
        if missing := missing_glyphs(text):
            return Failure("no-glyph", field, tuple(map(_code_points, missing)))
    return Failure("no-glyph", "qualification")  # the only other text, in a font of its own


def _printed(certificate: Certificate) -> list[tuple[str, str]]:
    """Field and text. What was signed has 氏 and 名 in one: where a name has a second space, the field is "name"."""
    return [
        *_parts(certificate.holder, "family_name", "given_name", "name"),
        *_parts(certificate.latin_name or "", "family_name_latin", "given_name_latin", "family_name_latin"),
        ("pass_number", certificate.pass_number),
        ("registration_number", certificate.registration_number),
        ("qualification", certificate.qualification_name),
    ]


def _parts(name: str, family: str, given: str, whole: str) -> list[tuple[str, str]]:
    names = name.split(" ")
    return list(zip((family, given), names, strict=True)) if len(names) == 2 else [(whole, name)]


def _code_points(named: str) -> str:
    """Of a character as `glyphs.name_of` writes it."""
    return " ".join(word for word in named.split(" ") if word.startswith("U+"))
