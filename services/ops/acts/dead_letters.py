"""Dead letters: read from `<topic>.dead`, then replayed or discarded by the office."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from services.ops.board.dead_events import is_among
from services.ops.board.decisions import AlreadyDecidedError
from services.ops.board.rows import KeptDeadLetter
from services.ops.ports import Ports
from shared.errors import NotFound, Unreadable
from shared.office_events import OfficeDecided
from shared.runtime.dead_letters import read_dead_letter
from shared.runtime.log import logger
from shared.topics import Topic

log = logger("ops")

DeadLetterAct = Literal["replay", "discard"]

_AT_ONCE = 10_000  # dead letters that one order for all takes


def dead_letter_of(value: bytes, *, topic: str, id: str, now: datetime) -> KeptDeadLetter:
    """The dead letter in the bytes that came on `<topic>.dead`.

    Bytes that are no record of a dead letter are one themselves: kept as they came, under `id`, with the time `now`.
    """
    try:
        letter = read_dead_letter(value)
    except Unreadable as error:
        return KeptDeadLetter(
            dead_letter_id=id,
            topic=topic,
            partition=None,
            offset=None,
            key=None,
            value=value,
            consumer="ops",
            cause=f"expected a dead letter's record, got {len(value)} bytes: {error}".replace("\0", ""),
            died_at=now,
        )
    return KeptDeadLetter(
        dead_letter_id=str(letter.id),
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        key=letter.key,
        value=letter.value,
        consumer=letter.consumer,
        cause=letter.cause.replace("\0", ""),  # PostgreSQL's text holds no NUL
        died_at=letter.at,
        size=letter.size,
        sha256=letter.sha256,
    )


def replay(ports: Ports, dead_letter_id: str, *, by: str, why: str) -> KeptDeadLetter:
    """Send the message to its topic again, bytes unchanged; a service that handled it drops it by its inbox.

    NotFound. AlreadyDecidedError when it was replayed or discarded before, has no value to send, or one that was cut.
    """
    return _decide(ports, dead_letter_id, "replayed", by, why)


def discard(ports: Ports, dead_letter_id: str, *, by: str, why: str) -> KeptDeadLetter:
    """Close the dead letter without sending it; it stays in the table, with the reason.

    NotFound. AlreadyDecidedError when it was replayed or discarded before.
    """
    return _decide(ports, dead_letter_id, "discarded", by, why)


DECIDE = {"replay": replay, "discard": discard}


def decide_all(ports: Ports, act: DeadLetterAct, *, by: str, why: str, topic: str | None, cause: str | None) -> int:
    """Replay or discard all open ones of a topic and a kind of cause (None: of any); how many messages.

    One after the other, each once: a message on which several services failed is one. What can't be replayed stays
    open. Called twice, or by two people at once, it decides nothing twice.
    """
    with ports.store.transaction() as tx:
        letters = [
            letter
            for letter in tx.dead_letters.all("open", limit=_AT_ONCE)
            if is_among(letter.topic, letter.cause, topic=topic, cause=cause)
        ]
    done = 0
    for letter in letters:
        if act == "replay" and not letter.is_whole:
            continue
        try:
            DECIDE[act](ports, letter.dead_letter_id, by=by, why=why)
        except AlreadyDecidedError:  # together with another service's letter about the same message, or by somebody
            continue
        done += 1
    return done


def _decide(
    ports: Ports, dead_letter_id: str, state: Literal["replayed", "discarded"], by: str, why: str
) -> KeptDeadLetter:
    now = ports.now()
    with ports.store.transaction() as tx:
        letter = tx.dead_letters.lock(dead_letter_id)
        if letter is None:
            raise NotFound(f"got dead letter {dead_letter_id!r}, expected one of the list")
        if letter.state != "open":
            raise AlreadyDecidedError(f"this dead letter was {letter.state} by {letter.decided_by}")
        if state == "replayed":
            if letter.value is None:
                raise AlreadyDecidedError("this message has no value, so there is nothing to replay: discard it")
            if letter.size is not None:
                raise AlreadyDecidedError(_cut(letter, len(letter.value)))
            tx.forward(Topic(letter.topic), letter.key, letter.value)
        tx.dead_letters.close(letter, state, by, why, now)
        tx.announce(
            OfficeDecided(
                decision_id=f"{state}/{dead_letter_id}",
                decision="replay" if state == "replayed" else "discard",
                subject=dead_letter_id,
                by=by,
                why=why,
                decided_at=now,
            )
        )
    # Dying before the commit leaves the letter open; after it the outbox sends the bytes and the decision.
    log.info("decided", decision=state, dead_letter=dead_letter_id)
    return letter


def _cut(letter: KeptDeadLetter, kept: int) -> str:
    return (
        f"of this message only {kept} of {letter.size} bytes are kept (SHA-256 {letter.sha256}), so it can't be"
        f" replayed: it lies on {letter.topic}, partition {letter.partition}, offset {letter.offset}, until that"
        " topic's retention ends. Have its sender deliver it again, and discard this one"
    )
