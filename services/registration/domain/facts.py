"""What records of one person, of a registration and the one it renews, and of one number must agree in; pure.

A contradiction is upstream's, and only a person can say which record is right. Nothing of it is signed before that.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from services.registration.domain.numbers import DUPLICATES, Numbers, NumberUse, duplicates, numbers_of
from shared.events import HeldReason

LOOK_ALIKE: HeldReason = "look-alike"


@dataclass(frozen=True)
class PersonRecord:
    """What one registration says of its person. `released_at`: when its badge was released; None: not yet."""

    registration_id: str
    person_id: str
    family_name: str
    given_name: str
    birth_date: date | None  # None: not known since a restore
    valid_from: date
    released_at: datetime | None


@dataclass(frozen=True)
class KnownFacts:
    """The records of the people to be judged, their own included, and whose the registrations are that they renew.

    `today` is the day in Japan; None: not compared with.
    """

    records: Mapping[str, Sequence[PersonRecord]] = field(default_factory=dict)  # by person_id
    person_of: Mapping[str, str] = field(default_factory=dict)  # by registration_id
    today: date | None = None
    numbers: Numbers = field(default_factory=lambda: numbers_of(()))  # all that have a number of those to be judged


@dataclass(frozen=True)
class Contradiction:
    """Why a registration is held, and the other registration that says otherwise."""

    reason: HeldReason
    registration_id: str


def facts_of(
    records: Iterable[PersonRecord], person_of: Mapping[str, str], today: date, numbers: Iterable[NumberUse] = ()
) -> KnownFacts:
    by_person: dict[str, list[PersonRecord]] = {}
    for record in records:
        by_person.setdefault(record.person_id, []).append(record)
    return KnownFacts(by_person, person_of, today, numbers_of(numbers))


def contradiction(
    registration_id: str,
    person_id: str,
    previous_registration_id: str | None,
    known: KnownFacts,
    overlooked: Collection[HeldReason] = (),
) -> Contradiction | None:
    """The first contradiction between this registration and others; None without any that counts.

    If the person has a badge, the other record is held; without a badge, all records that contradict each other.
    """
    found = _contradictions(registration_id, person_id, previous_registration_id, known)
    return next((each for each in found if each.reason not in overlooked), None)


def _contradictions(
    registration_id: str, person_id: str, previous_registration_id: str | None, known: KnownFacts
) -> Iterator[Contradiction]:
    renews = known.person_of.get(previous_registration_id or "")
    if previous_registration_id is not None and renews is not None and renews != person_id:
        yield Contradiction("renews-another", previous_registration_id)
    yield from _of_one_person(registration_id, known.records.get(person_id, ()))
    for same in duplicates(registration_id, known.numbers):
        yield Contradiction(DUPLICATES[same.field], same.registration_id)


def _of_one_person(registration_id: str, records: Sequence[PersonRecord]) -> Iterator[Contradiction]:
    own = next((each for each in records if each.registration_id == registration_id), None)
    if own is None:
        return
    others = sorted((each for each in records if each is not own), key=_released_first)
    for other in others:
        if None not in (own.birth_date, other.birth_date) and own.birth_date != other.birth_date:
            yield Contradiction("birth-date-differs", other.registration_id)
    for other in others:
        if _names_differ(own, other):
            yield Contradiction("name-differs", other.registration_id)


def _released_first(record: PersonRecord) -> tuple[bool, str]:
    return record.released_at is None, record.registration_id


def _names_differ(one: PersonRecord, other: PersonRecord) -> bool:
    """In one cycle any other name is a contradiction; from one period to the next people may change their 氏."""
    if _plain(one.given_name) != _plain(other.given_name):
        return True
    return one.valid_from == other.valid_from and _plain(one.family_name) != _plain(other.family_name)


def _plain(name: str) -> str:
    """A name without what different keyboards make of it: widths, spaces, variants of a glyph, case."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(
        c for c in text if not (c.isspace() or "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef")
    )
