"""What the office orders and what became of it: the ids, the digest of a list, and the stable JSON of both. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from shared.events import Correction

DONE = "done"
PARTLY = "partly"

Bulk = Literal["undo", "reissue"]
BULK: tuple[Bulk, ...] = ("undo", "reissue")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """How far the decisions are that an undo or a reissue is made of: `outcomes` counts the `settled` ones by word."""

    total: int
    settled: int
    outcomes: dict[str, int]


class DecisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One order. `outcome` None: not settled yet, or of a kind that nobody settles; "partly": see `parts`.

    `correction` has the corrected fields; an address among them is null: corrected, not told here.
    """

    id: str
    decision: str
    subject: str
    by: str
    why: str
    at: datetime
    registration_id: str | None = None
    name: str | None = None
    part_of: str | None = None
    correction: dict[str, str | None] | None = None
    people: int | None = None
    outcome: str | None = None
    detail: str | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None
    parts: Parts | None = None


class ListedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom an undo would revoke, or whose badge a reissue would issue once more."""

    registration_id: str
    name: str | None
    qualification: str | None
    assertion_id: str
    issued_at: datetime | None
    version: int  # of the registration, as last heard
    reason: str | None = None  # reissue: why the badge was revoked


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an undo or a reissue is about."""

    cohort: str
    qualification: str | None = None
    issued_after: datetime | None = None  # included
    issued_before: datetime | None = None  # not included
    singly: bool = False  # reissue: those too whose badge was revoked by an order of its own


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen now. `digest` names this very list: it is asked for again before anything happens.

    `left_out` are people of the same choice who are not on the list: undo, a badge or a corrected one of theirs is
    still on its way; reissue, their badge was revoked by an order of its own.
    """

    act: Bulk
    selected: Selected
    count: int
    left_out: int
    digest: str
    people: list[ListedPerson]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a registration's badge."""

    assertion_id: str
    version: int
    issued_at: datetime | None
    corrects: str | None
    renews: str | None
    received_at: datetime | None
    anchored_at: datetime | None
    rendered_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    replaced_by: str | None


class LifeLetter(msgspec.Struct, frozen=True, kw_only=True):
    assertion_id: str
    letter: str
    state: str
    attempt: int
    at: datetime
    answer: str | None
    sent_at: datetime | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a registration says, as its newest version does. The address is not known here."""

    family_name: str | None
    given_name: str | None
    family_name_latin: str | None
    given_name_latin: str | None
    pass_number: str | None
    registration_number: str | None
    valid_from: date | None
    valid_until: date | None


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one registration: the newest version, all versions, their letters, the decisions."""

    registration_id: str
    cohort: str
    qualification: str | None
    name: str | None
    state: str
    reason: str | None
    since: datetime | None
    version: int  # the newest heard of; it may be issued a little later
    assertion_id: str | None
    facts: Facts
    versions: list[Version]
    letters: list[LifeLetter]
    decisions: list[DecisionLine]


def digest_of(act: Bulk, selected: Selected, people: Sequence[ListedPerson]) -> str:
    """A short name of the list: other people, other badges or another choice give another one."""
    told = (act, selected, [(person.registration_id, person.assertion_id, person.version) for person in people])
    return sha256(msgspec.json.encode(told)).hexdigest()[:12]


def revoke_target(assertion_id: str) -> str:
    """What a revocation makes, once: whoever orders it a second time finds the first order."""
    return f"revoke/{assertion_id}"


def correct_target(registration_id: str, version: int) -> str:
    """What a correction makes, once: version `version` of the registration."""
    return f"correct/{registration_id}/{version}"


def numbered(id: str, before: int) -> str:
    """The id of an order of which `before` were refused already."""
    return id if before == 0 else f"{id}/{before + 1}"


def told_of(correction: Correction | None) -> bytes | None:
    """The corrected fields as the record keeps them: an address is not among what ops holds."""
    if correction is None:
        return None
    given: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(correction).items() if value is not None
    }
    return msgspec.json.encode({name: None if name == "email" else value for name, value in given.items()})


def differences(facts: Facts, correction: Correction) -> list[tuple[str, str | None, str | None]]:
    """Field, old, new of what a correction would change; the old address is not known."""
    given: Mapping[str, Any] = msgspec.structs.asdict(correction)
    known: Mapping[str, Any] = msgspec.structs.asdict(facts)
    return [
        (name, _text(known.get(name)), _text(value))
        for name, value in given.items()
        if value is not None and _text(known.get(name)) != _text(value)
    ]


def outcome_of(parts: Parts) -> str | None:
    """What became of an undo or a reissue as a whole; None while some of it is on its way."""
    if parts.settled < parts.total:
        return None
    return DONE if set(parts.outcomes) <= {DONE} else PARTLY


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
