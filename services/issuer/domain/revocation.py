"""Revocation of assertions: the outcome of an order, its reason, and the events that announce them. Pure.

An assertion is revoked once: by the office, by its correction when that is stored, or when its holder is erased. A
second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.events import AssertionRevoked
from shared.office_events import DecisionSettled, OfficeDecided

RevocationOutcome = Literal["done", "no-such-assertion", "revoked-before"]


@dataclass(frozen=True)
class AssertionState:
    """Whether an assertion's credential is stored (and so announced), and whether it is revoked.

    `unordered_reason`: why it was revoked, where the order is not known: taken back after a restore.
    """

    stored: bool
    revoked: bool
    unordered_reason: str | None = None


@dataclass(frozen=True)
class Revocation:
    """Why an assertion is no longer valid. `decision_id` is the office's decision; None: revoked by a correction.

    `erased`: the decision was to erase its holder.
    """

    assertion_id: str
    reason: str
    revoked_at: datetime
    replaced_by: str | None = None
    decision_id: str | None = None
    erased: bool = False

    @property
    def announcement(self) -> AssertionRevoked:
        return AssertionRevoked(
            assertion_id=self.assertion_id,
            reason=self.reason,
            revoked_at=self.revoked_at,
            replaced_by=self.replaced_by,
            erased=self.erased,
        )


def is_revoke(order: OfficeDecided) -> bool:
    """Whether a decision of the office is the issuer's to carry out."""
    return order.decision == "revoke"


def outcomes(orders: Sequence[OfficeDecided], states: Mapping[str, AssertionState]) -> list[RevocationOutcome]:
    """The outcome of each order to revoke. Of several orders about one assertion, the first revokes it.

    An assertion whose revocation was taken back was revoked by the order that gives the same reason.
    """
    unordered = {id: each.unordered_reason for id, each in states.items() if each.unordered_reason is not None}
    revoked = {id for id, each in states.items() if each.revoked}
    found: list[RevocationOutcome] = []
    for order in orders:
        if order.subject not in states:
            found.append("no-such-assertion")
        elif order.subject in unordered and unordered[order.subject] == order.why:
            del unordered[order.subject]
            found.append("done")
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


def erased_reason() -> str:
    """The public reason for a badge of somebody who was erased; it takes the place of any other that was given."""
    return "登録が取り下げられ、個人情報は消去されました"


def lost_revocation() -> str:
    """The reason of a revocation of which a restored issuer knows only that it happened."""
    return "取り消されました（理由の記録は失われました）"


def decision_settled(order: OfficeDecided, outcome: RevocationOutcome, now: datetime) -> DecisionSettled:
    return DecisionSettled(
        decision_id=order.decision_id,
        subject=order.subject,
        service="issuer",
        outcome=outcome,
        settled_at=now,
    )
