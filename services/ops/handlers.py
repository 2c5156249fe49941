"""What ops does by itself: it notes the dead letters of every topic, erases people, and measures.

The events of the cycle are noted by `OpsTransaction` (`app.py` lists them). Ops only watches the nine steps; nothing in
the cycle waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.ops import queries
from services.ops.acts.dead_letters import dead_letter_of
from services.ops.metrics import DEAD_LETTERS, HELD, LAG, PEOPLE, RESTORES
from services.ops.ports import Ports
from services.ops.store.events import Store
from shared.erasure_events import AssertionsErased, PersonErased
from shared.runtime.batches import RawMessage
from shared.topics import Topic


def note_dead(topic: Topic) -> Callable[[Sequence[RawMessage], Ports], None]:
    """The handler for `topic`.dead. It accepts any bytes: a dead letter can't be dead-lettered again."""

    def note(messages: Sequence[RawMessage], ports: Ports) -> None:
        now = ports.now()
        letters = [dead_letter_of(message.value, topic=topic.name, id=str(message.id), now=now) for message in messages]
        with ports.store.transaction() as tx:
            tx.dead_letters.note(letters)  # idempotent by the letter's id, so it needs no claim

    return note


def erase(events: Sequence[PersonErased | AssertionsErased], ports: Ports) -> None:
    """Any time. Of a person who was erased nothing stays but the ids. Settled when the badges are gone, too.

    Each of the two events says whose rows they are: whichever comes first.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        for event in tx.claim_erasures(events):
            tx.erasures.forget(event.decision_id, event.registration_ids, event.assertion_ids)
            if isinstance(event, AssertionsErased):
                tx.announce(event.settled(tx.service, now), cause=event)
    # Dying before the commit, all is there still, and the event is read again.


def measure(ports: Ports) -> int:
    """Lag and the gauges, every two seconds. Acts on no row: always 0."""
    if not ports.lag.measure():
        return 0
    settle(ports.store)
    with ports.store.transaction() as tx:
        cohort, board = queries.board_of_cohort(tx, None)
        DEAD_LETTERS.set(tx.dead_letters.open_count())
        RESTORES.set(tx.restores.unseen_count())
    for service, messages in ports.lag.latest().messages.items():
        LAG.labels(service).set(float("nan") if messages is None else messages)
    HELD.clear()  # else a reason that no longer holds anybody would keep its last value
    if cohort is not None:
        ports.pace.note(cohort, {stage.word: count for stage, count in board.counts.items()}, ports.now())
        for stage, count in board.counts.items():
            PEOPLE.labels(cohort, stage.word).set(count)
        for reason, count in board.held_by_reason.items():
            HELD.labels(cohort, reason).set(count)
    return 0


def settle(store: Store) -> None:
    """Bring the counts up to date in transactions of their own: after an upgrade there may be a million changes."""
    while True:
        with store.transaction() as tx:
            if not tx.standing.settle():
                return


def read_health(ports: Ports) -> int:
    """What the services say of themselves, every five seconds. Acts on no row: always 0."""
    ports.health.measure()
    return 0
