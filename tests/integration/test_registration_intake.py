"""Registration on a real PostgreSQL, over real HTTP; Kafka is the calls of the handlers and the rows of the outbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

import services.registration
from deploy.local.sample.cohort import CSV_NAME, JSONL_NAME, write_sample
from services.registration import handlers
from services.registration.cohort import cycle_of
from services.registration.delivery import Delivery
from services.registration.handlers import Accepted, Ports
from services.registration.registration import Rules, UpstreamRecord
from services.registration.store import RegistrationTransaction, Store
from services.registration.web import intake_site
from shared.clock import JST
from shared.errors import Unreadable
from shared.events import (
    Decision,
    Event,
    OfficeDecided,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.glyphs import load_glyphs
from shared.programme import parse_programme
from shared.runtime.consume import Bare
from shared.runtime.migrate import migrate
from shared.wire import decode
from tests.postgres import postgres
from tests.serving import serving

KEY = b"the key of upstream"
PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
RULES = Rules(PROGRAMME, load_glyphs(Path("node_modules/@expo-google-fonts")).missing)
SETTLE = timedelta(seconds=2)
NOON = datetime(2026, 4, 1, 12, tzinfo=JST)
LIMIT = 20_000_000

E = TypeVar("E", bound=Event)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Desk:
    """Registration with the means of a test: deliver, let time pass, read what it said."""

    ports: Ports
    clock: Clock
    woken: list[datetime] = field(default_factory=list)
    decisions: int = 0

    def deliver(self, *records: UpstreamRecord) -> Accepted:
        return handlers.accept(Delivery(tuple(enumerate(records, 2)), ()), "test", self.ports)

    def settle(self) -> int:
        """Let a delivery settle and judge all that is due; how many were judged."""
        self.clock.now += SETTLE
        return self.judge()

    def judge(self) -> int:
        total = 0
        while judged := handlers.release(self.ports):
            total += judged
        return total

    def decide(self, decision: Decision, subject: str, value: str | None = None) -> OfficeDecided:
        self.decisions += 1
        event = OfficeDecided(
            decision_id=f"D{self.decisions}",
            decision=decision,
            subject=subject,
            by="office",
            why="a test",
            decided_at=self.clock.now,
            value=value,
        )
        handlers.decide([event], self.ports)
        return event

    def said(self, kind: type[E]) -> list[E]:
        """All events of a kind so far, in order."""
        with self.ports.store.transaction() as tx:
            rows = tx.cursor.execute("select value from outbox order by id").fetchall()
        return [event for event in (decode(bytes(row[0])) for row in rows) if isinstance(event, kind)]

    def renewed(self) -> list[str]:
        return sorted(event.key for event in self.said(RegistrationRenewed))

    def held(self) -> dict[str, str]:
        """The reason of each that was told as held and not as released since."""
        reasons: dict[str, str] = {}
        for event in self.said(Event):
            if isinstance(event, RegistrationHeld):
                reasons[event.key] = event.reason
            elif isinstance(event, RegistrationReleased):
                reasons.pop(event.key)
        return reasons

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.ports.store.transaction() as tx:
            return tx.cursor.execute(query).fetchall()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as server:
        url = server.fresh()
        migrate(url, "registration", Path(services.registration.__path__[0]) / "migrations")
        yield url


def ports_at(url: str, clock: Clock, cohort: str = "2026") -> Ports:
    store: Store = Store(url, "registration", RegistrationTransaction, clock)
    return Ports(store=store, rules=RULES, cycle=cycle_of(PROGRAMME, cohort), settle=SETTLE, now=clock)


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    clock = Clock()
    desk = Desk(ports_at(database, clock), clock)
    with desk.ports.store.transaction() as tx:
        tx.cursor.execute("truncate registrations, not_applied, rejected, inbox, outbox")
    yield desk
    desk.ports.store.close()


@pytest.fixture
def site(desk: Desk) -> Iterator[httpx.Client]:
    app = intake_site(desk.ports, KEY, LIMIT, lambda: desk.woken.append(desk.clock.now))
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {KEY.decode()}"
        yield client


def record(number: int, **unlike: Any) -> UpstreamRecord:
    ordinary = {
        "registration_id": f"R{number}",
        "person_id": f"P{number}",
        "qualification": "gishi",
        "kind": "new",
        "pass_number": f"25-{number}",
        "registration_number": f"26G{number}",
        "previous_registration_id": None,
        "family_name": "骨材",
        "given_name": "太郎",
        "family_name_kana": None,
        "given_name_kana": None,
        "family_name_latin": None,
        "given_name_latin": None,
        "birth_date": date(1980, 2, 29),
        "email": f"person{number}@example.jp",
        "contact_email": None,
        "phone": "090-0000-0001",
        "completed_on": date(2026, 2, 1),
        "valid_from": date(2026, 4, 1),
        "valid_until": date(2030, 3, 31),
    }
    return UpstreamRecord(**(ordinary | unlike))


def as_json(of: UpstreamRecord, **unlike: Any) -> dict[str, Any]:
    fields = {name: getattr(of, name) for name in of.__struct_fields__}
    return {n: v.isoformat() if isinstance(v, date) else v for n, v in fields.items()} | unlike


# ── accept ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_delivered_twice_is_released_once(desk: Desk) -> None:
    assert desk.deliver(record(1)).accepted == 1
    assert desk.deliver(record(1)).unchanged == 1
    desk.settle()
    assert desk.deliver(record(1)).unchanged == 1
    desk.settle()
    assert desk.renewed() == ["R1"]


def test_nobody_is_judged_while_the_delivery_goes_on(desk: Desk) -> None:
    desk.deliver(record(1))
    for number in range(2, 5):
        desk.clock.now += SETTLE / 2
        desk.deliver(record(number))
        assert desk.judge() == 0
    assert desk.settle() == 4


def test_an_upstream_that_never_pauses_delays_nobody_for_ever(desk: Desk) -> None:
    for number in range(1, 30):
        desk.deliver(record(number))
        desk.clock.now += SETTLE / 2
        desk.judge()
    assert "R1" in desk.renewed()


def test_nobody_is_judged_before_april_1_in_japan(desk: Desk) -> None:
    desk.clock.now = datetime(2026, 3, 1, tzinfo=UTC)
    desk.deliver(record(1), record(2, email=None))
    desk.clock.now = datetime(2026, 3, 31, 14, 59, 59, tzinfo=UTC)
    assert desk.judge() == 0
    desk.clock.now = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    assert desk.judge() == 2
    (event,) = desk.said(RegistrationRenewed)
    assert event.notify_from == datetime(2026, 4, 1, tzinfo=JST)


def test_what_is_held_is_told_once_with_its_reason(desk: Desk) -> None:
    incomplete = [
        record(1, completed_on=None),
        record(2, email=None),
        record(3, valid_from=date(2025, 4, 1)),
    ]
    desk.deliver(*incomplete, record(4))
    desk.settle()
    desk.deliver(*incomplete)
    desk.deliver(record(2, email=None, phone=None))
    desk.settle()
    assert desk.held() == {"R1": "not-completed", "R2": "missing-address", "R3": "not-this-cycle"}
    assert len(desk.said(RegistrationHeld)) == 3
    assert desk.renewed() == ["R4"]


def test_a_change_that_mends_a_hold_releases(desk: Desk) -> None:
    desk.deliver(record(1, completed_on=None, email=None))
    desk.settle()
    desk.deliver(record(1, email=None))
    desk.settle()
    desk.deliver(record(1))
    desk.settle()
    assert [(e.reason, e.revision) for e in desk.said(RegistrationHeld)] == [
        ("not-completed", 1),
        ("missing-address", 2),
    ]
    assert [e.revision for e in desk.said(RegistrationReleased)] == [3]
    assert desk.renewed() == ["R1"]


def test_completed_after_the_deadline_is_told_at_the_next_run(desk: Desk) -> None:
    desk.deliver(record(1, completed_on=date(2026, 2, 28)), record(2, completed_on=date(2026, 3, 1)))
    desk.settle()
    told = {event.key: event.notify_from for event in desk.said(RegistrationRenewed)}
    assert told == {"R1": datetime(2026, 4, 1, tzinfo=JST), "R2": datetime(2026, 4, 15, tzinfo=JST)}


def test_next_years_are_released_when_their_cycle_comes(desk: Desk, database: str) -> None:
    desk.deliver(record(1, valid_from=date(2027, 4, 1), valid_until=date(2031, 3, 31), completed_on=date(2027, 1, 9)))
    desk.settle()
    assert desk.held() == {"R1": "not-this-cycle"}
    desk.clock.now = datetime(2027, 4, 1, tzinfo=JST)
    later = Desk(ports_at(database, desk.clock, "2027"), desk.clock)
    assert handlers.begin_cycle(desk.ports) == 0
    assert handlers.begin_cycle(later.ports) == 1
    assert later.judge() == 1
    assert desk.renewed() == ["R1"]
    assert desk.said(RegistrationRenewed)[0].award.cohort == "2027"
    later.ports.store.close()


def test_after_the_issue_upstream_changes_no_badge(desk: Desk) -> None:
    desk.deliver(record(1))
    desk.settle()
    answer = desk.deliver(record(1, email="other@example.jp", phone=None))
    desk.settle()
    assert [(each.row, each.fields) for each in answer.not_applied] == [(2, ("email",))]
    assert desk.renewed() == ["R1"]
    assert desk.rows("select registration_id, field, source from not_applied") == [("R1", "email", "test")]
    assert desk.rows("select email, phone from registrations") == [("person1@example.jp", None)]


# ── addresses ──────────────────────────────────────────────────────────────────────────────────────────

TEAM = ("team@example.jp", "TEAM@Example.jp", "ｔｅａｍ＠ｅｘａｍｐｌｅ．ｊｐ")


def test_a_shared_address_holds_all_its_people_and_nobody_else(desk: Desk) -> None:
    desk.deliver(*(record(number, email=email) for number, email in enumerate(TEAM)), record(9))
    desk.settle()
    assert desk.held() == {"R0": "shared-address", "R1": "shared-address", "R2": "shared-address"}
    assert desk.renewed() == ["R9"]


def test_one_person_may_hold_several_qualifications_at_one_address(desk: Desk) -> None:
    desk.deliver(record(1), record(2, person_id="P1", email="PERSON1@example.jp", qualification="shindanshi"))
    desk.settle()
    assert desk.renewed() == ["R1", "R2"]


def test_a_correction_releases_the_person_at_once_and_whoever_is_left_alone(desk: Desk) -> None:
    desk.deliver(*(record(number, email=email) for number, email in enumerate(TEAM)))
    desk.settle()
    desk.decide("correct-address", "R0", "r0@example.jp")
    assert desk.judge() == 3  # no settling
    assert desk.renewed() == ["R0"]
    desk.decide("correct-address", "R1", "r1@example.jp")
    desk.judge()
    assert desk.renewed() == ["R0", "R1", "R2"]
    assert desk.held() == {}
    addresses = {event.key: event.holder.email for event in desk.said(RegistrationRenewed)}
    assert addresses == {"R0": "r0@example.jp", "R1": "r1@example.jp", "R2": "team@example.jp"}


def test_upstream_can_free_a_shared_address_as_well(desk: Desk) -> None:
    desk.deliver(record(0, email=TEAM[0]), record(1, email=TEAM[1]))
    desk.settle()
    desk.deliver(record(1))
    desk.settle()
    assert desk.renewed() == ["R0", "R1"]


def test_a_correction_to_a_shared_address_holds_again(desk: Desk) -> None:
    desk.deliver(record(1, email=None), record(2, completed_on=None))
    desk.settle()
    desk.decide("correct-address", "R1", "Person2@example.jp")
    desk.judge()
    assert desk.held() == {"R1": "shared-address", "R2": "not-completed"}


def test_the_late_taker_of_an_issued_address_is_held_and_the_first_is_named(desk: Desk) -> None:
    desk.deliver(record(1))
    desk.settle()
    desk.deliver(record(2, email="PERSON1@example.jp"))
    desk.settle()
    (event,) = desk.said(RegistrationHeld)
    assert (event.key, event.reason, event.first_registration_id) == ("R2", "address-taken", "R1")
    assert desk.renewed() == ["R1"]


def test_two_judges_at_once_release_nobody_twice(desk: Desk, database: str) -> None:
    desk.deliver(*(record(number, email=f"pair{number // 2}@example.jp") for number in range(200)))
    desk.deliver(*(record(number) for number in range(200, 400)))
    desk.clock.now += SETTLE
    judges = [Desk(ports_at(database, desk.clock), desk.clock) for _ in range(4)]
    start = threading.Barrier(len(judges))

    def work(judge: Desk) -> None:
        start.wait()
        judge.judge()

    threads = [threading.Thread(target=work, args=(judge,)) for judge in judges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert desk.renewed() == sorted(f"R{number}" for number in range(200, 400))
    assert len(desk.held()) == len(desk.said(RegistrationHeld)) == 200
    for judge in judges:
        judge.ports.store.close()


def test_corrections_while_others_arrive_and_are_judged_lose_nobody(desk: Desk, database: str) -> None:
    desk.deliver(*(record(number, email="all@example.jp") for number in range(40)))
    desk.settle()
    other = Desk(ports_at(database, desk.clock), desk.clock)
    done = threading.Event()

    def judge_on() -> None:
        while not done.is_set():
            other.judge()

    judge = threading.Thread(target=judge_on)
    judge.start()
    for number in range(39):
        desk.decide("correct-address", f"R{number}", f"own{number}@example.jp")
        desk.deliver(record(100 + number))
    done.set()
    judge.join(30)
    desk.settle()
    assert len(desk.renewed()) == 40 + 39
    assert desk.held() == {}
    other.ports.store.close()


# ── the office ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_office_holds_and_resumes(desk: Desk) -> None:
    desk.deliver(record(1), record(2))
    desk.decide("hold", "R1")
    desk.settle()
    assert (desk.held(), desk.renewed()) == ({"R1": "office-hold"}, ["R2"])
    desk.decide("resume", "R1")
    desk.judge()
    assert (desk.held(), desk.renewed()) == ({}, ["R1", "R2"])


def test_the_same_decision_twice_is_carried_out_once(desk: Desk) -> None:
    desk.deliver(record(1))
    decision = desk.decide("hold", "R1")
    desk.decide("resume", "R1")
    handlers.decide([decision], desk.ports)
    desk.settle()
    assert desk.renewed() == ["R1"]


@pytest.mark.parametrize(
    ("decision", "subject", "value"),
    [
        ("correct-address", "R1", "other@example.jp"),  # issued
        ("hold", "R1", None),
        ("correct-address", "R2", "not an address"),
        ("correct-address", "R2", None),
        ("correct-address", "R404", "other@example.jp"),
        ("revoke", "R2", None),
    ],
)
def test_a_decision_that_cannot_be_done_changes_nothing(
    desk: Desk, decision: Decision, subject: str, value: str | None
) -> None:
    desk.deliver(record(1), record(2, email=None))
    desk.settle()
    before = desk.rows("select * from registrations order by 1")
    desk.decide(decision, subject, value)
    assert desk.judge() == 0
    assert desk.rows("select * from registrations order by 1") == before


def test_a_corrected_address_survives_the_next_delivery(desk: Desk) -> None:
    desk.deliver(record(1, email=TEAM[0], completed_on=None))
    desk.decide("correct-address", "R1", "own@example.jp")
    desk.deliver(record(1, email=TEAM[1]))
    desk.settle()
    (event,) = desk.said(RegistrationRenewed)
    assert event.holder.email == "own@example.jp"


# ── Kafka ──────────────────────────────────────────────────────────────────────────────────────────────


def bare(value: bytes) -> Bare:
    return Bare(record_key=None, value=value)


def test_a_bad_record_over_kafka_is_rejected_and_the_others_go_on(desk: Desk) -> None:
    handlers.take_in(
        [
            bare(json.dumps(as_json(record(1))).encode()),
            bare(json.dumps(as_json(record(2), birth_date="never")).encode()),
            bare(json.dumps(as_json(record(3))).encode()),
        ],
        desk.ports,
    )
    desk.settle()
    assert desk.renewed() == ["R1", "R3"]
    (rejected,) = desk.said(RegistrationRejected)
    assert (rejected.source, rejected.row, rejected.field, rejected.got) == ("kafka", None, "birth_date", None)


def test_a_record_changed_and_changed_back_over_kafka_ends_as_it_was(desk: Desk) -> None:
    first, second = (bare(json.dumps(as_json(record(1), given_name=name)).encode()) for name in ("太郎", "次郎"))
    for message in (first, second, first):
        handlers.take_in([message], desk.ports)
    desk.settle()
    assert desk.said(RegistrationRenewed)[0].holder.given_name == "太郎"


@pytest.mark.parametrize("value", [b"", b"\x00\xff", b"{", b"[]", b"null", b'"R1"'])
def test_poison_over_kafka_goes_to_the_dead_letters_not_to_the_table(desk: Desk, value: bytes) -> None:
    with pytest.raises(Unreadable):
        handlers.take_in([bare(json.dumps(as_json(record(1))).encode()), bare(value)], desk.ports)
    assert desk.rows("select 1 from registrations") == []


# ── HTTP ───────────────────────────────────────────────────────────────────────────────────────────────


def post(site: httpx.Client, body: bytes, content_type: str, **query: str) -> dict[str, Any]:
    response = site.post("/upstream/registrations", content=body, headers={"Content-Type": content_type}, params=query)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_each_form_of_delivery_is_taken(desk: Desk, site: httpx.Client) -> None:
    one, two, three = (json.dumps(as_json(record(number)), ensure_ascii=False).encode() for number in (1, 2, 3))
    assert post(site, one, "application/json")["accepted"] == 1
    assert post(site, b"[" + two + b"]", "application/json; charset=utf-8")["accepted"] == 1
    for media_type in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        answer = post(site, one + b"\n" + three + b"\n", media_type)
    assert (answer["accepted"], answer["unchanged"], answer["rejected"]) == (0, 2, [])
    desk.settle()
    assert desk.renewed() == ["R1", "R2", "R3"]
    assert len(desk.woken) == 5


def test_the_sample_comes_out_as_it_promises(desk: Desk, site: httpx.Client, tmp_path: Path) -> None:
    expected = write_sample(tmp_path, "2026")
    answers = [
        post(site, (tmp_path / CSV_NAME).read_bytes(), "text/csv; charset=Shift_JIS", source=CSV_NAME),
        post(site, (tmp_path / JSONL_NAME).read_bytes(), "application/x-ndjson", source=JSONL_NAME),
    ]
    desk.settle()
    assert sum(answer["accepted"] for answer in answers) == expected.accepted
    assert sum(answer["unchanged"] for answer in answers) == expected.unchanged
    assert len(desk.said(RegistrationRejected)) == expected.rejected
    assert len(desk.renewed()) == expected.eligible
    assert Counter(desk.held().values()) == expected.held_by_reason
    assert {"髙橋", "山﨑", "𠮷野", "辻\U000e0100"} <= {e.holder.family_name for e in desk.said(RegistrationRenewed)}


def test_a_rejected_row_is_kept_once_without_anything_personal(desk: Desk, site: httpx.Client) -> None:
    body = json.dumps(as_json(record(1), birth_date="1980-13-13", valid_from="April", phone="0\x0090")).encode()
    for _ in range(2):
        answer = post(site, body, "application/x-ndjson", first_row="500", source="april.jsonl")
    assert answer["rejected"][0] == {
        "row": 500,
        "field": "birth_date",
        "got": "1980-13-13",
        "expected": "a day of the calendar, YYYY-MM-DD",
    }
    kept = site.get("/api/v1/rejected").json()["rejected"]
    assert {(each["row"], each["field"], each["got"]) for each in kept} == {
        (500, "birth_date", None),
        (500, "phone", None),
        (500, "valid_from", "April"),
    }
    assert len(kept) == 3
    assert len(site.get("/api/v1/rejected?limit=2").json()["rejected"]) == 2
    said = desk.rows("select value from outbox")
    assert len(said) == 3
    assert not any(b"1980" in bytes(value) for (value,) in said)


def test_a_file_with_wrong_heads_is_refused_and_kept_as_rejected(desk: Desk, site: httpx.Client) -> None:
    response = site.post(
        "/upstream/registrations", content="登録ID,氏名\r\n".encode("cp932"), headers={"Content-Type": "text/csv"}
    )
    assert response.status_code == 400
    assert response.json()["rejected"][0]["got"] == "氏名"
    assert [event.field for event in desk.said(RegistrationRejected)] == ["heads"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer the key of upstrea", "Basic the key of upstream", "Bearer é"])
def test_without_the_key_nothing_is_taken_or_shown(desk: Desk, site: httpx.Client, header: str) -> None:
    headers = {b"Authorization": header.encode("latin-1"), b"Content-Type": b"application/json"}
    body = json.dumps(as_json(record(1)))
    assert site.post("/upstream/registrations", content=body, headers=headers).status_code == 401
    assert site.get("/api/v1/rejected", headers=headers).status_code == 401
    assert desk.rows("select 1 from registrations") == []


@pytest.mark.parametrize(
    ("content_type", "body", "query", "status"),
    [
        ("text/plain", b"{}", "", 415),
        ("", b"{}", "", 415),
        ("application/json", b"[" + b" " * LIMIT + b"]", "", 413),
        ("application/json", b"{", "", 400),
        ("application/json", b"{}", "?first_row=-1", 400),
        ("application/json", b"{}", "?first_row=99999999999", 400),
    ],
    ids=["media type", "no media type", "too long", "no JSON", "negative row", "endless row"],
)
def test_a_delivery_that_cannot_be_taken_says_why(
    site: httpx.Client, content_type: str, body: bytes, query: str, status: int
) -> None:
    response = site.post(f"/upstream/registrations{query}", content=body, headers={"Content-Type": content_type})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"


def test_a_cohort_of_20000_in_one_delivery_is_judged_together(desk: Desk, site: httpx.Client) -> None:
    lines = [json.dumps(as_json(record(number)), ensure_ascii=False) for number in range(20_000)]
    lines[500] = json.dumps(as_json(record(500, email="person501@EXAMPLE.jp")))
    answer = post(site, "\n".join(lines).encode(), "application/x-ndjson")
    assert answer["accepted"] == 20_000
    assert desk.settle() == 20_000
    assert desk.held() == {"R500": "shared-address", "R501": "shared-address"}


# ── akashi feed ────────────────────────────────────────────────────────────────────────────────────────


def run(site: httpx.Client, file: Path, *arguments: str, key: bytes | None = KEY) -> tuple[int, str, str]:
    """Exit code, standard output and errors of `akashi feed` in a process of its own."""
    key_file = file.parent / "key"
    key_file.unlink(missing_ok=True)
    if key is not None:
        key_file.write_bytes(key + b"\n")
    command = [sys.executable, "-c", "from services.registration.cli import feed; feed()", str(file), *arguments]
    environment = os.environ | {"REGISTRATION_URL": str(site.base_url), "UPSTREAM_KEY_FILE": str(key_file)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_feed_delivers_a_file_and_shows_the_rows_that_were_rejected(
    desk: Desk, site: httpx.Client, tmp_path: Path
) -> None:
    expected = write_sample(tmp_path, "2026")
    code, output, _ = run(site, tmp_path / CSV_NAME)
    assert code == 3
    assert "29 accepted, 1 unchanged, 2 rejected" in output
    assert "1979/2/30" in output
    code, output, _ = run(site, tmp_path / JSONL_NAME, "--json")
    assert (code, json.loads(output)["accepted"], len(json.loads(output)["rejected"])) == (3, 5, 1)
    desk.settle()
    assert len(desk.renewed()) == expected.eligible


def test_feed_ends_well_when_all_rows_are_known(site: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(json.dumps(as_json(record(number))) for number in range(2500)))
    code, output, _ = run(site, file, "--json")
    assert (code, json.loads(output)["accepted"]) == (0, 2500)
    code, output, _ = run(site, file, "--json")
    assert (code, json.loads(output)["unchanged"]) == (0, 2500)


def test_feed_says_what_stands_in_the_way(site: httpx.Client, tmp_path: Path) -> None:
    unreadable = tmp_path / "unreadable.csv"
    unreadable.write_bytes(b"\x81\x20")
    code, output, _ = run(site, unreadable, "--json")
    assert code == 3
    assert json.loads(output)["rejected"][0]["expected"].startswith("UTF-8 or CP932")
    good = tmp_path / "one.jsonl"
    good.write_text(json.dumps(as_json(record(1))))
    code, _, errors = run(site, good, key=None)
    assert (code, "UPSTREAM_KEY_FILE" in errors) == (1, True)
    code, _, errors = run(site, good, key=b"a key that is not the one")
    assert (code, "401" in errors) == (1, True)
