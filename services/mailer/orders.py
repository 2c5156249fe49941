"""What the office orders about letters: send one again, hold those of a cohort, let them go on."""

from __future__ import annotations

from collections.abc import Sequence

from services.mailer.domain.letters import LETTERS
from services.mailer.handlers import Ports, announce
from services.mailer.metrics import NOT_QUEUED
from services.mailer.store.ledger import MailerTransaction
from services.mailer.store.messages import MessageStatus
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.log import logger

log = logger("mailer")


def is_ours(decision: OfficeDecided) -> bool:
    """Whether the mailer carries this decision out; other services carry out the rest."""
    return decision.decision in ("resend", "hold-letters", "resume-letters")


def carry_out(decisions: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. Send a letter again; hold or resume the letters of a cohort. Each order is settled with its outcome."""
    with ports.store.transaction() as tx:
        # If we die before the commit, the decisions come again from Kafka; after it, the inbox drops them.
        _resend(tx, [decision for decision in decisions if decision.decision == "resend"], ports)
        _hold(tx, [each for each in decisions if each.decision in ("hold-letters", "resume-letters")], ports)


def _hold(tx: MailerTransaction, decisions: Sequence[OfficeDecided], ports: Ports) -> None:
    """No letter of a held cohort is written or handed over; those that are on their way arrive."""
    if not decisions:
        return
    now = ports.now()
    changed = tx.hold_letters(decisions)
    for decision in tx.claim(decisions):
        outcome = "done" if decision.decision_id in changed else "changes-nothing"
        log.info("decided", decision_id=decision.decision_id, subject=decision.subject, outcome=outcome)
        tx.announce(
            DecisionSettled(
                decision_id=decision.decision_id,
                subject=decision.subject,
                service="mailer",
                outcome=outcome,
                settled_at=now,
            ),
            cause=decision,
        )


def _resend(tx: MailerTransaction, events: Sequence[OfficeDecided], ports: Ports) -> None:
    """The office orders a letter once more: the same bytes, the same Message-ID. The outcome is announced."""
    now = ports.now()
    for event in sorted(tx.claim(events), key=lambda event: event.subject):
        status = tx.status(event.subject, event.value or "")
        reason = _why_not_resent(status)
        if status is None or reason is not None:
            NOT_QUEUED.labels(reason).inc()
            log.info("skipped", decision_id=event.decision_id, reason=reason)
        else:
            tx.requeue(status, now)
            announce(tx, ports, status, "queued", status.attempts, now)
        tx.announce(
            DecisionSettled(
                decision_id=event.decision_id,
                subject=event.subject,
                service="mailer",
                outcome=reason or "done",
                settled_at=now,
                detail=None if status else f"expected a letter that this badge has had: {', '.join(LETTERS)}",
            ),
            cause=event,
        )


def _why_not_resent(status: MessageStatus | None) -> str | None:
    if status is None or status.letter_id is not None:  # a link is asked for again where it was asked for
        return "no-such-letter"
    if status.void is not None:
        return status.void
    if status.state in ("waiting", "queued"):
        return "not-sent-yet"
    return "suppressed" if status.state == "suppressed" else None
