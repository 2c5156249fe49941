"""Signing in at a desk's screen by 合格番号 and 生年月日: what is compared, and how often it may be tried; pure.

A pass number is no secret and a date of birth has some 20 000 values, so guesses are limited: of one source, and for
one number from wherever they come. Neither limit locks anybody out, which would let a stranger keep the owner out:
beyond it the form also asks for a phone number or an address on file. Only a flood from one source is refused.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from services.registration.domain.birth_dates import read_birth_date
from services.registration.domain.numbers import number_key
from services.registration.domain.registration import Registration
from shared.addresses import same_address_key
from shared.attempt_limit import Limit
from shared.plain_text import hidden_in

_QUARTER = timedelta(minutes=15)
_DAY = timedelta(hours=24)


def flood_limit(source: str) -> Limit:
    """Beyond it a source is refused: an office behind one address has many engineers."""
    return Limit(f"flood/{source}", 300, _QUARTER)


def question_limits(source: str, number: str) -> tuple[Limit, ...]:
    """Beyond one of them more is asked: failures of one source, and for one number from anywhere."""
    return (Limit(f"source/{source}", 30, _QUARTER), Limit(f"number/{number}", 10, _DAY))


def letter_limits(person_id: str, address_key: str) -> tuple[Limit, ...]:
    """Of confirmation letters: those of one person who asks, and those to one mailbox that is written to."""
    return (Limit(f"person/{person_id}", 5, _DAY), Limit(f"mailbox/{address_key}", 5, _DAY))


SESSION = timedelta(minutes=20)

LONGEST = 100  # characters of a field

HYPHENS = "-‐‑‒–—―−ー・./_"
"""What people write between the parts of a number, or leave out. The same as in the index of the table."""

_HYPHENS = str.maketrans(dict.fromkeys(HYPHENS))
_DECORATED = re.compile(r"(?:合格番号[::]?)?(?:第(.+)号|(.+))")

EntryProblem = Literal["missing", "unreadable"]
Refusal = Literal["wrong", "blocked"]


@dataclass(frozen=True)
class SignInForm:
    """As typed. `contact` is asked for only after failures."""

    number: str
    birth_date: str
    contact: str = ""


@dataclass(frozen=True)
class SignInProblems:
    """Why nobody was signed in. `refused` never says which entry was wrong. `asks_contact`: the form asks for more."""

    number: EntryProblem | None = None
    birth_date: EntryProblem | None = None
    contact: EntryProblem | None = None
    refused: Refusal | None = None
    asks_contact: bool = False


def sign_in_key(number: str) -> str:
    """What two ways to type one pass number have in common: width, case, spaces, hyphens, 第…号."""
    plain = number_key(number)
    found = _DECORATED.fullmatch(plain)
    return ((found[1] or found[2]) if found else plain).translate(_HYPHENS)


def form_problems(form: SignInForm) -> SignInProblems | date:
    """The date of birth, or what can't be read. Depends on nothing but what was typed, so it tells nothing."""
    number: EntryProblem | None = None
    if not sign_in_key(form.number):
        number = "missing"
    elif len(form.number) > LONGEST or hidden_in(form.number.strip()):
        number = "unreadable"
    born = read_birth_date(form.birth_date)
    birth_date: EntryProblem | None = None
    if born is None:
        birth_date = "unreadable" if form.birth_date.strip() else "missing"
    if number or birth_date or born is None:
        return SignInProblems(number, birth_date)
    return born


def matching(candidates: Sequence[Registration], born: date, contact: str | None) -> Registration | None:
    """Of registrations with the typed number the one that was meant: born so, and with `contact` if that is not None.

    The newest period of one person. None where two people match. Every candidate is compared in full.
    """
    found = [
        each
        for each, right in [(each, _is_born(each, born) & _is_reached_by(each, contact)) for each in candidates]
        if right
    ]
    if len({each.record.person_id for each in found}) != 1:
        return None
    return max(found, key=lambda each: (each.record.valid_from, each.id))


def _is_born(registration: Registration, born: date) -> bool:
    return hmac.compare_digest(str(registration.record.birth_date), born.isoformat())


def _is_reached_by(registration: Registration, contact: str | None) -> bool:
    """Whether `contact` is the phone number or one of the addresses on file; None: it was not asked for."""
    if contact is None:
        return True
    record = registration.record
    known = {
        *phone_keys([record.phone]),
        *(same_address_key(each) for each in (record.contact_email, record.email, registration.email) if each),
    }
    given = {*phone_keys([contact]), same_address_key(contact)}
    return bool(known & given - {""})


def phone_keys(numbers: Iterable[str | None]) -> set[str]:
    """The digits of phone numbers, national form: +81 90-… and 090-… are one. Fewer than nine digits are none."""
    keys = set()
    for number in numbers:
        plain = number_key(number or "")
        digits = re.sub(r"\D", "", plain)
        if plain.startswith(("+81", "0081")):
            digits = "0" + digits.removeprefix("0081").removeprefix("81").removeprefix("0")
        if len(digits) >= 9:
            keys.add(digits)
    return keys
