"""What bounces and complaints make of the letters that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.mailer.bounces import read_maildir
from services.mailer.domain.bounce import Report, ReportKind, read_report
from services.mailer.domain.delivery import without_address
from services.mailer.handlers import Ports, announce, names_of
from services.mailer.metrics import REPORTS
from shared.errors import TryLater
from shared.events import LetterState
from shared.runtime.log import logger

log = logger("mailer")

_STATES: dict[ReportKind, LetterState] = {"permanent": "bounced", "temporary": "sent", "complaint": "suppressed"}


def note_report(content: bytes, recipients: Sequence[str], ports: Ports) -> None:
    """Any time. Write down what a mail to our return paths says of a letter; most that say nothing are dropped.

    A letter that the relay took and that can't be delivered is `bounced`; one of which somebody complains is
    `suppressed`. Both are on the office's list. A delay is kept as the letter's answer. The same report again changes
    nothing. TryLater, and nothing is written down, while the letter is on its way.
    """
    try:
        report = read_report(content, recipients, ports.sender.bounce_domain)
    except Exception as error:  # a mail of a stranger, with whatever in it: it costs itself
        _drop("unreadable", type(error).__name__)
        return
    if report is None:
        _drop("no-report")
        return
    outcome = _apply(report, ports)
    if outcome is not None:
        _drop(outcome)


def read_bounces(folder: Path, ports: Ports) -> int:
    """Any time. The reports that lie in a maildir."""
    return read_maildir(folder, lambda content, recipients: note_report(content, recipients, ports))


def _apply(report: Report, ports: Ports) -> str | None:
    """None if it is written down, else why not."""
    now = ports.now()
    with ports.store.transaction() as tx:
        status = tx.status(report.subject, report.letter)
        if status is None:
            return "no-such-letter"
        if report.address_revision is not None and tx.is_to_former_address(status, report.address_revision):
            return "former-address"  # where it did not arrive, or was not wanted, it was sent before
        if status.state in ("queued", "deferred") and tx.is_on_its_way(status):
            # The relay may have taken it and given it up before its 250 was written down here.
            raise TryLater(f"letter {status.letter} is on its way: its report is taken once its answer is known")
        if status.state != "sent" and not (report.kind == "complaint" and status.state == "bounced"):
            return "not-sent"  # reported before, or it was sent again meanwhile
        answer = without_address(report.answer, tx.recipient(report.subject) or "")
        tx.save_report(status, _STATES[report.kind], answer, now)
        if report.kind != "temporary":
            announce(tx, ports, status, _STATES[report.kind], status.attempts, now, answer)
    # If we die before the commit, the sender of the report keeps it and comes again; after it, it changes nothing.
    REPORTS.labels(report.kind).inc()
    log.info("handled", **names_of(status), report=report.kind)
    return None


def _drop(reason: str, cause: str | None = None) -> None:
    REPORTS.labels(reason).inc()
    log.info("skipped", part="bounces", reason=reason, cause=cause)
