"""What the office orders of registrations, on a real PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
import pytest

from services.registration.office import orders
from shared.events import RegistrationRenewed
from shared.office_events import Correction, Decision, DecisionSettled, OfficeDecided
from tests.worlds.registration import NOON, RegistrationWorld, record, registration_database, world_at


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


# ── the office ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_office_holds_and_resumes(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2))
    world.decide("hold", "R1")
    world.settle()
    assert (world.held(), world.renewed()) == ({"R1": "office-hold"}, ["R2"])
    world.decide("resume", "R1")
    world.judge()
    assert (world.held(), world.renewed()) == ({}, ["R1", "R2"])


def test_the_same_decision_twice_is_carried_out_once(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    decision = world.decide("hold", "R1")
    world.decide("resume", "R1")
    orders.carry_out([decision], world.ports)
    world.settle()
    assert world.renewed() == ["R1"]


@pytest.mark.parametrize(
    ("decision", "subject", "value"),
    [
        ("correct-address", "R1", "person1@example.jp"),  # it has that
        ("hold", "R1", None),
        ("correct-address", "R2", "not an address"),
        ("correct-address", "R2", None),
        ("correct-address", "R404", "other@example.jp"),
        ("revoke", "R2", None),
    ],
)
def test_a_decision_that_cannot_be_done_changes_nothing(
    world: RegistrationWorld, decision: Decision, subject: str, value: str | None
) -> None:
    world.deliver(record(1), record(2, email=None))
    world.settle()
    world.issue()
    before = world.rows("select * from registrations order by 1")
    world.decide(decision, subject, value)
    assert world.judge() == 0
    assert world.rows("select * from registrations order by 1") == before


def test_a_corrected_address_stays_after_the_next_delivery(world: RegistrationWorld) -> None:
    world.deliver(record(1, email="team@example.jp", completed_on=None))
    world.decide("correct-address", "R1", "own@example.jp")
    world.deliver(record(1, email="moved@example.jp"))
    world.settle()
    (event,) = world.announced(RegistrationRenewed)
    assert event.holder.email == "own@example.jp"


# ── corrections after the issue ────────────────────────────────────────────────────────────────────────


def versions(world: RegistrationWorld) -> list[tuple[str, int]]:
    return [(event.key, event.version) for event in world.announced(RegistrationRenewed)]


def outcomes(world: RegistrationWorld) -> list[tuple[str, str]]:
    return [(event.decision_id, event.outcome) for event in world.announced(DecisionSettled)]


def test_a_correction_is_a_new_version_of_the_badge_with_all_else_as_it_was(world: RegistrationWorld) -> None:
    world.deliver(record(1, family_name="高橋"))
    world.settle()
    world.clock.now += timedelta(days=3)
    correction = Correction(family_name="髙橋", given_name_latin="Taro", valid_until=date(2031, 3, 31))
    decision = world.decide("correct", "R1", correction=correction)
    first, second = world.announced(RegistrationRenewed)
    assert (second.version, second.correction, second.notify_from) == (2, decision.why, world.clock.now)
    assert (second.holder.family_name, second.holder.given_name_latin) == ("髙橋", "Taro")
    assert second.award == msgspec.structs.replace(first.award, valid_until=date(2031, 3, 31))
    assert second.holder.email == first.holder.email and second.id != first.id
    (settled,) = world.announced(DecisionSettled)
    assert (settled.decision_id, settled.service, settled.outcome) == (decision.decision_id, "registration", "done")


def test_the_same_correction_twice_issues_once(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    decision = world.decide("correct", "R1", correction=Correction(given_name="一郎"))
    orders.carry_out([decision, decision], world.ports)
    again = world.decide("correct", "R1", correction=Correction(given_name="一郎"))
    assert versions(world) == [("R1", 1), ("R1", 2)]
    assert outcomes(world) == [(decision.decision_id, "done"), (again.decision_id, "changes-nothing")]


def test_an_empty_correction_issues_once_more(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.decide("correct", "R1", correction=Correction())
    world.decide("correct", "R1")
    first, second, third = world.announced(RegistrationRenewed)
    assert [each.version for each in (first, second, third)] == [1, 2, 3]
    assert (first.award, first.holder) == (third.award, third.holder)


@pytest.mark.parametrize(
    ("correction", "field"),
    [
        (Correction(family_name="山\u200b田"), "family_name"),
        (Correction(given_name="{太郎}"), "given_name"),
        (Correction(given_name="太\x00郎"), "given_name"),
        (Correction(family_name="😀"), "family_name"),
        (Correction(family_name="長" * 65), "family_name"),
        (Correction(family_name=""), "family_name"),
        (Correction(email="two@@example.jp"), "email"),
        (Correction(email=""), "email"),
        (Correction(pass_number="x" * 101), "pass_number"),
        (Correction(valid_until=date(2026, 3, 31)), "valid_until"),
        (Correction(valid_from=date(2026, 5, 1)), "valid_from"),
        (Correction(valid_from=date(2027, 4, 1)), "valid_from"),
    ],
)
def test_a_correction_that_the_intake_would_refuse_is_refused(
    world: RegistrationWorld, correction: Correction, field: str
) -> None:
    world.deliver(record(1))
    world.settle()
    before = world.rows("select * from registrations")
    world.decide("correct", "R1", correction=correction)
    (settled,) = world.announced(DecisionSettled)
    assert settled.outcome == "not-valid" and settled.detail is not None
    assert settled.detail.startswith(f"{field}: ") and "expected" in settled.detail
    assert (versions(world), world.rows("select * from registrations")) == ([("R1", 1)], before)


def test_a_refusal_contains_nothing_personal(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.decide("correct", "R1", correction=Correction(family_name="秘密\t", email="secret@@example.jp"))
    world.decide("correct", "R1", correction=Correction(valid_from=date(1975, 4, 1)))  # before the birth date
    told = " ".join(settled.detail or "" for settled in world.announced(DecisionSettled))
    assert "秘密" not in told and "secret" not in told and "1980" not in told


@pytest.mark.parametrize(
    ("subject", "outcome"), [("R2", "not-issued-yet"), ("R3", "not-issued-yet"), ("R404", "no-such-registration")]
)
def test_only_an_issued_registration_is_corrected(world: RegistrationWorld, subject: str, outcome: str) -> None:
    world.deliver(record(1), record(2, completed_on=None))
    world.settle()
    world.deliver(record(3))
    decision = world.decide("correct", subject, correction=Correction(given_name="一郎"))
    assert outcomes(world) == [(decision.decision_id, outcome)] and versions(world) == [("R1", 1)]


def test_a_correction_to_another_persons_address_is_refused_issued_or_not(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2), record(3, completed_on=None))
    world.settle()
    for other in (2, 3):
        world.decide("correct", "R1", correction=Correction(email=f"Person{other}@Example.jp"))
    assert [
        (s.outcome, f"R{number}" in (s.detail or "")) for number, s in enumerate(world.announced(DecisionSettled), 2)
    ] == [("address-taken", True)] * 2
    assert ("R1", 2) not in versions(world)


def test_of_two_corrections_to_one_address_in_a_batch_the_second_is_refused(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2))
    world.settle()
    decisions = [
        OfficeDecided(
            decision_id=subject,
            decision="correct",
            subject=subject,
            by="office",
            why="moved",
            decided_at=NOON,
            correction=Correction(email="new@example.jp"),
        )
        for subject in ("R1", "R2")
    ]
    orders.carry_out(decisions, world.ports)
    assert outcomes(world) == [("R1", "done"), ("R2", "address-taken")]
    assert versions(world) == [("R1", 1), ("R2", 1), ("R1", 2)]


def test_a_person_held_because_of_a_wrong_address_is_released_when_it_is_corrected(world: RegistrationWorld) -> None:
    world.deliver(record(1, email="theirs@example.jp"))
    world.settle()
    world.deliver(record(2, email="theirs@example.jp"))
    world.settle()
    assert world.held() == {"R2": "address-taken"}
    world.decide("correct", "R1", correction=Correction(email="own@example.jp"))
    world.judge()
    assert (world.held(), versions(world)) == ({}, [("R1", 1), ("R1", 2), ("R2", 1)])


def test_a_delivery_after_a_correction_is_not_applied_and_says_so(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.decide("correct", "R1", correction=Correction(family_name="髙橋", email="own@example.jp"))
    answer = world.deliver(record(1, phone="03-0000-0000"))
    assert [(each.registration_id, each.fields) for each in answer.not_applied] == [("R1", ("family_name",))]
    world.settle()
    world.decide("correct", "R1", correction=Correction())
    last = world.announced(RegistrationRenewed)[-1]
    assert (last.version, last.holder.family_name, last.holder.email) == (3, "髙橋", "own@example.jp")
    assert world.rows("select phone from registrations") == [("03-0000-0000",)]


def test_decisions_for_other_services_change_nothing_here(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.decide("revoke", "R1")
    world.decide("undo", "2026")
    assert world.announced(DecisionSettled) == [] and world.rows("select count(*) from inbox") == [(0,)]
    others: list[Decision] = ["revoke", "undo", "resend", "discard", "replay"]
    assert not any(orders.is_ours(msgspec.structs.replace(world.decide("undo", "x"), decision=d)) for d in others)


def test_an_order_before_the_issue_is_settled_too(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2, email=None))
    world.decide("hold", "R1")
    world.decide("correct-address", "R2", "no address")
    world.decide("correct-address", "R2", "own@example.jp")
    world.decide("resume", "R1")
    assert [outcome for _, outcome in outcomes(world)] == ["done", "no-address", "done", "done"]
    world.settle()
    world.issue()
    world.decide("hold", "R1")
    assert outcomes(world)[-1][1] == "issued-already"


def test_a_whole_cohort_is_issued_once_more_in_one_batch(world: RegistrationWorld) -> None:
    world.deliver(*(record(number) for number in range(500)))
    world.settle()
    decisions = [
        OfficeDecided(
            decision_id=f"again/R{n}", decision="correct", subject=f"R{n}", by="office", why="undone", decided_at=NOON
        )
        for n in range(500)
    ]
    orders.carry_out(decisions, world.ports)
    assert Counter(outcome for _, outcome in outcomes(world)) == {"done": 500}
    assert Counter(version for _, version in versions(world)) == {1: 500, 2: 500}
