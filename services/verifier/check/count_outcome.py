"""How a check of the count ends: what is right goes on, anything else is raised with a code for its words; pure."""

from __future__ import annotations

from typing import TypeVar

from services.verifier.check.count_evidence import Stated
from services.verifier.check.credential import Invalid
from services.verifier.check.evidence import Unavailable

T = TypeVar("T", Stated, tuple[str, ...], frozenset[str])


class Wrong(Exception):
    """A check failed: what was found."""

    def __init__(self, code: str, got: str, expected: str) -> None:
        super().__init__(got)
        self.code, self.got, self.expected = code, got, expected


class Open(Wrong):
    """A check could not be made, or not yet (`pending`)."""


def expect(is_right: bool, code: str, got: object, expected: object) -> None:
    if not is_right:
        raise Wrong(code, str(got), str(expected))


def required(found: T | Invalid | Unavailable | None, code: str, what: str) -> T:
    """What was found. Wrong for what isn't there or can't be read, Open for what could not be fetched."""
    if isinstance(found, Unavailable):
        raise Open("away", found.why, what)
    if found is None:
        raise Wrong(code, f"nothing at {what}", what)
    if isinstance(found, Invalid):
        raise Wrong(code, f"{what}: {found.why}", what)
    return found


def name_of(each: Stated) -> str:
    return f"{each.statement.cohort}/{each.number}"
