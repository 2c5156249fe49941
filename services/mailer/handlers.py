"""The order of what the mailer does. Events are noted; letters leave on the ticks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.mailer.domain.correction import RECEIPT_WAIT, CorrectionLetter, correction_letter
from services.mailer.domain.delivery import MOST_SECONDS, SmtpReply, settled
from services.mailer.domain.letters import LETTERS, Letter, LetterWriter, Message, message_id, return_path
from services.mailer.store import MailerTransaction, MessageStatus, OutgoingMessage, Store
from shared.clock import Clock
from shared.errors import TryLater
from shared.events import (
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    DecisionSettled,
    LetterState,
    LetterUpdated,
    OfficeDecided,
)
from shared.programme import Sender
from shared.retry import next_try
from shared.runtime.log import logger
from shared.runtime.metrics import counter

_WRITE = 200  # messages written a commit
_SEND = 20  # messages sent a commit: as many may go twice, with the same Message-ID, when we die before it

LETTERS_MOVED = counter("letters", "Messages that came to a state", ("letter", "state"))
CORRECTIONS = counter("corrections_told", "Badges that correct another, by the letter that tells of it", ("letter",))
NOT_QUEUED = counter(
    "letters_not_queued",
    "Orders to send a letter again that were not followed, by reason",
    ("reason",),
)

log = logger("mailer")


@dataclass(frozen=True)
class Ports:
    """`send` hands (return path, recipient, message) to the mail server; TryLater while it is away."""

    store: Store
    writer: LetterWriter
    sender: Sender
    send: Callable[[str, str, bytes], SmtpReply]
    now: Clock


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 4. Open letter 1 for each new assertion; it waits until its notice may go.

    What is still to leave about a badge that one of them corrects does not leave.
    """
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        tx.note_issued(new)
        _owe(tx, [event.assertion_id for event in new], ports)
        _suppress_unsent(tx, [event.corrects for event in new if event.corrects is not None], ports)


def note_received(events: Sequence[BadgeReceived], ports: Ports) -> None:
    """Step 5. Who has received needs no reminder."""
    with ports.store.transaction() as tx:
        tx.note_received(tx.claim(events))


def note_rendered(events: Sequence[CertificateRendered], ports: Ports) -> None:
    """Step 9. Open letter 2: the badge is anchored at finality and its PDFs are there.

    May come before we know the holder; then `note_issued` opens it.
    """
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        tx.note_rendered(new)
        _owe(tx, [event.assertion_id for event in new], ports)


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    """Any time. A letter that has not left about a badge that no longer counts does not leave."""
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        tx.note_revoked(new)
        _suppress_unsent(tx, [event.assertion_id for event in new], ports)


def is_resend(decision: OfficeDecided) -> bool:
    """The only order of the office that the mailer follows."""
    return decision.decision == "resend"


def resend_letters(events: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. The office orders a letter once more: the same bytes, the same Message-ID. It hears of the outcome."""
    with ports.store.transaction() as tx:
        for event in sorted(tx.claim(events), key=lambda event: event.subject):
            standing = tx.standing(event.subject, event.value or "")
            reason = _refusal(standing)
            if standing is None or reason is not None:
                NOT_QUEUED.labels(reason).inc()
                log.info("skipped", decision_id=event.decision_id, reason=reason)
            else:
                tx.requeue(standing, ports.now())
                _announce(tx, ports, standing.letter, standing.assertion_id, "queued", standing.attempts)
            tx.announce(
                DecisionSettled(
                    decision_id=event.decision_id,
                    subject=event.subject,
                    service="mailer",
                    outcome=reason or "done",
                    settled_at=ports.now(),
                    detail=None if standing else f"expected a letter that this badge has had: {', '.join(LETTERS)}",
                ),
                cause=event,
            )


def write(ports: Ports) -> int:
    """Steps 4 and 9. Write down the bytes of the letters whose time has come: the intention, before anything leaves."""
    with ports.store.transaction() as tx:
        now = ports.now()
        decided = _choose_correction_letters(tx, now, ports)
        due = tx.due(now, _WRITE)
        written: list[tuple[Message, bytes]] = []
        for message in due:
            try:
                written.append((message, ports.writer.write(message, now)))
            except ValueError as error:  # an unknown qualification, an impossible address: this letter only
                tx.suppress_unwritable(message, str(error), now)
                _announce(
                    tx,
                    ports,
                    message.letter,
                    message.assertion_id,
                    "suppressed",
                    0,
                    "unwritable",
                )
        tx.queue(written, now)
        for message, _ in written:
            _announce(tx, ports, message.letter, message.assertion_id, "queued", 0)
    # Dying before the commit loses bytes that nobody has seen; after it these bytes are the letter.
    return len(due) + decided


def send(ports: Ports) -> int:
    """Steps 4 and 9. Hand the written letters to the mail server, then write down what it answered."""
    away: TryLater | None = None
    done = 0
    with ports.store.transaction() as tx:
        for pending in tx.to_send(ports.now(), _SEND):
            try:
                _send_one(tx, pending, ports)
            except TryLater as error:
                again = next_try(pending.attempts + 1, ports.now(), least=1.0, most=MOST_SECONDS)
                tx.postpone(pending, again, str(error))
                away = error
                break
            done += 1
    # Dying between the server's 250 and this commit: the same bytes with the same Message-ID go again.
    if away is not None and not done:
        raise away
    return done


def _send_one(tx: MailerTransaction, pending: OutgoingMessage, ports: Ports) -> None:
    path = return_path(pending.letter, pending.assertion_id, ports.sender.bounce_domain)
    outcome = ports.send(path, pending.email, pending.message)
    now = ports.now()
    state = settled(outcome, pending.attempts, pending.email, now)
    tx.settle(pending, state, now)
    _announce(
        tx,
        ports,
        pending.letter,
        pending.assertion_id,
        state.state,
        state.attempts,
        state.answer,
    )


def _owe(tx: MailerTransaction, assertion_ids: Sequence[str], ports: Ports) -> None:
    for letter in LETTERS:
        tx.owe(letter, assertion_ids, ports.now(), RECEIPT_WAIT)
    _suppress_unsent(tx, assertion_ids, ports)  # the revocation may have come first


def _suppress_unsent(tx: MailerTransaction, assertion_ids: Sequence[str], ports: Ports) -> None:
    for each in tx.suppress_unsent(assertion_ids, ports.now()):
        _announce(tx, ports, each.letter, each.assertion_id, "suppressed", each.attempts, each.void)


def _choose_correction_letters(tx: MailerTransaction, now: datetime, ports: Ports) -> int:
    """Choose, once, the letter that tells of each correction; returns for how many."""
    decided: dict[CorrectionLetter, list[str]] = {}
    for corrected in tx.undecided_corrections(now, _WRITE):
        decided.setdefault(correction_letter(corrected), []).append(corrected.assertion_id)
    for letter, assertion_ids in decided.items():
        tx.decide(letter, assertion_ids)
        _owe(tx, assertion_ids, ports)
        CORRECTIONS.labels(letter).inc(len(assertion_ids))
    return sum(map(len, decided.values()))


def _refusal(standing: MessageStatus | None) -> str | None:
    if standing is None:
        return "no-such-letter"
    if standing.void is not None:
        return standing.void
    if standing.state in ("waiting", "queued"):
        return "not-sent-yet"
    if not standing.has_bytes or standing.state == "suppressed":
        return "suppressed"
    return None


def _announce(
    tx: MailerTransaction,
    ports: Ports,
    letter: Letter,
    assertion_id: str,
    state: LetterState,
    attempt: int,
    answer: str | None = None,
) -> None:
    id = message_id(letter, assertion_id, ports.sender.address)
    tx.announce(
        LetterUpdated(
            assertion_id=assertion_id,
            letter=letter,
            message_id=id,
            state=state,
            attempt=attempt,
            at=ports.now(),
            answer=answer,
        )
    )
    LETTERS_MOVED.labels(letter, state).inc()
    log.info(state, assertion_id=assertion_id, letter=letter, attempt=attempt, answer=answer)
