"""Numbers that are one person's: 登録番号 and 合格番号 within a qualification; pure.

A registration number belongs to one registration, and may stay the person's from one period to the next. A pass number
belongs to one person.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.events import HeldReason

Numbered = Literal["registration_number", "pass_number"]

DUPLICATES: Mapping[Numbered, HeldReason] = {
    "registration_number": "duplicate-registration-number",
    "pass_number": "duplicate-pass-number",
}


@dataclass(frozen=True)
class NumberUse:
    """A registration with its numbers, as `number_key`. `released_at`: when its badge was released; None: not yet."""

    registration_id: str
    person_id: str
    qualification: str
    registration_number_key: str
    pass_number_key: str
    valid_from: date
    released_at: datetime | None


@dataclass(frozen=True)
class Duplicate:
    """A number that another registration has, too: the one with a badge, if any has."""

    field: Numbered
    registration_id: str


def number_key(number: str) -> str:
    """What two spellings of one number have in common: NFKC, lower case, no spaces. As the columns of the table."""
    return "".join(unicodedata.normalize("NFKC", number).lower().split())


@dataclass(frozen=True)
class Numbers:
    """Registrations by their id and by each of their numbers in their qualification."""

    by_id: Mapping[str, NumberUse]
    by_number: Mapping[tuple[Numbered, str, str], Sequence[NumberUse]]


def numbers_of(uses: Iterable[NumberUse]) -> Numbers:
    by_id = {use.registration_id: use for use in uses}
    by_number: dict[tuple[Numbered, str, str], list[NumberUse]] = {}
    for use in by_id.values():
        by_number.setdefault(("registration_number", use.qualification, use.registration_number_key), []).append(use)
        by_number.setdefault(("pass_number", use.qualification, use.pass_number_key), []).append(use)
    return Numbers(by_id, by_number)


def duplicate(registration_id: str, numbers: Numbers) -> Duplicate | None:
    """The first number of a registration that another has, too, and which; None without any."""
    return next(duplicates(registration_id, numbers), None)


def duplicates(registration_id: str, numbers: Numbers) -> Iterator[Duplicate]:
    """Each number of a registration that another has, too, and which."""
    own = numbers.by_id.get(registration_id)
    if own is None:
        return
    others = [
        use
        for use in numbers.by_number["registration_number", own.qualification, own.registration_number_key]
        if use is not own and (use.person_id != own.person_id or use.valid_from == own.valid_from)
    ]
    if others:
        yield Duplicate("registration_number", _first(others))
    others = [
        use
        for use in numbers.by_number["pass_number", own.qualification, own.pass_number_key]
        if use.person_id != own.person_id
    ]
    if others:
        yield Duplicate("pass_number", _first(others))


def _first(uses: Sequence[NumberUse]) -> str:
    """The one with a badge before those without; of several the oldest."""
    released = [(use.released_at, use.registration_id) for use in uses if use.released_at is not None]
    return min(released)[1] if released else min(use.registration_id for use in uses)
