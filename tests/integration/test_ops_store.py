"""What the events of the cycle make of the board, on a real PostgreSQL."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from prometheus_client import REGISTRY

from services.ops import handlers, queries
from services.ops.board.counts import PAIRS, STATES, Stage, board_of, selection_of
from services.ops.ports import Ports
from services.ops.sources.lag import Lag, LagMeter
from services.ops.store.events import Store
from shared.events import AssertionRevoked, Event, RegistrationRejected, RegistrationReleased
from shared.office_events import OfficeDecided
from tests.worlds.cohorts import NOON, anchored, assertion_id, at, cycle, held, issued, letter, received, renewed
from tests.worlds.ops import counts, empty, tell, tell_all

pytest_plugins = ("tests.worlds.ops_fixtures",)


def test_a_whole_cycle_is_counted_at_every_stage(ports: Ports) -> None:
    tell_all(ports, [event for number in range(3) for event in cycle(number)])
    found = queries.status(ports, None)
    assert counts(ports) == [3] * 7
    assert (found.matches, found.cohort.id, found.unplaced) == (True, "2026", 0)
    assert found.letters["sent"] == 6


@pytest.mark.parametrize("seed", range(8))
def test_the_board_is_the_same_in_any_order_and_with_every_event_twice(ports: Ports, seed: int) -> None:
    events = [event for number in range(2) for event in cycle(number)]
    shuffled = events + events
    random.Random(seed).shuffle(shuffled)
    tell(ports, *shuffled)
    assert counts(ports) == [2] * 7
    assert queries.people(ports, None, "completed").people[0].name == "見本 第0"


def test_a_held_person_is_named_with_the_reason_and_not_eligible(ports: Ports) -> None:
    tell(ports, renewed(1), held(2), held(3, "missing-address"))
    found = queries.status(ports, None)
    assert (found.cohort.eligible, found.cohort.held) == (1, 2)
    assert found.held_by_reason == {"missing-address": 1, "shared-address": 1}
    (second, third) = queries.people(ports, None, "held").people
    assert (second.name, second.state, second.reason) == ("見本 第2", "held", "shared-address")
    assert third.reason == "missing-address"


def test_a_release_that_comes_before_its_hold_stays_in_force(ports: Ports) -> None:
    released = RegistrationReleased(registration_id="R00001", cohort="2026", revision=2)
    tell(ports, released, held(1, revision=1), renewed(1))
    assert queries.status(ports, None).cohort.eligible == 1
    assert queries.people(ports, None, None).people[0].name == "見本 第1"


def test_a_person_held_after_the_issue_stays_in_all_counts(ports: Ports) -> None:
    tell(ports, *cycle(1), held(1, "office-hold", revision=3))
    assert counts(ports) == [1] * 7
    assert queries.status(ports, None).cohort.held == 0


def test_missing_people_are_named_with_the_time_they_wait_since_longest_first(ports: Ports) -> None:
    tell(ports, *cycle(1), renewed(2), issued(2, 5), letter(2, "award", "sent", 6), renewed(3), issued(3, 1))
    tell(ports, letter(3, "award", "sent", 2))
    missing = queries.status(ports, None).people_missing["received"]
    assert (missing.after, missing.count) == ("notified", 2)
    assert [(person.registration_id, person.since) for person in missing.people] == [
        ("R00003", at(2)),
        ("R00002", at(6)),
    ]


def test_a_letter_that_bounces_after_it_was_sent_counts_as_not_notified_with_the_reason(ports: Ports) -> None:
    tell(
        ports,
        renewed(1),
        issued(1),
        letter(1, "award", "sent", 2),
        letter(1, "award", "bounced", 3, answer="550 5.1.1"),
    )
    found = queries.status(ports, None)
    assert (found.cohort.notified, found.letters["bounced"]) == (0, 1)
    assert found.people_missing["notified"].people[0].reason == "award-letter-bounced"
    (trouble,) = queries.board_page(ports, None).troubled_letters
    assert (trouble.name, trouble.answer) == ("見本 第1", "550 5.1.1")


def test_a_letter_queued_again_after_it_was_sent_still_counts_as_sent(ports: Ports) -> None:
    tell(ports, *cycle(1), letter(1, "award", "queued", 9, attempt=0))
    assert counts(ports) == [1] * 7


def test_a_revoked_person_is_listed_as_revoked_and_leaves_the_counts_matching(ports: Ports) -> None:
    revoked = AssertionRevoked(assertion_id=assertion_id(1), reason="withdrawal", revoked_at=at(9))
    tell(ports, renewed(1), issued(1), revoked, *cycle(2))
    found = queries.status(ports, None)
    assert (found.cohort.revoked, found.matches, counts(ports)) == (1, True, [1] * 7)
    assert [(one.registration_id, one.reason) for one in found.revoked.people] == [("R00001", "withdrawal")]
    assert queries.people(ports, None, "revoked").people[0].reason == "withdrawal"


def test_a_badge_whose_holder_is_not_known_yet_is_counted_as_unplaced(ports: Ports) -> None:
    tell(ports, received(1), letter(2, "award", "sent", 2))
    assert queries.status(ports, None).unplaced == 2


def test_a_batch_counts_each_badge_once_however_often_its_event_comes(ports: Ports) -> None:
    tell_all(ports, [event for number in range(4) for event in cycle(number)])
    tell(ports, anchored(1))
    (batch,) = queries.board_page(ports, None).batches
    assert (batch.badges, batch.block_number, batch.network) == (4, 7, "local")


def test_the_latest_cohort_with_somebody_eligible_is_shown(ports: Ports) -> None:
    tell(ports, *cycle(1))
    tell(ports, msgspec.structs.replace(held(9, "not-this-cycle"), cohort="2027"))
    found = queries.status(ports, None)
    assert (found.cohort.id, found.cohorts) == ("2026", ["2027", "2026"])
    assert queries.status(ports, "2027").cohort.held == 1


def test_in_february_the_coming_cohort_is_shown_with_those_whom_it_holds(ports: Ports) -> None:
    tell(ports, *cycle(1), held(9, "not-this-cycle"))
    tell(ports, msgspec.structs.replace(held(9, "shared-address", revision=2), cohort="2027"))
    found = queries.status(ports, None)
    assert (found.cohort.id, found.cohort.held, found.held_by_reason) == ("2027", 1, {"shared-address": 1})
    assert queries.status(ports, "2026").cohort.held == 0


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
        everybody = tx.board.people("2026")
        current = [person for person in everybody if not person.ended]
        board = board_of(tx.board.groups("2026"))
        assert {state: len(tx.board.people("2026", selection_of(state))) for state in STATES} == {
            state: sum(person.state == state for person in everybody) for state in STATES
        }
        for (left, right), difference in zip(PAIRS, board.differences, strict=True):
            expected = {p.registration_id for p in current if p.reached & left.bit and not p.reached & right.bit}
            missing = tx.board.missing("2026", PAIRS)[right]
            assert {p.registration_id for p in missing} == expected
            assert (len(missing), len(tx.board.ahead("2026", left, right))) == (difference.missing, difference.ahead)
        for stage in Stage:
            assert board.counts[stage] == sum(bool(p.reached & stage.bit) for p in current)
        assert len(tx.board.revoked("2026", limit=100)) == board.revoked == len(everybody) - len(current)


def test_a_rejected_row_is_kept_with_what_was_expected(ports: Ports) -> None:
    tell(
        ports, RegistrationRejected(rejection_id="x", source="a.csv", row=7, field="valid_from", expected="YYYY-MM-DD")
    )
    page = queries.board_page(ports, None)
    assert (page.status.rejected, page.rejections[0].row_number) == (1, 7)
    assert [(each.field, each.expected) for each in page.rejections[0].problems] == [("valid_from", "YYYY-MM-DD")]


def test_a_decision_is_on_record_with_subject_author_and_reason_and_without_an_address(ports: Ports) -> None:
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
    (decided,) = queries.board_page(ports, None).decisions
    assert (decided.subject, decided.by, decided.why) == ("R00001", "office", "a letter")
    assert "new@example.jp" not in repr(decided)


class TwoServices:
    def lags(self, services: object) -> Lag:
        return Lag(messages={"issuer": 12, "mailer": None}, unknown={"mailer": "it has not read anything yet"})


def test_a_measurement_sets_the_gauges_to_the_latest_cohort_and_the_lags(store: Store) -> None:
    empty(store)
    ports = Ports(store=store, lag=LagMeter(TwoServices()), now=lambda: NOON)
    tell(ports, renewed(1), renewed(2), held(3))
    assert handlers.measure(ports) == 0
    assert gauge("people", cohort="2026", stage="eligible") == 2
    assert gauge("people_held", cohort="2026", reason="shared-address") == 1
    assert gauge("lag_messages", service="issuer") == 12
    assert math.isnan(gauge("lag_messages", service="mailer"))


def gauge(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"akashi_{name}", labels)
    assert value is not None
    return value
