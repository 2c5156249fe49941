"""Folds a batch of events into one row per key, so that a batch is one upsert per table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from shared.events import (
    AssertionIssued,
    IssuanceRefused,
    LetterUpdated,
    RegistrationHeld,
    RegistrationReleased,
    RegistrationRenewed,
    RenderingFailed,
)

E = TypeVar("E")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V", RegistrationRenewed, AssertionIssued)
F = TypeVar("F", IssuanceRefused, RenderingFailed)


def last_of(events: Iterable[E], key: Callable[[E], K], order: Callable[[E], Any]) -> list[E]:
    """The greatest event by `order` for each key; of equal ones the last. Keys in the order of their first event."""
    chosen: dict[K, E] = {}
    for event in events:
        best = chosen.setdefault(key(event), event)
        if order(event) >= order(best):
            chosen[key(event)] = event
    return list(chosen.values())


@dataclass(frozen=True)
class Hold:
    """The hold of a registration as of `revision`; `reason` None: released."""

    registration_id: str
    cohort: str
    revision: int
    qualification: str | None = None
    person_id: str | None = None
    name: str | None = None
    reason: str | None = None
    first_registration_id: str | None = None
    characters: tuple[str, ...] = ()


def holds(events: Sequence[RegistrationHeld | RegistrationReleased]) -> list[Hold]:
    """One for each registration: its highest revision."""
    return last_of(
        (_hold(event) for event in events),
        lambda hold: hold.registration_id,
        lambda hold: hold.revision,
    )


def _hold(event: RegistrationHeld | RegistrationReleased) -> Hold:
    if isinstance(event, RegistrationReleased):
        return Hold(
            registration_id=event.registration_id,
            cohort=event.cohort,
            revision=event.revision,
        )
    return Hold(
        registration_id=event.registration_id,
        cohort=event.cohort,
        revision=event.revision,
        qualification=event.qualification,
        person_id=event.person_id,
        name=event.name,
        reason=event.reason,
        first_registration_id=event.first_registration_id,
        characters=event.characters,
    )


def current_letters(
    events: Sequence[LetterUpdated],
) -> list[tuple[LetterUpdated, datetime | None]]:
    """One for each letter to each person: its latest event, and when it was last sent in this batch, if it was.

    After a bounce or a suppression it counts as not sent.
    """
    latest = last_of(events, lambda event: (event.assertion_id, event.letter), lambda event: event.place)
    sent = {
        (event.assertion_id, event.letter): event.at
        for event in sorted(events, key=lambda event: event.place)
        if event.state == "sent"
    }
    return [
        (
            event,
            None if event.state in ("bounced", "suppressed") else sent.get((event.assertion_id, event.letter)),
        )
        for event in latest
    ]


def newest_versions(events: Sequence[V]) -> list[V]:
    """One for each registration: its highest version."""
    return last_of(events, lambda event: event.award.registration_id, lambda event: event.version)


def highest(events: Sequence[F], number: Callable[[F], int]) -> list[F]:
    """One for each registration or assertion: the one with the highest number."""
    return last_of(events, lambda event: event.key, number)
