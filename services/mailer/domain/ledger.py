"""A row of the ledger as the announcements about it tell; pure. Used after a restore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.mailer.domain.delivery import try_again_at
from services.mailer.domain.requested import request_id
from shared.events import LETTER_STATES, LetterUpdated
from shared.letter_events import RequestedLetterUpdated

_STATES = ("waiting", *LETTER_STATES)

Updated = LetterUpdated | RequestedLetterUpdated


@dataclass(frozen=True)
class LedgerEntry:
    """One message to one person, without its bytes: about a badge or a request. The columns of `messages`."""

    assertion_id: str | None
    request_id: str | None
    letter: str
    state: str
    attempts: int
    next_try_at: datetime | None
    answer: str | None
    reason: str | None
    created_at: datetime
    queued_at: datetime | None
    written_at: datetime | None
    settled_at: datetime | None
    written_revision: int | None = None  # to which address of its badge


def ledger_entries(events: Sequence[Updated], known: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """The rows that differ from the `known` ones after these announcements, in any order."""
    before = {(entry.assertion_id, entry.request_id, entry.letter): entry for entry in known}
    told: dict[tuple[str | None, str | None, str], list[Updated]] = {}
    for event in events:
        told.setdefault(_key(event), []).append(event)
    after = [(ledger_entry(about, before.get(key)), before.get(key)) for key, about in told.items()]
    return [entry for entry, was in after if entry != was]


def ledger_entry(events: Sequence[Updated], known: LedgerEntry | None) -> LedgerEntry:
    """The row after these announcements about one message, at least one, in any order.

    `known` is the row as it stands. What was announced before it came to its state changes nothing.
    """
    for event in sorted(events, key=lambda event: event.place):
        if known is None or _place(event) >= _place(known):
            known = _after(event, known)
    assert known is not None
    return known


def _after(event: Updated, known: LedgerEntry | None) -> LedgerEntry:
    before = known or LedgerEntry(*_key(event), "waiting", 0, event.at, None, None, event.at, None, None, None)
    after = replace(
        before,
        state=event.state,
        attempts=max(before.attempts, event.attempt),
        next_try_at=None,
        settled_at=event.at,
        reason=None,
        written_revision=_revision_of(event, before),
    )
    match event.state:
        case "queued":  # answer: an order to send it again leaves the last one
            return replace(
                after,
                next_try_at=event.at,
                settled_at=None,
                queued_at=event.at,
                written_at=before.written_at or event.at,
            )
        case "suppressed" | "cancelled":
            return replace(after, reason=event.answer)
    return replace(
        after,
        answer=event.answer,
        queued_at=before.queued_at or event.at,
        written_at=before.written_at or event.at,
        next_try_at=try_again_at(event.attempt, event.at) if event.state == "deferred" else None,
    )


def _revision_of(event: Updated, before: LedgerEntry) -> int | None:
    said = event.address_revision if isinstance(event, LetterUpdated) else None
    return before.written_revision if said is None else said


def _place(one: Updated | LedgerEntry) -> tuple[int, int]:
    """As `LetterUpdated.place`, of a row too."""
    attempts = one.attempts if isinstance(one, LedgerEntry) else one.attempt
    return attempts, _STATES.index(one.state)


def _key(event: Updated) -> tuple[str | None, str | None, str]:
    if isinstance(event, RequestedLetterUpdated):
        return None, request_id(event.letter_id), event.letter
    return event.assertion_id, None, event.letter
