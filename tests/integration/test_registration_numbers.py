"""One number for two registrations, two people under one id, look-alikes: on a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.registration import handlers
from services.registration.domain.delivery import read_rows
from services.registration.domain.rows import DeliveryRow
from shared.events import RegistrationHeld, RegistrationRejected
from shared.office_events import Correction, DecisionSettled
from shared.runtime.batches import RawMessage
from tests.worlds.registration import RULES, RegistrationWorld, as_json, record, registration_database, world_at


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


def named(world: RegistrationWorld) -> dict[str, str | None]:
    """Whom the newest hold of each registration names."""
    return {event.key: event.first_registration_id for event in world.announced(RegistrationHeld)}


# ── one id, two people ─────────────────────────────────────────────────────────────────────────────────


def test_of_two_people_under_one_registration_id_the_first_stays_and_the_second_is_named(
    world: RegistrationWorld,
) -> None:
    other = record(
        1, person_id="P9", family_name="打設", given_name="花子", email="p9@example.jp", phone="090-9999-9999"
    )
    result = world.deliver(record(1), other, record(2))
    assert (result.accepted, [each.row for each in result.rejected]) == (2, [3])
    for _ in range(2):  # in a later delivery, too, and once only on the office's list
        later = world.deliver(other)
        assert (later.accepted, later.unchanged, later.rejected[0].problem.field) == (0, 0, "person_id")
    world.settle()
    assert world.renewed() == ["R1", "R2"]
    world.issue()
    assert world.deliver(other).rejected[0].problem.got == "P9"
    assert [(event.field, event.got, event.row) for event in world.announced(RegistrationRejected)] == [
        ("person_id", None, 3),
        ("person_id", None, 2),
    ]
    assert "R1" in world.announced(RegistrationRejected)[0].expected
    assert world.rows("select person_id, phone from registrations where registration_id = 'R1'") == [
        ("P1", "090-0000-0001")
    ]


def test_over_kafka_the_second_person_of_an_id_is_rejected(world: RegistrationWorld) -> None:
    people: list[dict[str, Any]] = [as_json(record(1)), as_json(record(1, person_id="P2")), as_json(record(2))]
    handlers.accept_messages(
        [RawMessage(record_key=None, value=json.dumps(each).encode()) for each in people], world.ports
    )
    world.settle()
    assert world.renewed() == ["R1", "R2"]
    assert [(event.source, event.field) for event in world.announced(RegistrationRejected)] == [("kafka", "person_id")]


# ── one number, two registrations ──────────────────────────────────────────────────────────────────────

REGISTRATION_NUMBER = "duplicate-registration-number"
PASS_NUMBER = "duplicate-pass-number"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"registration_number": "26G1"}, REGISTRATION_NUMBER),
        ({"registration_number": "２６ｇ１"}, REGISTRATION_NUMBER),
        ({"registration_number": "26G 1"}, REGISTRATION_NUMBER),
        ({"pass_number": "25-1"}, PASS_NUMBER),
        ({"pass_number": "２５－１"}, PASS_NUMBER),
        ({"pass_number": "25-1", "registration_number": "26G1"}, REGISTRATION_NUMBER),
        ({"registration_number": "26G1", "person_id": "P1", "pass_number": "25-1"}, REGISTRATION_NUMBER),
    ],
)
def test_of_two_registrations_with_one_number_both_are_held_and_name_each_other(
    world: RegistrationWorld, changes: dict[str, str], reason: str
) -> None:
    world.deliver(record(1), record(2, **changes), record(3))
    world.settle()
    assert (world.held(), world.renewed()) == ({"R1": reason, "R2": reason}, ["R3"])
    assert named(world) == {"R1": "R2", "R2": "R1"}
    world.deliver(record(2, person_id=changes.get("person_id", "P2")))
    world.settle()
    assert (world.held(), world.renewed()) == ({}, ["R1", "R2", "R3"])


def test_a_number_of_another_qualification_or_of_the_same_person_holds_nobody(world: RegistrationWorld) -> None:
    numbers = {"registration_number": "26G1", "pass_number": "25-1"}
    world.deliver(
        record(1),
        record(2, **numbers, qualification="shindanshi"),
        record(3, pass_number="25-3"),
        record(4, pass_number="25-3", person_id="P3", email="person3@example.jp"),
    )
    world.settle()
    assert (world.held(), world.renewed()) == ({}, ["R1", "R2", "R3", "R4"])


def test_a_number_with_a_badge_holds_the_later_one_only_in_later_deliveries(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.issue()
    world.deliver(record(2, registration_number="26G1"), record(3, registration_number="26G1"))
    world.settle()
    assert world.held() == {"R2": REGISTRATION_NUMBER, "R3": REGISTRATION_NUMBER}
    assert named(world) == {"R2": "R1", "R3": "R1"}
    assert world.renewed() == ["R1"]


def test_of_three_with_one_number_two_stay_held_when_one_leaves(world: RegistrationWorld) -> None:
    world.deliver(*(record(number, pass_number="25-1") for number in (1, 2, 3)))
    world.settle()
    world.deliver(record(1, pass_number="25-77"))
    world.settle()
    assert (world.held(), world.renewed()) == ({"R2": PASS_NUMBER, "R3": PASS_NUMBER}, ["R1"])
    assert named(world) == {"R1": "R2", "R2": "R3", "R3": "R2"}


def test_the_office_may_say_that_a_number_is_right(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2, pass_number="25-1"))
    world.settle()
    world.decide("resume", "R2")
    world.judge()
    assert (world.held(), world.renewed()) == ({"R1": PASS_NUMBER}, ["R2"])


def test_a_correction_to_a_number_of_another_is_not_carried_out_and_one_away_from_it_frees_it(
    world: RegistrationWorld,
) -> None:
    world.deliver(record(1), record(2))
    world.settle()
    world.issue()
    world.deliver(record(3, registration_number="26G2"))
    world.settle()
    assert world.held() == {"R3": REGISTRATION_NUMBER}
    for number in ("26G2", "２６ｇ２"):
        world.decide("correct", "R1", correction=Correction(registration_number=number))
    world.decide("correct", "R1", correction=Correction(pass_number="25-2"))
    settled = world.announced(DecisionSettled)
    assert [each.outcome for each in settled] == ["number-taken"] * 3
    assert all("R2" in str(each.detail) or "R3" in str(each.detail) for each in settled)
    world.decide("correct", "R2", correction=Correction(registration_number="26G22"))
    world.judge()
    assert world.held() == {}


# ── look-alikes ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("⾼橋", ("⾼", "高")),
        ("⻘木", ("⻘", "青")),
        ("⽯⽥", ("⽯", "石")),
        ("\uf90a子", ("\uf90a", "金")),
    ],
)
def test_a_look_alike_is_told_in_the_answer_and_held_until_the_record_is_typed_anew(
    world: RegistrationWorld, name: str, told: tuple[str, str]
) -> None:
    rows = [DeliveryRow(2, as_json(record(1, family_name=name))), DeliveryRow(3, as_json(record(2)))]
    result = handlers.accept(read_rows(rows, RULES), "test", world.ports)
    assert (result.accepted, result.rejected) == (2, ())
    row, id, first = result.look_alikes[0]
    assert (row, id, first) == (2, "R1", ("family_name", *told))
    world.settle()
    assert (world.held(), world.renewed()) == ({"R1": "look-alike"}, ["R2"])
    world.deliver(record(1))
    world.settle()
    assert (world.held(), world.renewed()) == ({}, ["R1", "R2"])


def test_the_office_may_say_that_a_look_alike_is_right_and_corrects_to_none(world: RegistrationWorld) -> None:
    world.deliver(record(1, family_name="⾼橋"), record(2))
    world.settle()
    world.decide("resume", "R1")
    world.judge()
    assert world.renewed() == ["R1", "R2"]
    world.issue()
    world.decide("correct", "R2", correction=Correction(family_name="⾼橋"))
    (*_, settled) = world.announced(DecisionSettled)
    assert settled.outcome == "not-valid"
    assert "U+9AD8 高, found U+2FBC ⾼" in str(settled.detail)


# ── corrections ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"family_name": "菴占陸"},
        {"family_name": "?野"},
        {"given_name": "#N/A"},
        {"pass_number": "2.6E+09"},
        {"registration_number": '="00123"'},
        {"registration_number": "########"},
        {"given_name": "\u00a0"},
        {"email": "'taro@example.jp"},
    ],
)
def test_a_correction_to_what_no_delivery_may_hold_is_not_carried_out(
    world: RegistrationWorld, changes: dict[str, Any]
) -> None:
    world.deliver(record(1))
    world.settle()
    world.issue()
    world.decide("correct", "R1", correction=Correction(**changes))
    (settled,) = world.announced(DecisionSettled)
    assert settled.outcome == "not-valid"
    assert str(settled.detail).startswith(next(iter(changes)))


def test_white_space_at_the_edges_of_a_correction_is_left_out(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2, email=None))
    world.settle()
    world.issue()
    world.decide("correct", "R1", correction=Correction(given_name="次郎\u00a0"))
    world.decide("correct-address", "R2", "person2@example.jp\u200b")
    assert [each.outcome for each in world.announced(DecisionSettled)][-1] == "done"
    assert world.rows("select given_name from registrations where registration_id = 'R1'") == [("次郎",)]
    assert world.rows("select office_email from registrations where registration_id = 'R2'") == [
        ("person2@example.jp",)
    ]
