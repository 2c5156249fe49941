from __future__ import annotations

import random
from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid5

import msgspec
import pytest

from services.ops import handlers
from services.ops.board.counts import PAIRS, STATES, Stage, board_of, selection_of
from services.ops.handlers import Ports
from services.ops.lag import Lag, LagMeter
from services.ops.store.events import Store
from shared.errors import NotFound
from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    DecisionSettled,
    Event,
    LetterUpdated,
    OfficeDecided,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.runtime.batches import RawMessage
from shared.runtime.dead_letters import DeadLetter
from shared.topics import ASSERTION_ISSUED
from tests.worlds.cohorts import (
    NOON,
    anchored,
    assertion_id,
    at,
    cycle,
    held,
    issued,
    letter,
    received,
    renewed,
)
from tests.worlds.ops import empty, ops_store

HANDLERS = {
    RegistrationRenewed: handlers.note_renewed,
    RegistrationHeld: handlers.note_held,
    RegistrationReleased: handlers.note_released,
    RegistrationRejected: handlers.note_rejected,
    AssertionIssued: handlers.note_issued,
    LetterUpdated: handlers.note_letters,
    BadgeReceived: handlers.note_received,
    AssertionAnchored: handlers.note_anchored,
    CertificateRendered: handlers.note_rendered,
    AssertionRevoked: handlers.note_revoked,
    OfficeDecided: handlers.note_decided,
    DecisionSettled: handlers.note_settled,
}


class NoBroker:
    def lags(self, services: object) -> Lag:
        raise OSError("no broker here")


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with ops_store(lambda: NOON) as store:
        yield store


@pytest.fixture
def ports(store: Store) -> Ports:
    empty(store)
    return Ports(store=store, lag=LagMeter(NoBroker()), now=lambda: NOON)


def tell(ports: Ports, *events: Event) -> None:
    """Each kind by its handler, in the order given."""
    for event in events:
        HANDLERS[type(event)]([event], ports)  # type: ignore[operator]  # the table pairs each type with its handler


def tell_all(ports: Ports, events: list[Event]) -> None:
    """As the runtime does: each kind in one batch, the batches in the order of their first event."""
    for kind in dict.fromkeys(type(event) for event in events):
        HANDLERS[kind]([event for event in events if type(event) is kind], ports)  # type: ignore[operator]  # as above


def counts(ports: Ports) -> list[int]:
    cohort = handlers.status(ports, "2026").cohort
    return [getattr(cohort, stage.word) for stage in Stage]


def test_a_whole_cycle_is_counted_at_every_stage(ports: Ports) -> None:
    tell_all(ports, [event for number in range(3) for event in cycle(number)])
    found = handlers.status(ports, None)
    assert counts(ports) == [3] * 7
    assert (found.matches, found.cohort.id, found.unplaced) == (True, "2026", 0)
    assert found.letters["sent"] == 6


@pytest.mark.parametrize("seed", range(8))
def test_no_order_and_no_second_copy_of_the_events_changes_the_board(ports: Ports, seed: int) -> None:
    events = [event for number in range(2) for event in cycle(number)]
    shuffled = events + events
    random.Random(seed).shuffle(shuffled)
    tell(ports, *shuffled)
    assert counts(ports) == [2] * 7
    assert handlers.people(ports, None, "completed").people[0].name == "見本 第0"


def test_a_held_person_is_named_with_the_reason_and_not_eligible(ports: Ports) -> None:
    tell(ports, renewed(1), held(2), held(3, "missing-address"))
    found = handlers.status(ports, None)
    assert (found.cohort.eligible, found.cohort.held) == (1, 2)
    assert found.held_by_reason == {"missing-address": 1, "shared-address": 1}
    (second, third) = handlers.people(ports, None, "held").people
    assert (second.name, second.state, second.reason) == ("見本 第2", "held", "shared-address")
    assert third.reason == "missing-address"


def test_a_release_that_comes_before_its_hold_is_not_undone(ports: Ports) -> None:
    released = RegistrationReleased(registration_id="R00001", cohort="2026", revision=2)
    tell(ports, released, held(1, revision=1), renewed(1))
    assert handlers.status(ports, None).cohort.eligible == 1
    assert handlers.people(ports, None, None).people[0].name == "見本 第1"


def test_a_hold_after_the_issue_takes_nobody_out_of_the_counts(ports: Ports) -> None:
    tell(ports, *cycle(1), held(1, "office-hold", revision=3))
    assert counts(ports) == [1] * 7
    assert handlers.status(ports, None).cohort.held == 0


def test_who_is_missing_is_named_with_since_when_the_longest_waiting_first(ports: Ports) -> None:
    tell(ports, *cycle(1), renewed(2), issued(2, 5), letter(2, "award", "sent", 6), renewed(3), issued(3, 1))
    tell(ports, letter(3, "award", "sent", 2))
    missing = handlers.status(ports, None).people_missing["received"]
    assert (missing.after, missing.count) == ("notified", 2)
    assert [(person.registration_id, person.since) for person in missing.people] == [
        ("R00003", at(2)),
        ("R00002", at(6)),
    ]


def test_a_bounce_after_the_sending_takes_the_notification_back_and_says_why(ports: Ports) -> None:
    tell(
        ports,
        renewed(1),
        issued(1),
        letter(1, "award", "sent", 2),
        letter(1, "award", "bounced", 3, answer="550 5.1.1"),
    )
    found = handlers.status(ports, None)
    assert (found.cohort.notified, found.letters["bounced"]) == (0, 1)
    assert found.people_missing["notified"].people[0].reason == "award-letter-bounced"
    (trouble,) = handlers.board_page(ports, None).troubled_letters
    assert (trouble.name, trouble.answer) == ("見本 第1", "550 5.1.1")


def test_a_letter_queued_again_after_it_was_sent_still_counts_as_sent(ports: Ports) -> None:
    tell(ports, *cycle(1), letter(1, "award", "queued", 9, attempt=0))
    assert counts(ports) == [1] * 7


def test_a_revoked_person_is_missing_nowhere_and_shown_as_revoked(ports: Ports) -> None:
    revoked = AssertionRevoked(assertion_id=assertion_id(1), reason="withdrawal", revoked_at=at(9))
    tell(ports, renewed(1), issued(1), revoked, *cycle(2))
    found = handlers.status(ports, None)
    assert (found.cohort.revoked, found.matches, counts(ports)) == (1, True, [1] * 7)
    assert [(one.registration_id, one.reason) for one in found.revoked.people] == [("R00001", "withdrawal")]
    assert handlers.people(ports, None, "revoked").people[0].reason == "withdrawal"


def test_a_badge_whose_holder_is_not_known_yet_is_counted_as_unplaced(ports: Ports) -> None:
    tell(ports, received(1), letter(2, "award", "sent", 2))
    assert handlers.status(ports, None).unplaced == 2


def test_a_batch_counts_its_badges_once_however_often_they_come(ports: Ports) -> None:
    tell_all(ports, [event for number in range(4) for event in cycle(number)])
    tell(ports, anchored(1))
    (batch,) = handlers.board_page(ports, None).batches
    assert (batch.badges, batch.block_number, batch.network) == (4, 7, "local")


def test_a_later_cohort_with_only_held_people_does_not_hide_the_one_being_issued(ports: Ports) -> None:
    tell(ports, *cycle(1))
    tell(ports, msgspec.structs.replace(held(9, "not-this-cycle"), cohort="2027"))
    found = handlers.status(ports, None)
    assert (found.cohort.id, found.cohorts) == ("2026", ["2027", "2026"])
    assert handlers.status(ports, "2027").cohort.held == 1


def test_the_database_selects_the_people_that_the_board_counts(ports: Ports) -> None:
    numbers = random.Random(7)
    events: list[Event] = []
    for number in range(60):
        events += cycle(number)[: numbers.randrange(9)]
        if numbers.random() < 0.2:
            events.append(received(number))
        if numbers.random() < 0.2:
            events.append(held(number, revision=1))
        if numbers.random() < 0.1:
            events.append(AssertionRevoked(assertion_id=assertion_id(number), reason="x", revoked_at=at(9)))
    tell_all(ports, events)
    with ports.store.transaction() as tx:
        everybody = tx.people("2026")
        standing = [person for person in everybody if not person.ended]
        board = board_of(tx.groups("2026"))
        assert {state: len(tx.people("2026", selection_of(state))) for state in STATES} == {
            state: sum(person.state == state for person in everybody) for state in STATES
        }
        for (left, right), difference in zip(PAIRS, board.differences, strict=True):
            expected = {p.registration_id for p in standing if p.reached & left.bit and not p.reached & right.bit}
            missing = tx.missing("2026", PAIRS)[right]
            assert {p.registration_id for p in missing} == expected
            assert (len(missing), len(tx.ahead("2026", left, right))) == (difference.missing, difference.ahead)
        for stage in Stage:
            assert board.counts[stage] == sum(bool(p.reached & stage.bit) for p in standing)
        assert len(tx.revoked("2026", limit=100)) == board.revoked == len(everybody) - len(standing)


def test_a_rejected_row_is_kept_with_what_was_expected(ports: Ports) -> None:
    tell(
        ports, RegistrationRejected(rejection_id="x", source="a.csv", row=7, field="valid_from", expected="YYYY-MM-DD")
    )
    page = handlers.board_page(ports, None)
    assert (page.status.rejected, page.rejections[0].row_number, page.rejections[0].expected) == (1, 7, "YYYY-MM-DD")


# ── dead letters ────────────────────────────────────────────────────────────────────────────────────────


def bury(ports: Ports, consumer: str = "mailer", *, offset: int = 5, value: bytes | None = b"poison") -> str:
    """As the runtime of `consumer` writes a dead letter; returns its id."""
    letter = DeadLetter(
        id=uuid5(NAMESPACE_URL, f"{consumer}/{offset}"),
        topic="assertion.issued",
        partition=1,
        offset=offset,
        key=b"key",
        value=value,
        consumer=consumer,
        cause="Unreadable: expected a CloudEvents envelope",
        at=NOON,
    )
    bytes_of = RawMessage(record_key=None, value=msgspec.json.encode(letter))
    handlers.note_dead(ASSERTION_ISSUED)([bytes_of, bytes_of], ports)
    return str(letter.id)


def outbox(ports: Ports) -> list[tuple[str, bytes | None, bytes]]:
    with ports.store.transaction() as tx:
        return tx.cursor.execute("select topic, key, value from outbox order by id").fetchall()


def test_a_replay_sends_the_bytes_as_they_were_once_and_leaves_a_record(ports: Ports) -> None:
    first = bury(ports, "mailer")
    second = bury(ports, "wallet")
    handlers.replay(ports, first, by="office", why="mended")
    (forwarded, decision) = outbox(ports)
    assert forwarded == ("assertion.issued", b"key", b"poison")
    assert decision[0] == "office.decisions" and b'"decision":"replay"' in decision[2]
    with pytest.raises(handlers.AlreadyDecidedError):
        handlers.replay(ports, second, by="office", why="again")
    assert handlers.status(ports, None).dead_letters == 0


def test_a_discarded_letter_stays_on_record_without_its_bytes(ports: Ports) -> None:
    id = bury(ports)
    handlers.discard(ports, id, by="office", why="a test message")
    (kept,) = handlers.dead_letters(ports, "discarded")
    assert (kept.decided_by, kept.decided_why, kept.value) == ("office", "a test message", None)
    assert [topic for topic, _, _ in outbox(ports)] == ["office.decisions"]


def test_a_dead_letter_that_comes_again_after_its_decision_is_not_opened_again(ports: Ports) -> None:
    handlers.discard(ports, bury(ports), by="office", why="x")
    bury(ports)
    assert handlers.dead_letters(ports, "open") == []


def test_the_same_poison_at_another_place_is_another_dead_letter(ports: Ports) -> None:
    handlers.discard(ports, bury(ports), by="office", why="x")
    bury(ports, offset=6)
    assert handlers.status(ports, None).dead_letters == 1


def test_what_has_no_value_cannot_be_replayed_but_discarded(ports: Ports) -> None:
    id = bury(ports, value=None)
    with pytest.raises(handlers.AlreadyDecidedError):
        handlers.replay(ports, id, by="office", why="x")
    handlers.discard(ports, id, by="office", why="x")


def test_an_unknown_dead_letter_is_not_found(ports: Ports) -> None:
    with pytest.raises(NotFound):
        handlers.discard(ports, "nothing", by="office", why="x")


def test_the_audit_trail_holds_who_and_why_but_no_address(ports: Ports) -> None:
    tell(
        ports,
        OfficeDecided(
            decision_id="d",
            decision="correct-address",
            subject="R00001",
            by="office",
            why="a letter",
            decided_at=NOON,
            value="new@example.jp",
        ),
    )
    (decided,) = handlers.board_page(ports, None).decisions
    assert (decided.subject, decided.by, decided.why) == ("R00001", "office", "a letter")
