"""Who was erased stays erased in registration: whatever upstream delivers again, and after a restore."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it brings no types
from kafka import TopicPartition

from services.registration import cli, handlers
from services.registration.app import RECALLS
from services.registration.domain.record import HEADERS
from services.registration.metrics import RECORDS
from services.registration.office import orders
from services.registration.web.intake import intake_site
from shared.erasure_events import PersonErased
from shared.events import AssertionIssued, Event, RegistrationRejected, RegistrationRenewed
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.batches import RawMessage
from shared.runtime.log import logger
from shared.runtime.recall import _take_back
from tests.worlds.desk import DeskWorld, ask_for, desk_at, sign_in
from tests.worlds.http_server import serving
from tests.worlds.recalled import Fact, announced
from tests.worlds.registration import KEY, NOON, RegistrationWorld, answer_of, as_json, record, registration_database

PERSON: Mapping[str, Any] = {
    "person_id": "PERSON-7",
    "family_name": "真砂",
    "given_name": "砂子",
    "birth_date": date(1961, 5, 7),
    "phone": "080-7777-1111",
}
NUMBERS = {"pass_number": "25-70007", "registration_number": "26G70007"}
FIRST = record(7, email="first@masago.example.jp", **NUMBERS, **PERSON)
SECOND = record(8, qualification="shindanshi", email="second@masago.example.jp", **NUMBERS, **PERSON)
SAID = ("PERSON-7", "真砂", "砂子", "1961-05-07", "080-7777-1111", "masago", *NUMBERS.values())
LOG = logger("registration")
SENT = [
    as_json(FIRST, given_name="砂也"),
    as_json(record(1)),
    as_json(SECOND, birth_date="never", email="no"),  # at fault, in two fields
    as_json(record(2), birth_date="never"),
    as_json(record(3, completed_on=None)),
]
LEFT_OUT = [{"row": 1, "registration_id": "R7"}, {"row": 3, "registration_id": "R8"}]


@pytest.fixture(scope="module")
def databases() -> Iterator[tuple[str, str]]:
    with registration_database() as one, registration_database() as other:
        yield one, other


@pytest.fixture
def desks(databases: tuple[str, str]) -> Iterator[tuple[DeskWorld, DeskWorld]]:
    with ExitStack() as worlds:
        one, other = (worlds.enter_context(desk_at(url)) for url in databases)
        yield one, other


@pytest.fixture
def world(desks: tuple[DeskWorld, DeskWorld]) -> RegistrationWorld:
    """The person of R7 and R8 is erased."""
    world = desks[0].registration
    world.clock.now = NOON
    world.deliver(FIRST, SECOND)
    world.settle()
    world.issue()
    world.decide("erase", "R8")
    return world


@pytest.fixture
def site(world: RegistrationWorld) -> Iterator[httpx.Client]:
    app = intake_site(world.ports, KEY, 300_000, lambda: None)
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {KEY.decode()}"
        yield client


def csv_of(*records: dict[str, Any]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADERS)
    writer.writerows([each[name] or "" for name in HEADERS.values()] for each in records)
    return text.getvalue().encode("utf-8-sig")


def ndjson(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def is_left_out(world: RegistrationWorld, at_fault: int = 1) -> None:
    """The others were taken, or rejected; the person left nothing."""
    assert world.tables_that_say(*SAID) == []
    assert world.rows("select registration_id from registrations order by 1") == [("R1",), ("R3",)]
    assert world.rows("select registration_id from rejected") == [("R2",)] * at_fault
    assert len(world.announced(RegistrationRejected)) == at_fault
    world.settle()
    assert (world.renewed(), list(world.held())) == (["R1"], ["R3"])


# ── upstream delivers it again ─────────────────────────────────────────────────────────────────────────


def test_over_http_the_answer_names_the_rows_that_were_left_out(world: RegistrationWorld, site: httpx.Client) -> None:
    answer = site.post("/upstream/registrations", json=SENT)
    found = answer.json()
    assert found["counts"] == {
        "rows": 5,
        "accepted": 2,
        "unchanged": 0,
        "not_applied": 0,
        "rejected": 1,
        "erased": 2,
        "held": 1,
    }
    assert found["erased"] == LEFT_OUT
    assert [each["row"] for each in found["rejected"]] == [4]
    schema = site.get("/api/v1/openapi.json").json()["components"]["schemas"]["Summary"]
    Draft202012Validator(schema).validate(found)
    is_left_out(world)


def test_a_stream_says_it_line_by_line(world: RegistrationWorld, site: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"}
    answer = site.post("/upstream/registrations", content=ndjson(*SENT), headers=headers)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [each for each in lines if each["outcome"] == "erased"] == [
        {"outcome": "erased", **each} for each in LEFT_OUT
    ]
    assert (lines[-1]["outcome"], lines[-1]["erased"], lines[-1]["rejected"]) == ("summary", 2, 1)
    described = site.get("/api/v1/openapi.json").json()["components"]["schemas"]["AnswerLine"]
    for line in lines:
        Draft202012Validator(described).validate(line)
    is_left_out(world)


def test_the_result_file_says_it_in_japanese(world: RegistrationWorld, site: httpx.Client) -> None:
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
    answer = site.post("/upstream/registrations", content=csv_of(*SENT), headers=headers)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["【結果】判定"] for row in rows] == ["消去済み", "受付", "消去済み", "受け取れません", "保留"]
    assert (rows[0]["【結果】項目"], "消去した登録" in rows[0]["【結果】求められる値"]) == ("登録ID", True)
    is_left_out(world)


def test_over_kafka_it_is_left_out_and_counted(world: RegistrationWorld) -> None:
    before = RECORDS.labels("erased")._value.get()
    handlers.accept_messages(
        [RawMessage(record_key=None, value=json.dumps(each).encode()) for each in SENT], world.ports
    )
    assert RECORDS.labels("erased")._value.get() == before + 2
    is_left_out(world)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_command_names_them_and_writes_them_into_its_result(
    world: RegistrationWorld, site: httpx.Client, tmp_path: Path, form: str
) -> None:
    key, file, out = tmp_path / "key", tmp_path / f"rows.{form}", tmp_path / "result.csv"
    key.write_bytes(KEY)
    file.write_bytes(csv_of(*SENT) if form == "csv" else ndjson(*SENT))
    where = ["--url", str(site.base_url), "--key-file", str(key)]
    done = CliRunner().invoke(cli.feed, [str(file), "--result", str(out), *where])
    assert done.exit_code == 3, done.output  # the row of another person
    assert "消去済みのため除外 2 行" in done.output and "2 left out" in done.output
    assert "消去済みのため除外 /" in done.output
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"), newline="")))
    assert [row["登録ID"] for row in rows if row["【結果】判定"] == "消去済み"] == ["R7", "R8"]
    is_left_out(world)
    file.write_bytes(csv_of(*SENT[:2]) if form == "csv" else ndjson(*SENT[:2]))
    done = CliRunner().invoke(cli.feed, [str(file), "--json", *where])
    answer = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))  # amid the site's log
    assert (done.exit_code, answer["erased"]) == (0, [{**LEFT_OUT[0], "row": 2 if form == "csv" else 1}])


@pytest.mark.parametrize("written", ["R7", " R7 ", "\u3000R7", "R7\n"])
@pytest.mark.parametrize("changes", [{}, {"birth_date": "never"}])
def test_a_row_is_left_out_however_its_id_is_written(
    world: RegistrationWorld, site: httpx.Client, written: str, changes: dict[str, str]
) -> None:
    found = site.post("/upstream/registrations", json=[as_json(FIRST, **changes) | {"registration_id": written}]).json()
    assert (found["erased"], found["rejected"]) == ([{"row": 1, "registration_id": "R7"}], [])
    assert world.tables_that_say(*SAID) == []


def test_the_badge_that_comes_after_the_erasure_leaves_nothing(desks: tuple[DeskWorld, DeskWorld]) -> None:
    world = desks[0].registration
    world.clock.now = NOON
    world.deliver(FIRST)
    world.settle()
    (renewed,) = world.announced(RegistrationRenewed)
    world.decide("erase", "R7")
    handlers.note_issued([answer_of(renewed)], world.ports)
    world.settle()
    assert world.tables_that_say(*SAID) == []


# ── a restore ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Lived:
    """What is on Kafka of a person who had a badge, an open registration, a lost mailbox, and was erased at the end."""

    facts: list[Fact]
    decisions: list[OfficeDecided]
    issued: list[AssertionIssued]


def delivered(world: RegistrationWorld) -> None:
    world.clock.now = NOON
    world.deliver(FIRST, record(8, qualification="shindanshi", **NUMBERS, **PERSON, email=None), record(1))


def lived(desk: DeskWorld) -> Lived:
    world = desk.registration
    delivered(world)
    world.settle()
    issued = [answer_of(each) for each in world.announced(RegistrationRenewed)]
    handlers.note_issued(issued, world.ports)
    with desk.browser() as browser:
        sign_in(browser, "25-70007", "昭和36年5月7日", desk="shindan")
        ask_for(browser, "third@masago.example.jp", desk="shindan")
        browser.post(desk.link())
        sign_in(browser, "25-70007", "昭和36年5月7日")
        ask_for(browser, "sixth@masago.example.jp")
        browser.post(desk.mailed("recover-address"))
    decisions = [
        world.decide("hold", "R8"),
        world.decide("correct-address", "R7", "fourth@masago.example.jp"),
        world.decide("correct-address", "R8", "fifth@masago.example.jp"),
    ]
    before = announced(world.ports.store)
    decisions.append(world.decide("erase", "R8"))
    then = [fact for fact in announced(world.ports.store) if fact.id not in {each.id for each in before}]
    return Lived([*before, *then], decisions, issued)


def recalled(world: RegistrationWorld, facts: list[Fact]) -> None:
    """A start takes them back as one batch of a partition."""
    records = [
        SimpleNamespace(topic=fact.topic, key=fact.key, value=fact.value, offset=number)
        for number, fact in enumerate(facts)
    ]
    if records:
        _take_back(records, TopicPartition(facts[0].topic, 0), world.ports.store, RECALLS, LOG)


def read_again(world: RegistrationWorld, past: Lived) -> None:
    """What others said, and upstream, in one order and in the other."""
    for _ in range(2):
        world.deliver(FIRST, SECOND, record(1))
        orders.carry_out(past.decisions, world.ports)
        handlers.note_issued(past.issued, world.ports)
        world.settle()


@pytest.mark.parametrize("backup", ["empty", "delivered", "released"])
@pytest.mark.parametrize("place", ["in one batch", "in a partition before", "in a partition after"])
def test_after_a_restore_who_was_erased_is_erased_again_and_comes_back_by_nothing(
    desks: tuple[DeskWorld, DeskWorld], backup: str, place: str
) -> None:
    past = lived(desks[0])
    restored = desks[1].registration
    if backup != "empty":
        delivered(restored)
    if backup == "released":
        restored.settle()
    restored.clock.now = desks[0].registration.clock.now
    topics = sorted({fact.topic for fact in past.facts})
    assert topics == ["desk.letters", "office.decisions", "registration.held", "registration.renewed"]
    for topic in topics:
        facts = [fact for fact in past.facts if fact.topic == topic]
        erasure = [fact for fact in facts if isinstance(fact.event, PersonErased)]
        others = [fact for fact in facts if fact not in erasure]
        batches = [erasure, others] if place == "in a partition before" else [others, erasure]
        for batch in [erasure + others] if place == "in one batch" else batches:
            recalled(restored, batch)
    # Letters say no registration: where nobody knew name or addresses of who was erased, they stay for their 90 days.
    unknown = (backup, place) == ("empty", "in a partition before")
    kept = "topic <> 'desk.letters'" if unknown else "true"
    restored.rows(f"delete from announced where not ({kept}) returning 1")
    assert (restored.tables_that_say(*SAID), left(restored)) == ([], [])
    read_again(restored, past)
    assert (restored.tables_that_say(*SAID), left(restored)) == ([], [])
    assert restored.rows("select registration_id, state from registrations") == [("R1", "released")]
    told = {type(event) for event in restored.announced(Event)}
    assert told <= {RegistrationRenewed} and restored.renewed() == (["R1"] if backup == "released" else [])


def left(world: RegistrationWorld) -> list[tuple[Any, ...]]:
    """What waits for records or orders of the erased."""
    return [*world.rows("select registration_id from recalled"), *world.rows("select * from recalled_orders")]


@pytest.mark.parametrize("backup", ["empty", "delivered", "released"])
@pytest.mark.parametrize("first", ["the orders", "upstream"])
def test_an_erasure_that_was_settled_and_never_published_is_announced_after_the_restore(
    desks: tuple[DeskWorld, DeskWorld], backup: str, first: str
) -> None:
    past = lived(desks[0])
    past.decisions.reverse()  # two registrations, so two partitions: the erasure may be read before the others
    restored = desks[1].registration
    if backup != "empty":
        delivered(restored)
    if backup == "released":
        restored.settle()
    for topic in ("office.decisions", "registration.renewed"):
        facts = [fact for fact in past.facts if fact.topic == topic]
        recalled(restored, [fact for fact in facts if not isinstance(fact.event, PersonErased)])
    restored.clock.now = desks[0].registration.clock.now
    if first == "the orders":
        orders.carry_out(past.decisions, restored.ports)
    read_again(restored, past)
    found = restored.announced(PersonErased)
    assert [(e.decision_id, e.subject, "R8" in e.registration_ids) for e in found] == [("D4", "R8", True)]
    assert restored.announced(DecisionSettled) == []
    assert restored.deliver(SECOND).erased
    if backup != "empty" or first == "upstream":  # or nobody knew that R7 is the same person's
        assert (restored.tables_that_say(*SAID), left(restored)) == ([], [])


@pytest.mark.parametrize("subject", ["R7", "R8"])
def test_who_is_known_by_holds_alone_since_a_restore_is_erased_with_all_registrations(
    desks: tuple[DeskWorld, DeskWorld], subject: str
) -> None:
    world, restored = (desk.registration for desk in desks)
    world.clock.now = restored.clock.now = NOON
    world.deliver(*(record(n, **NUMBERS, **PERSON, email=None) for n in (7, 8)), record(1, email=None))
    world.settle()
    recalled(restored, [fact for fact in announced(world.ports.store) if fact.topic == "registration.held"])
    assert len(restored.rows("select from recalled")) == 3
    restored.decide("erase", subject)
    assert [event.registration_ids for event in restored.announced(PersonErased)] == [("R7", "R8")]
    assert (restored.tables_that_say(*SAID), restored.rows("select registration_id from recalled")) == ([], [("R1",)])
    result = restored.deliver(*(record(n, **NUMBERS, **PERSON, email=None) for n in (7, 8)), record(1))
    assert ([each.registration_id for each in result.erased], result.accepted) == (["R7", "R8"], 1)
