"""Issuing against a real PostgreSQL: what is there, and who was told, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest

from services.issuer import handlers
from services.issuer.handlers import Ports
from services.issuer.issuance import Issuer, StatusPlace, assertion_id_of, credential_key
from services.issuer.store import IssuerTransaction, Store
from shared.credential import DoNotSign, leaf_of, verify_proof
from shared.errors import TryLater
from shared.events import AssertionIssued
from shared.programme import Programme
from shared.runtime.migrate import migrate
from shared.status_list import decoded, is_set
from shared.wire import decode
from tests.issuing import FACTS, KEY, NOW, ROOT, SECRET, renewed
from tests.postgres import Databases, postgres


class Shelf:
    """Object storage that can be away."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.away = False

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self.puts.append(key)
        if self.away:
            raise TryLater(f"object {key}: storage away")
        self.kept[key] = body


@dataclass
class World:
    """One issuer on an empty schema, with a clock that the test turns."""

    url: str
    now: Any = NOW
    shelf: Shelf = field(default_factory=Shelf)
    ports: Ports = field(init=False)

    def __post_init__(self) -> None:
        migrate(self.url, "issuer", ROOT / "services" / "issuer" / "migrations")
        store = Store(self.url, "issuer", IssuerTransaction, self.clock, pool=8)
        self.ports = Ports(store, self.shelf, FACTS, SECRET, Random(1), self.clock)

    def clock(self) -> Any:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def announced(self) -> list[AssertionIssued]:
        events = [decode(bytes(value)) for (value,) in self.rows("select value from outbox order by id")]
        assert all(isinstance(event, AssertionIssued) for event in events)
        return [event for event in events if isinstance(event, AssertionIssued)]


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    with postgres() as server:
        yield server


@pytest.fixture
def world(databases: Databases) -> Iterator[World]:
    made = World(databases.fresh())
    yield made
    made.ports.store.close()


# ── issue ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_copy_of_the_event_issues_nothing(world: World) -> None:
    events = [renewed(number) for number in range(1, 6)]
    handlers.issue([*events, events[0]], world.ports)
    first = world.rows("select assertion_id, credential, leaf from assertions order by 1")
    world.wait(hours=1)
    handlers.issue([*events, renewed(6)], world.ports)
    assert len(first) == 5
    assert set(first) < set(world.rows("select assertion_id, credential, leaf from assertions"))
    assert world.rows("select count(*) from assertions, status_entries") == [(6 * 6,)]


def test_nothing_is_issued_again_after_the_inbox_forgot_it(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    with psycopg.connect(world.url) as connection:
        connection.execute("delete from inbox")
    handlers.issue([renewed(1), renewed(2)], world.ports)
    assert world.rows("select count(*) from assertions") == [(2,)]


def test_a_name_that_cannot_be_signed_leaves_no_trace_and_spares_the_others(world: World) -> None:
    events = [renewed(1), renewed(2, given_name="一\x0b郎"), renewed(3)]
    with pytest.raises(DoNotSign, match="identityHash: got U\\+000B"):
        handlers.issue(events, world.ports)
    assert world.rows("select * from inbox, assertions, status_entries") == []
    handlers.issue([events[0], events[2]], world.ports)  # as the consumer does: halves, then the rest
    assert world.rows("select count(*) from assertions") == [(2,)]


def test_a_renewal_names_the_former_assertion_if_we_issued_it(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    world.wait(days=365 * 4)
    later = {"valid_from": date(2030, 4, 1), "valid_until": date(2034, 3, 31), "kind": "renewal"}
    handlers.issue(
        [
            renewed(2, previous_registration_id="R-00001", **later),
            renewed(3, previous_registration_id="R-elsewhere", **later),
        ],
        world.ports,
    )
    handlers.store(world.ports)
    replaces = {event.award.registration_id: event.replaces for event in world.announced()}
    assert replaces == {"R-00001": None, "R-00002": assertion_id_of(SECRET, "R-00001"), "R-00003": None}


def test_two_processes_never_give_one_bit_to_two_assertions(world: World) -> None:
    twins = [replace(world.ports, random=Random(7)) for _ in range(2)]  # both draw the very same bits
    barrier = Barrier(2)

    def run(ports: Ports, first: int) -> None:
        barrier.wait()
        for number in range(first, first + 60, 20):
            handlers.issue([renewed(each) for each in range(number, number + 20)], ports)

    threads = [Thread(target=run, args=(ports, 100 * (at + 1))) for at, ports in enumerate(twins)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.rows("select count(*), count(distinct status_index) from assertions") == [(120, 120)]


def test_a_list_half_full_is_followed_by_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.issuer.store.ROOM", 3)
    for number in (1, 3, 5):
        handlers.issue([renewed(number), renewed(number + 1)], world.ports)
    assert world.rows("select status_list, count(*) from assertions group by 1 order by 1") == [(1, 4), (2, 2)]
    handlers.publish(world.ports)
    assert {"status/1.json", "status/2.json"} <= set(world.shelf.kept)


# ── store ──────────────────────────────────────────────────────────────────────────────────────────────


def test_others_are_told_once_and_only_of_a_credential_that_they_can_fetch(world: World) -> None:
    handlers.issue([renewed(number) for number in range(1, 4)], world.ports)
    assert world.announced() == []
    assert handlers.store(world.ports) == 3
    for event in world.announced():
        document = json.loads(world.shelf.kept[credential_key(event.assertion_id)])
        verify_proof(document, KEY.private.public_key())
        assert event.leaf == leaf_of(document)
    assert handlers.store(world.ports) == 0
    assert len(world.announced()) == 3


def test_credentials_wait_while_the_storage_is_away(world: World) -> None:
    handlers.issue([renewed(number) for number in range(1, 31)], world.ports)
    world.shelf.away = True
    assert handlers.store(world.ports) == 0
    assert world.announced() == []
    assert len(world.shelf.puts) < 30  # the rest isn't even tried
    ((tried, error),) = world.rows("select count(*), max(last_error) from assertions where attempts = 1")
    assert 0 < tried < 30
    assert "storage away" in error
    world.shelf.away = False
    world.wait(seconds=2)
    assert handlers.store(world.ports) == 30
    assert len(world.announced()) == 30


def test_dying_between_the_put_and_the_commit_doubles_and_loses_nothing(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    before = world.rows("select credential from assertions")

    class Dying(IssuerTransaction):
        def mark_stored(self, ids: Any, now: Any) -> None:
            raise KeyboardInterrupt

    dying = Store(world.url, "issuer", Dying, world.clock)
    with pytest.raises(KeyboardInterrupt):
        handlers.store(replace(world.ports, store=dying))
    dying.close()
    assert len(world.shelf.puts) == 1
    assert world.announced() == []
    assert handlers.store(world.ports) == 1
    assert len(set(world.shelf.puts)) == 1
    assert [(world.shelf.kept[world.shelf.puts[0]],)] == before
    assert len(world.announced()) == 1


def test_replicas_share_the_storing(world: World) -> None:
    handlers.issue([renewed(number) for number in range(250)], world.ports)
    barrier = Barrier(3)

    def run() -> None:
        barrier.wait()
        while handlers.store(world.ports):
            pass

    threads = [Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.shelf.puts) == len(set(world.shelf.puts)) == 250
    assert len({event.assertion_id for event in world.announced()}) == len(world.announced()) == 250


# ── publish ────────────────────────────────────────────────────────────────────────────────────────────

FIRST = {
    "issuer/did.json",
    "issuer/profile.json",
    "status/1.json",
    *(f"badges/{id}/2026.{form}" for id in FACTS.issuer.programme.qualifications for form in ("json", "png", "svg")),
}


def test_all_that_credentials_point_to_is_published(world: World) -> None:
    handlers.issue([renewed(1, valid_from=date(2025, 4, 1))], world.ports)
    assert handlers.publish(world.ports) == 6
    assert set(world.shelf.kept) == FIRST | {f"badges/shunin-gishi/2025.{form}" for form in ("json", "png", "svg")}
    assert handlers.publish(world.ports) == 0


def test_a_status_list_is_signed_again_long_before_it_expires(world: World) -> None:
    handlers.publish(world.ports)
    before = world.shelf.kept["status/1.json"]
    world.wait(days=1, seconds=1)  # the list is valid for a week
    handlers.publish(world.ports)
    assert json.loads(world.shelf.kept["status/1.json"])["validFrom"] > json.loads(before)["validFrom"]


def test_publishing_goes_on_after_an_outage_of_the_storage(world: World) -> None:
    world.shelf.away = True
    assert handlers.publish(world.ports) == 0
    world.shelf.away = False
    assert handlers.publish(world.ports) == 0  # not at once
    world.wait(seconds=2)
    assert handlers.publish(world.ports) == 5
    assert set(world.shelf.kept) == FIRST


def test_a_changed_programme_is_published_at_once(world: World) -> None:
    handlers.publish(world.ports)
    programme: Programme = FACTS.issuer.programme
    fewer = {id: each for id, each in programme.qualifications.items() if id != "gishi"}
    changed = Programme(
        **{name: getattr(programme, name) for name in programme.__struct_fields__ if name != "qualifications"},
        qualifications=fewer,
    )
    moved = replace(FACTS, issuer=Issuer(changed, "https://elsewhere.example"))
    ports = replace(world.ports, facts=moved)
    assert handlers.publish(ports) == 4  # a badge of a qualification that is no more can't be made, the others are
    assert json.loads(world.shelf.kept["issuer/profile.json"])["id"] == "did:web:elsewhere.example"
    ((name, error),) = world.rows("select name, last_error from documents where last_error is not null")
    assert name == "badges/gishi/2026"
    assert "got qualification 'gishi'" in error


def test_a_former_key_stays_in_the_did_document(world: World) -> None:
    with world.ports.store.transaction() as tx:
        tx.signing_keys("z6Mkformer", NOW - timedelta(days=1))
    handlers.publish(world.ports)
    methods = json.loads(world.shelf.kept["issuer/did.json"])["verificationMethod"]
    assert [each["publicKeyMultibase"] for each in methods] == ["z6Mkformer", KEY.public]


def test_a_revoked_bit_is_published_at_once(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    handlers.publish(world.ports)
    ((index,),) = world.rows("select status_index from assertions")
    world.wait(seconds=1)
    with world.ports.store.transaction() as tx:
        tx.revoke(StatusPlace(1, index), world.now)
    assert handlers.publish(world.ports) == 1
    document = json.loads(world.shelf.kept["status/1.json"])
    verify_proof(document, KEY.private.public_key())
    bits = decoded(document["credentialSubject"]["encodedList"])
    assert is_set(bits, index)
    assert sum(byte.bit_count() for byte in bits) == 1
