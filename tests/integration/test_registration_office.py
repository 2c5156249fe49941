"""What the office orders of names that no font can print and of addresses, and what it asks, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registration import handlers
from services.registration.domain.cohort import cycle_of
from services.registration.office import orders
from services.registration.office.office_api import office_routes
from services.registration.office.outlook import cohort_report
from services.registration.store import RegistrationTransaction
from services.registration.web.intake import intake_site
from shared.clock import JST
from shared.events import AddressCorrected, RegistrationHeld, RegistrationRenewed
from shared.letter_events import DeskLetterRequested
from shared.office_answers import CohortAnswer, search_key, search_sql
from shared.office_events import Correction, DecisionSettled
from tests.worlds.http_server import serving
from tests.worlds.recalled import announced, take_back
from tests.worlds.registration import (
    KEY,
    NOON,
    PROGRAMME,
    RegistrationWorld,
    record,
    registration_database,
    world_at,
)

GAIJI = "渡\U00030ede"  # no font of ours has the second character
NAMES = [GAIJI, "渡邊\U000e01ef", "外\ue000", "محمد"]
OFFICE_KEY = b"the key of the office's board"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


def outcome(world: RegistrationWorld) -> str:
    return world.announced(DecisionSettled)[-1].outcome


def names(world: RegistrationWorld) -> list[str]:
    return [event.holder.family_first for event in world.announced(RegistrationRenewed)]


# ── names ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_font_can_print_is_held_with_its_characters_until_a_spelling_is_agreed(
    world: RegistrationWorld, name: str
) -> None:
    world.deliver(record(1, family_name=name), record(2))
    world.settle()
    assert (world.held(), world.renewed()) == ({"R1": "no-glyph"}, ["R2"])
    (held,) = world.announced(RegistrationHeld)
    assert held.name == f"{name} 太郎" and f"U+{ord(name[-1]):04X}" in " ".join(held.characters)
    world.decide("correct", "R1", correction=Correction(family_name="渡辺"))
    assert outcome(world) == "done"
    world.judge()
    assert (world.held(), names(world)) == ({}, ["骨材 太郎", "渡辺 太郎"])
    assert world.rows("select family_name from registrations where registration_id = 'R1'") == [(name,)]


def test_the_same_record_again_does_not_undo_what_was_agreed_and_another_name_does(world: RegistrationWorld) -> None:
    world.deliver(record(1, family_name=GAIJI, completed_on=None))
    world.settle()
    world.decide("correct", "R1", correction=Correction(family_name="Watanabe", family_name_latin="Watanabe"))
    for change in ({}, {"phone": "03-0000-0000"}, {"given_name": "次郎"}):
        world.deliver(record(1, family_name=GAIJI, **change))
        world.settle()
    assert names(world)[-1] == "Watanabe 次郎" and world.held() == {}
    world.deliver(record(1, family_name=GAIJI + GAIJI[-1], given_name="次郎"))
    world.settle()
    assert world.held() == {"R1": "no-glyph"}  # it was agreed about another name


def test_after_the_issue_the_same_record_changes_nothing_and_a_correction_begins_from_what_was_agreed(
    world: RegistrationWorld,
) -> None:
    world.deliver(record(1, family_name=GAIJI))
    world.settle()
    world.decide("correct", "R1", correction=Correction(family_name="渡辺"))
    world.judge()
    world.issue()
    assert world.deliver(record(1, family_name=GAIJI)).unchanged == 1
    world.decide("correct", "R1", correction=Correction(given_name="一郎"))
    assert names(world) == ["渡辺 太郎", "渡辺 一郎"]


@pytest.mark.parametrize(
    ("correction", "word"),
    [
        (Correction(family_name=GAIJI + GAIJI[-1]), "not-valid"),
        (Correction(family_name="渡\u202e辺"), "not-valid"),
        (Correction(family_name=""), "not-valid"),
        (Correction(family_name="⾼"), "not-valid"),  # a radical
        (Correction(given_name="太郎"), "changes-nothing"),
        (Correction(family_name="渡辺", pass_number="25-2"), "not-issued-yet"),
        (Correction(email="own@example.jp"), "not-issued-yet"),
    ],
)
def test_a_spelling_that_is_none_changes_nothing(world: RegistrationWorld, correction: Correction, word: str) -> None:
    world.deliver(record(1, family_name=GAIJI))
    world.settle()
    world.decide("correct", "R1", correction=correction)
    world.judge()
    assert (outcome(world), world.held()) == (word, {"R1": "no-glyph"})


def test_with_a_font_that_has_it_a_held_name_is_released_at_the_next_start(
    world: RegistrationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver(record(1, family_name=GAIJI))
    world.settle()
    handlers.judge_failed(world.ports)
    world.judge()
    assert len(world.announced(RegistrationHeld)) == 1  # nothing new: nothing is announced
    monkeypatch.setattr(world.ports.rules, "missing_glyphs", lambda text: ())
    handlers.judge_failed(world.ports)
    world.judge()
    assert names(world) == [f"{GAIJI} 太郎"]


# ── addresses ──────────────────────────────────────────────────────────────────────────────────────────


def letters(world: RegistrationWorld) -> list[tuple[str, str, str]]:
    asked = world.announced(DeskLetterRequested)
    return [(each.recipient, each.facts["old_masked"], each.facts["new_masked"]) for each in asked]


def test_a_new_address_after_the_issue_moves_the_letters_and_not_the_badge(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.issue()
    decision = world.decide("correct-address", "R1", " own@example.jp ")
    assert (outcome(world), len(world.announced(RegistrationRenewed))) == ("done", 1)
    (moved,) = world.announced(AddressCorrected)
    assert (moved.email, moved.version, moved.revision) == ("own@example.jp", 1, 1)
    masked = ("p***@e***.jp", "o***@e***.jp")
    assert letters(world) == [("person1@example.jp", *masked), ("own@example.jp", *masked)]
    assert {each.letter for each in world.announced(DeskLetterRequested)} == {"address-changed"}
    old = world.rows("select decision_id, field, old, new from order_changes")
    assert old == [(decision.decision_id, "email", "person1@example.jp", "own@example.jp")]
    world.decide("correct-address", "R1", "third@example.jp")
    assert [(e.email, e.revision) for e in world.announced(AddressCorrected)][1:] == [("third@example.jp", 2)]
    world.decide("correct", "R1", correction=Correction(given_name="一郎"))
    assert world.announced(RegistrationRenewed)[-1].holder.email == "third@example.jp"


def test_a_new_address_before_the_issue_releases_those_who_shared_the_old_one(world: RegistrationWorld) -> None:
    world.deliver(*(record(number, email="team@example.jp") for number in (1, 2)), record(3, email=None))
    world.settle()
    assert world.held() == {"R1": "shared-address", "R2": "shared-address", "R3": "missing-address"}
    world.decide("correct-address", "R1", "own@example.jp")
    world.decide("correct-address", "R3", "third@example.jp")
    world.judge()
    assert (world.held(), world.renewed(), world.announced(AddressCorrected)) == ({}, ["R1", "R2", "R3"], [])
    assert {to for to, _, _ in letters(world)} == {"team@example.jp", "own@example.jp", "third@example.jp"}
    assert ("third@example.jp", "（登録なし）", "t***@e***.jp") in letters(world)


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("person2@example.jp", "address-taken"),
        ("Ｐｅｒｓｏｎ２＠example.jp", "address-taken"),
        ("person1@example.jp", "changes-nothing"),
        ("no address", "no-address"),
        ("=a@example.jp", "no-address"),
    ],
)
def test_an_address_that_cannot_be_is_refused_and_nobody_is_told(
    world: RegistrationWorld, address: str, word: str
) -> None:
    world.deliver(record(1), record(2))
    world.settle()
    world.issue()
    world.decide("correct-address", "R1", address)
    assert (outcome(world), letters(world), world.announced(AddressCorrected)) == (word, [], [])


def test_a_correction_with_another_address_tells_both(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.issue()
    world.decide("correct", "R1", correction=Correction(email="own@example.jp"))
    assert [to for to, _, _ in letters(world)] == ["person1@example.jp", "own@example.jp"]


def test_after_a_restore_the_letters_go_where_they_went_and_nobody_is_told_twice() -> None:
    with (
        registration_database() as one,
        registration_database() as other,
        world_at(one) as later,
        world_at(other) as back,
    ):
        for each in (later, back):
            each.deliver(record(1))
            each.settle()
            each.issue()
        order = later.decide("correct-address", "R1", "own@example.jp")
        recalls: Any = {
            AddressCorrected: RegistrationTransaction.take_back_addresses,
            DecisionSettled: RegistrationTransaction.take_back_settled,
        }
        take_back(back.ports.store, recalls, announced(later.ports.store))
        orders.carry_out([order], back.ports)
        query = "select email, office_email, address_key, address_revision, version from registrations"
        assert back.rows(query) == later.rows(query)
        assert back.announced(DeskLetterRequested) == []


# ── the board asks ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def board(world: RegistrationWorld) -> Iterator[httpx.Client]:
    site = intake_site(world.ports, KEY, 10**6, lambda: None, office=office_routes(world.ports, OFFICE_KEY))
    with (
        serving(site) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {OFFICE_KEY.decode()}"}) as it,
    ):
        yield it


def found(board: httpx.Client, **asked: Any) -> list[str]:
    return list(board.get("/api/v1/office/people", params=asked).raise_for_status().json()["registration_ids"])


def test_the_board_finds_people_by_kana_name_and_address_in_its_qualifications(
    world: RegistrationWorld, board: httpx.Client
) -> None:
    world.deliver(
        record(1, family_name_kana="ワタナベ", given_name_kana="タロウ", email="taro@example.jp"),
        record(2, qualification="shunin-gishi", family_name_kana="ワタナベ", given_name_kana="ハナコ"),
    )
    assert sorted(found(board, part="ワタナベ", address="-")) == ["R1", "R2"]
    assert found(board, part=["ワタナベ", "タロウ"], address="-") == ["R1"]
    assert found(board, part="ワタナベ", address="-", qualification="shunin-gishi") == ["R2"]
    assert found(board, part="nobody", address="ＴＡＲＯ@example.jp") == ["R1"]
    assert found(board, part="nobody", address="nobody@example.jp") == []


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("髙橋", "高橋"),
        ("高𣘺", "髙橋"),
        ("渡邉", "渡辺"),
        ("渡辺", "渡邊"),
        ("山﨑", "山崎"),
        ("齋藤", "斉藤"),
        ("神谷", "神谷"),
        ("葛\U000e0100城", "葛城"),
        ("葛城", "葛\U000e0101城"),
        ("𠮷田", "吉田"),
    ],
)
def test_the_board_finds_a_name_by_any_variant_of_its_characters(
    world: RegistrationWorld, board: httpx.Client, registered: str, asked: str
) -> None:
    world.deliver(record(1, family_name=registered), record(2, family_name="林"))
    before = world.rows("select family_name from registrations order by registration_id")
    # The parts as ops makes them, and as ops of the former release does.
    for part in (search_key(asked), asked):
        assert found(board, part=[part], address="-") == ["R1"]
    assert found(board, part=[asked, "林"], address="-") == []
    assert world.rows("select family_name from registrations order by registration_id") == before


@given(
    st.lists(st.sampled_from(["髙", "高", "邊", "ｶﾞ", "が", "-", " ", "Ａ", "ß", "神", "葛\U000e0100", "﨑", "ﬁ"])).map(
        "".join
    )
)
@settings(max_examples=60, deadline=None)
def test_a_search_key_in_sql_is_that_of_python(connection: psycopg.Connection[Any], text: str) -> None:
    key = search_key(text)
    query = f"select {search_sql('text', [key])} from (select %s::text) as given (text)"
    assert connection.execute(query.encode(), (text,)).fetchone() == (key,)


def test_the_board_learns_kana_address_sharers_and_what_orders_changed_and_no_birth_date_or_phone(
    world: RegistrationWorld, board: httpx.Client
) -> None:
    world.deliver(record(1, family_name=GAIJI, family_name_kana="ワタナベ"), record(2, email="person1@example.jp"))
    world.settle()
    order = world.decide("correct", "R1", correction=Correction(family_name="渡辺"))
    answer = board.get("/api/v1/office/people/R1").raise_for_status()
    said = answer.json()
    assert (said["kana"], said["email"], said["names"]["family_name"]) == ("ワタナベ", "person1@example.jp", GAIJI)
    assert said["written"]["family_name"] == "渡辺" and said["missing"] == {}
    assert [each["registration_id"] for each in said["sharers"]] == ["R2"]
    assert "1980" not in answer.text and "090" not in answer.text
    (change,) = board.post("/api/v1/office/changes", json={"decision_ids": [order.decision_id, "D404"]}).json()
    assert (change["field"], change["old"], change["new"]) == ("family_name", GAIJI, "渡辺")


def test_the_board_learns_who_of_a_cohort_comes_who_is_held_and_to_which_mail_domains_letters_go(
    world: RegistrationWorld, board: httpx.Client
) -> None:
    world.clock.now = datetime(2026, 3, 20, 12, tzinfo=JST)
    world.deliver(
        record(1, email="a@Docomo.ne.jp", valid_until=date(2031, 3, 31)),
        record(2, email="b@docomo.ne.jp", completed_on=date(2026, 3, 5)),  # after the deadline: the first delayed run
        record(3, email=None),
        record(4, qualification="shindanshi", email=None),
        record(5, valid_from=date(2027, 4, 1), valid_until=date(2031, 3, 31), completed_on=date(2026, 3, 1)),
        record(6, qualification="shindanshi", email="c@example.jp"),
    )
    before = world.rows("select * from registrations order by 1"), world.rows("select count(*) from outbox")
    answer = board.get("/api/v1/office/cohort").raise_for_status()
    assert "1980" not in answer.text and "090" not in answer.text and "a@" not in answer.text
    found = msgspec.json.decode(answer.content, type=CohortAnswer)
    assert (found.cohort, found.is_current, found.valid_until) == ("2026", True, date(2031, 3, 31))
    gishi, shindanshi = found.qualifications["gishi"], found.qualifications["shindanshi"]
    assert (gishi.coming, gishi.coming_on) == (2, {date(2026, 4, 1): 1, date(2026, 4, 15): 1})
    assert gishi.letters == {"docomo.ne.jp": 2} and shindanshi.letters == {"example.jp": 1}
    assert gishi.held_by_reason == shindanshi.held_by_reason == {"missing-address": 1}
    assert [(each.registration_id, each.reason) for each in gishi.held] == [("R3", "missing-address")]
    assert before == (world.rows("select * from registrations order by 1"), world.rows("select count(*) from outbox"))
    next_year = board.get("/api/v1/office/cohort", params={"cohort": "2027"}).raise_for_status().json()
    assert (next_year["is_current"], next_year["qualifications"]["gishi"]["coming"]) == (False, 1)
    world.clock.now = NOON
    world.settle()
    later = board.get("/api/v1/office/cohort").raise_for_status().json()["qualifications"]["gishi"]
    assert (later["released"], later["coming"]) == (2, 0)


@pytest.mark.parametrize("cohort", ["26", "year", "0000", "20260"])
def test_a_cohort_that_is_no_year_is_refused(board: httpx.Client, cohort: str) -> None:
    answer = board.get("/api/v1/office/cohort", params={"cohort": cohort})
    assert answer.status_code == 422 and "cohort" in answer.json()["error"]


@pytest.mark.parametrize(("days", "code"), [(-60, None), (0, None), (299, None), (301, "cohort-over")])
def test_a_cohort_of_last_year_is_at_fault(days: int, code: str | None) -> None:
    cycle = cycle_of(PROGRAMME, "2026")
    assert cohort_report(cycle, cycle.begins_at + timedelta(days=days)).findings[0].code == code


@pytest.mark.parametrize("key", ["", "Bearer wrong", f"Bearer {KEY.decode()}", f"Basic {OFFICE_KEY.decode()}"])
def test_without_its_key_nothing_is_answered(board: httpx.Client, key: str) -> None:
    headers = {"authorization": key}
    for path in ("/api/v1/office/people?part=a", "/api/v1/office/people/R1", "/api/v1/office/cohort"):
        assert board.get(path, headers=headers).status_code == 401
    assert board.post("/api/v1/office/changes", json={"decision_ids": []}, headers=headers).status_code == 401
    assert board.get("/api/v1/office/people/R404").status_code == 404
