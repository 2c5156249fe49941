"""The erasure of a person: who is forgotten, and whose credentials are gone. Events like those of `events.py`.

The office orders it (`OfficeDecided`, "erase"); registration knows which registrations are one person's. Each service
that holds personal data erases its own and settles the order. How it is made sure that nothing of the person comes
back: `shared/runtime/erasure.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from shared.events import Event
from shared.office_events import DecisionSettled
from shared.topics import ASSERTION_REVOKED, REGISTRATION_RENEWED


class _Erasure(Event, frozen=True, kw_only=True):
    about = "decision_id"
    decision_id: str
    subject: str  # of the order: one of the registrations
    registration_ids: tuple[str, ...]  # all of the person
    erased_at: datetime

    def settled(self, service: str, at: datetime) -> DecisionSettled:
        """That `service` holds nothing personal of them any more."""
        return DecisionSettled(
            decision_id=self.decision_id, subject=self.subject, service=service, outcome="done", settled_at=at
        )


class PersonErased(_Erasure, frozen=True, kw_only=True):
    """registration has erased a person: so do issuer, mailer, wallet and ops when they read this.

    All badges of these registrations are revoked by it, and none is issued any more.
    """

    topic = REGISTRATION_RENEWED
    assertion_ids: ClassVar[tuple[str, ...]] = ()  # it names none: only the issuer knows them


class AssertionsErased(_Erasure, frozen=True, kw_only=True):
    """All badges of a person who was erased are revoked, and their credentials are in no storage of ours any more.

    `assertion_ids`: of all versions of all their registrations; empty if nothing was issued.
    """

    topic = ASSERTION_REVOKED
    assertion_ids: tuple[str, ...]
