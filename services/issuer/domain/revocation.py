"""Who revokes an assertion, why, and what the others are told of it. Pure.

An assertion is revoked once: by the office, or by its correction when that is stored. The second changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.events import AssertionRevoked, DecisionSettled, OfficeDecided

Outcome = Literal["done", "no-such-assertion", "revoked-before"]


@dataclass(frozen=True)
class Standing:
    """How an assertion stands: do the others know it (its credential is stored), does it still count."""

    stored: bool
    revoked: bool


@dataclass(frozen=True)
class Revocation:
    """Why an assertion no longer counts. `decision_id` is the office's decision; None: a correction's doing."""

    assertion_id: str
    reason: str
    revoked_at: datetime
    replaced_by: str | None = None
    decision_id: str | None = None

    @property
    def announcement(self) -> AssertionRevoked:
        return AssertionRevoked(
            assertion_id=self.assertion_id,
            reason=self.reason,
            revoked_at=self.revoked_at,
            replaced_by=self.replaced_by,
        )


def is_revoke(order: OfficeDecided) -> bool:
    """Whether a decision of the office is the issuer's to carry out."""
    return order.decision == "revoke"


def outcomes(orders: Sequence[OfficeDecided], standing: Mapping[str, Standing]) -> list[Outcome]:
    """What becomes of each order to revoke. Of several about one assertion, the first revokes it."""
    revoked = {id for id, each in standing.items() if each.revoked}
    found: list[Outcome] = []
    for order in orders:
        if order.subject not in standing:
            found.append("no-such-assertion")
        elif order.subject in revoked:
            found.append("revoked-before")
        else:
            revoked.add(order.subject)
            found.append("done")
    return found


def revocation_by(order: OfficeDecided, now: datetime) -> Revocation:
    return Revocation(order.subject, order.why, now, decision_id=order.decision_id)


def revocation_by_correction(assertion_id: str, replaced_by: str, correction: str | None, now: datetime) -> Revocation:
    """`correction` is the office's reason for the version that replaces this one."""
    reason = (
        f"訂正のため、新しい登録証に替わりました：{correction}"
        if correction
        else "訂正のため、新しい登録証に替わりました"
    )
    return Revocation(assertion_id, reason, now, replaced_by=replaced_by)


def settled(order: OfficeDecided, outcome: Outcome, now: datetime) -> DecisionSettled:
    return DecisionSettled(
        decision_id=order.decision_id,
        subject=order.subject,
        service="issuer",
        outcome=outcome,
        settled_at=now,
    )
