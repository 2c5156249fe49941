"""Steps 4 and 9 of the cycle: the events open letters, the ticks write and send them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from services.mailer.deliveries import Deliveries
from services.mailer.domain.correction import RECEIPT_WAIT, REVOCATION_WAIT, CorrectionLetter, correction_letter
from services.mailer.domain.delivery import MOST_SECONDS, AttemptResult, Deferred, Sent, SmtpReply, after_attempt
from services.mailer.domain.letters import (
    OPENED_BY_EVENTS,
    Addressed,
    LetterWriter,
    Writable,
    message_id,
    return_path,
    row_id,
)
from services.mailer.domain.reminders import is_daytime, reminder_windows
from services.mailer.domain.requested import request_problem
from services.mailer.metrics import CORRECTIONS, MESSAGES, NOT_QUEUED, SERVER_AWAY
from services.mailer.store.ledger import MailerTransaction, Store
from services.mailer.store.messages import OutgoingMessage, revision_of
from shared.addresses import domain_of
from shared.clock import Clock
from shared.errors import TryLater, Unreadable
from shared.events import (
    AddressCorrected,
    AssertionIssued,
    AssertionRevoked,
    CertificateRendered,
    LetterState,
    LetterUpdated,
)
from shared.letter_events import LetterRequested, RequestedLetterUpdated
from shared.programme import Sender
from shared.retry import next_try
from shared.runtime.log import logger
from shared.runtime.metrics import ROWS_ASIDE
from shared.topics import INBOX_MEMORY

_FORGET = 1000  # letters forgotten a commit
_WRITE = 200  # messages written a commit
_ROUND = 2.0  # seconds after which no more letters are started, so that a stop is noticed
_LOOK = 0.2  # seconds between two looks for letters that have become due, while some are on their way
_RENEW = 5.0  # seconds after which the leases of those on their way are renewed
_PATIENCE = 5.0  # seconds that an answer is waited for at the end of a round; the letter then stays on its way
_WRITE_AGAIN = timedelta(minutes=10)  # what can't be written by a fault of ours

log = logger("mailer")


@dataclass(frozen=True)
class Ports:
    """`send` hands (return path, recipient, message) to the mail server; TryLater while it is not available.

    It is called in as many threads as `deliveries` has connections.
    """

    store: Store
    writer: LetterWriter
    sender: Sender
    send: Callable[[str, str, bytes], SmtpReply]
    now: Clock
    deliveries: Deliveries = field(default_factory=Deliveries)
    kept: timedelta = timedelta(days=90)  # for so long the bytes of a letter that came to its end


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 4. Open letter 1 for each new assertion; it waits until its notice may leave.

    Unsent letters about a badge that one of them corrects are suppressed.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        _cancel_late(tx, events, now, ports)
        tx.note_issued(new)
        _open(tx, [event.assertion_id for event in new], now, ports)
        _suppress_unsent(tx, [event.corrects for event in new if event.corrects is not None], now, ports)


def note_rendered(events: Sequence[CertificateRendered], ports: Ports) -> None:
    """Step 9. Open letter 2: the badge is anchored at finality and its PDFs are in object storage.

    If the holder is not known yet, `note_issued` opens it.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        tx.note_rendered(new)
        _open(tx, [event.assertion_id for event in new], now, ports)


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    """Any time. Unsent letters about a revoked badge are suppressed; a holder who knows of it is told.

    But not one who is being erased.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        tx.note_revoked(new)
        # First: it waits for a letter that is being sent. The holder knows of the badge by that one, then.
        _suppress_unsent(tx, [event.assertion_id for event in new], now, ports)
        _open(tx, [event.assertion_id for event in new], now, ports)


def note_requested(events: Sequence[LetterRequested], ports: Ports) -> None:
    """Any time. Open the message of each letter that another service asks for.

    Unreadable for one that can't be written whole: a dead letter, which a later release may know.
    """
    for event in events:
        if problem := request_problem(event):
            raise Unreadable(problem)
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        kept = tx.without_erased_recipients(new)
        tx.note_requests(kept, ports.now())
        NOT_QUEUED.labels("erased").inc(len(new) - len(kept))


def note_addresses(events: Sequence[AddressCorrected], ports: Ports) -> None:
    """Any time. Letters go to the new address; those that bounced, or whose link died with the old one, go again."""
    now = ports.now()
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        _cancel_late(tx, events, now, ports)
        _move(tx, tx.note_addresses(new), now, ports)


def remind(ports: Ports) -> int:
    """Any time by day. Open the reminders of badges that wait to be received, and the notices of periods that end."""
    now, letters = ports.now(), ports.writer.times
    if not is_daytime(now):
        return 0
    with ports.store.transaction() as tx:
        tx.await_erasures()
        opened = tx.open_reminders(reminder_windows(letters.reminder_days, now), now)
        if letters.expiry_days:
            opened += tx.open_expiry_notices(letters.expiry_days, now)
    # If we die before the commit, the next call opens the same rows; after it, none twice.
    return opened


def forget(ports: Ports) -> int:
    """Any time. Forget the bytes of letters that came to their end long ago: they hold names and links.

    And the addresses of those who were erased long ago.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.forget_recipients(now - INBOX_MEMORY)
        return tx.forget_bytes(now - ports.kept, _FORGET)


def write(ports: Ports) -> int:
    """Steps 4 and 9. Store the bytes of the letters that are due: the intention, before anything is sent.

    Letters that were queued before a restore, and whose bytes the backup lacked, are written again with their Date.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.wait_by_our_clock(now)
        chosen = _choose_correction_letters(tx, now, ports)
        for ended in (cancelled := tx.cancel_ended(now)):
            announce(tx, ports, ended, "cancelled", ended.attempts, now, ended.void)
        lost: list[tuple[Writable, datetime]] = [*tx.without_bytes(_WRITE), *tx.requests_without_bytes(_WRITE)]
        for message, written_at in lost:
            if (content := _written(tx, message, written_at, now, ports)) is not None:
                tx.keep_bytes(message, content)
        due: list[Writable] = [*tx.requests_due(now, _WRITE)]  # first: somebody waits for the link
        due += tx.due(now, _WRITE)
        written: list[tuple[Writable, bytes]] = []
        for message in due:
            if (content := _written(tx, message, now, now, ports)) is not None:
                written.append((message, content))
        tx.queue(written, now)
        for message, _ in written:
            announce(tx, ports, message, "queued", 0, now, to=message.email, revision=revision_of(message))
    # If we die before the commit, bytes are lost that nobody has seen; after it, these bytes are the letter.
    return len(due) + len(lost) + len(cancelled) + chosen


def _written(tx: MailerTransaction, message: Writable, date: datetime, now: datetime, ports: Ports) -> bytes | None:
    """The bytes of a letter with this Date. None, and it ends suppressed, when it can't be written."""
    try:
        return ports.writer.write(message, date)
    except ValueError as error:  # an unknown qualification, an invalid address: this letter only
        attempts = tx.suppress_unwritable(message, str(error), now)
        announce(tx, ports, message, "suppressed", attempts, now, "unwritable")
        return None
    except Exception as error:  # a fault of ours, so no reason to give the letter up: the others first, then again
        ROWS_ASIDE.labels("write").inc()
        log.error("failed", **names_of(message), cause=type(error).__name__)
        tx.postpone_writing(message, now + _WRITE_AGAIN, type(error).__name__)
        return None


def send(ports: Ports) -> int:
    """Steps 4 and 9. Hand the written letters to the mail server, several at once, and write down its answers.

    TryLater while the server is away. A letter whose answer takes long stays on its way after this returns.
    """
    deliveries = ports.deliveries
    began = monotonic()
    done = failed = 0
    while True:
        answered = deliveries.answered()
        is_open = monotonic() - began < _ROUND
        with ports.store.transaction() as tx:
            noted = _note_replies(tx, answered, ports)
            done, failed = done + noted, failed + len(answered) - noted
            if (at := monotonic()) - deliveries.renewed_at > _RENEW:
                tx.renew(deliveries.flying, deliveries.name)
                deliveries.renewed_at = at
            started = _take(tx, ports) if is_open else []
        deliveries.forget()  # not before: a database that is away now gets the answers later
        # If we die between the server's 250 and this commit, the same bytes with the same Message-ID are sent again,
        # after the lease: of each connection one letter at most.
        deliveries.start(started, partial(_hand_over, ports))
        deliveries.give_turns_back(ports.now())
        if not deliveries or (not is_open and not answered and monotonic() - began > _ROUND + _PATIENCE):
            break
        deliveries.wait(_LOOK if is_open and deliveries.room(ports.now()) else _PATIENCE)
    SERVER_AWAY.set(deliveries.breaker.is_away(ports.now()))
    if failed and not done and deliveries.breaker.cause is not None:
        raise TryLater(deliveries.breaker.cause)
    return done


def _take(tx: MailerTransaction, ports: Ports) -> list[OutgoingMessage]:
    """Letters to hand over now, leased: as many as there is room for, to domains that may be written to."""
    now, deliveries = ports.now(), ports.deliveries
    deliveries.dismiss()
    taken: list[OutgoingMessage] = []
    while (room := deliveries.room(now) - len(taken)) > 0:
        found = tx.to_send(now, room, deliveries.name, [*deliveries.flying, *taken], deliveries.busy(now))
        ours = deliveries.take_turns(found)
        admitted = [message for message in ours if deliveries.admit(message, now)]
        tx.lease(admitted, deliveries.name)
        taken += admitted
        if len(admitted) == len(found):
            break
    return taken


def _hand_over(ports: Ports, message: OutgoingMessage) -> SmtpReply:
    path = return_path(message.letter, message.subject, ports.sender.bounce_domain, message.address_revision)
    return ports.send(path, message.email, message.message)


def _note_replies(
    tx: MailerTransaction, answered: Sequence[tuple[OutgoingMessage, Future[SmtpReply]]], ports: Ports
) -> int:
    """Write down what became of letters; how many of them the server answered."""
    if not answered:
        return 0
    now = ports.now()
    badges = tx.badges_now([message.subject for message, _ in answered])
    senders = tx.senders([message for message, _ in answered])
    results: list[tuple[OutgoingMessage, AttemptResult]] = []
    for message, reply in answered:
        answer, sender = _answer_of(message, reply, ports, now), senders.get(row_id(message))
        if sender != ports.deliveries.name and not (sender is not None and isinstance(answer, Sent)):
            # We stood still for longer than the lease: what became of it is for the other to say, unless we sent it.
            cause = "it has come to its end" if sender is None else "another process took it over"
            log.warning("skipped", **names_of(message), cause=cause)
        elif answer is not None:
            results.append((message, after_attempt(answer, message.attempts, message.email, now)))
        else:  # this letter waits, the others go on
            due_at = next_try(message.attempts + 1, now, least=1.0, most=MOST_SECONDS)
            tx.postpone(message, due_at, ports.deliveries.breaker.cause or "no answer")
    tx.save_attempts(results, now)
    for message, result in results:
        revision = message.address_revision
        announce(
            tx, ports, message, result.state, result.attempts, now, result.answer, to=message.email, revision=revision
        )
    for message, _ in answered:
        badge = badges.get(message.subject)
        if badge is not None and badge.is_void:
            # It was revoked meanwhile: what was not sent ends here, and who was told of it is told so.
            _open(tx, [message.subject], now, ports)
        elif badge is not None and badge.email != message.email:
            _move(tx, [message.subject], now, ports)  # its address changed meanwhile
    return len(results)


def _answer_of(message: OutgoingMessage, reply: Future[SmtpReply], ports: Ports, now: datetime) -> SmtpReply | None:
    """None without an answer: the server is away."""
    try:
        answer = reply.result()
    except TryLater as error:
        ports.deliveries.breaker.failed(str(error), now)
        return None
    except Exception as error:  # of this letter only; it is tried again, so that a fault of ours loses none
        ROWS_ASIDE.labels("send").inc()
        log.error("failed", **names_of(message), cause=type(error).__name__)
        return Deferred(f"not handed to the server: {type(error).__name__}")
    ports.deliveries.breaker.answered()
    return answer


def _cancel_late(
    tx: MailerTransaction, events: Sequence[AssertionIssued | AddressCorrected], now: datetime, ports: Ports
) -> None:
    """What was asked for to addresses of people who were erased before we knew whose these are."""
    for each in tx.erase_late(events):
        announce(tx, ports, each, "cancelled", each.attempts, now, "erased")


def _move(tx: MailerTransaction, assertion_ids: Sequence[str], now: datetime, ports: Ports) -> None:
    tx.write_again(assertion_ids)
    for each in tx.to_move(assertion_ids):
        attempts = tx.move(each, now)
        announce(tx, ports, each, "queued", attempts, now)


def _open(tx: MailerTransaction, assertion_ids: Sequence[str], now: datetime, ports: Ports) -> None:
    for letter in OPENED_BY_EVENTS:
        wait = REVOCATION_WAIT if letter == "revocation" else RECEIPT_WAIT
        tx.open_messages(letter, assertion_ids, now, wait)
    _suppress_unsent(tx, assertion_ids, now, ports)  # the revocation may have come first


def _suppress_unsent(tx: MailerTransaction, assertion_ids: Sequence[str], now: datetime, ports: Ports) -> None:
    for each in tx.suppress_unsent(assertion_ids, now):
        announce(tx, ports, each, "suppressed", each.attempts, now, each.void)


def _choose_correction_letters(tx: MailerTransaction, now: datetime, ports: Ports) -> int:
    """Choose, once, the letter that tells of each correction; returns for how many."""
    chosen: dict[CorrectionLetter, list[str]] = {}
    for badge in tx.undecided_corrections(now, _WRITE):
        chosen.setdefault(correction_letter(badge), []).append(badge.assertion_id)
    for letter, assertion_ids in chosen.items():
        tx.set_correction_letter(letter, assertion_ids)
        _open(tx, assertion_ids, now, ports)
        CORRECTIONS.labels(letter).inc(len(assertion_ids))
    return sum(map(len, chosen.values()))


def announce(
    tx: MailerTransaction,
    ports: Ports,
    message: Addressed,
    state: LetterState,
    attempt: int,
    now: datetime,
    answer: str | None = None,
    *,
    to: str | None = None,
    revision: int | None = None,
) -> None:
    """Announce that a message came to a state, and count it. `to`: its address, where it is known; its `revision`."""
    id = message_id(message.letter, message.subject, ports.sender.address)
    tx.announce(
        LetterUpdated(
            assertion_id=message.subject,
            letter=message.letter,  # type: ignore[arg-type]  # one of Letter: it is about a badge
            message_id=id,
            state=state,
            attempt=attempt,
            at=now,
            answer=answer,
            domain=None if to is None else domain_of(to),
            address_revision=revision,
        )
        if message.letter_id is None
        else RequestedLetterUpdated(
            letter_id=message.letter_id,
            letter=message.letter,
            message_id=id,
            state=state,
            attempt=attempt,
            at=now,
            answer=answer,
        )
    )
    MESSAGES.labels(message.letter, state).inc()
    log.info(state, **names_of(message), attempt=attempt, answer=answer)


def names_of(message: Addressed) -> dict[str, str]:
    """What a line of the log calls a message."""
    about = "assertion_id" if message.letter_id is None else "request_id"
    return {about: message.subject, "letter": message.letter}
