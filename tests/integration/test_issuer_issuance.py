"""Issuance with a real PostgreSQL and object storage: what is saved, stored and announced, also after failures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import msgspec
import psycopg
import pytest

from services.issuer import handlers
from services.issuer.handlers import Ports
from services.issuer.store import IssuerTransaction
from shared import object_keys
from shared.credentials.credential import leaf_of, verify_proof
from shared.events import AssertionIssued, IssuanceRefused
from tests.worlds.credentials import KEY, renewed
from tests.worlds.issuer import World, corrected, dying_at, id_of, side_by_side
from tests.worlds.recalled import announced, back_up, take_back

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


def test_an_event_that_the_inbox_forgot_issues_nothing(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    with psycopg.connect(world.url) as connection:
        connection.execute("delete from inbox")
    handlers.issue([renewed(1), renewed(2)], world.ports)
    assert world.rows("select count(*) from assertions") == [(2,)]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a control character in the name": ({"given_name": "一\x0b郎"}, "given_name"),
    "an unbalanced brace": ({"pass_number": "P25-{0001"}, "pass_number"),
    "an over-long name": ({"family_name": "橋" * 200}, "family_name"),
    "a qualification that the programme hasn't": ({"qualification": "kyoshi"}, "qualification"),
    "a period that ends before it begins": ({"valid_until": date(2026, 3, 31)}, "valid_until"),
}


@pytest.mark.parametrize("bad", list(BAD))
def test_an_invalid_registration_is_refused_with_its_field_and_the_others_are_issued(world: World, bad: str) -> None:
    changes, named = BAD[bad]
    events = [renewed(number, **(changes if number == 13 else {})) for number in range(1, 41)]
    world.issue(*events)
    (refused,) = world.announced(IssuanceRefused)
    assert (refused.registration_id, refused.version, refused.field) == ("R-00013", 1, named)
    assert refused.expected and refused.issued_version == 0
    assert "橋" not in str(refused) and "郎" not in str(refused)
    others = {id_of(number) for number in range(1, 41) if number != 13}
    assert {row[0] for row in world.rows("select assertion_id from assertions")} == others
    assert world.kept_credentials() == others
    assert world.rows("select count(*) from status_entries") == [(39,)]
    world.issue(*events)
    assert len(world.announced(IssuanceRefused)) == 1


def test_a_refused_registration_is_issued_as_it_is_amended(world: World) -> None:
    world.issue(renewed(1, pass_number="P25-{0001"))
    world.issue(corrected(1, 2, why=None), renewed(1, pass_number="P25-{0001"))
    (issued,) = world.announced(AssertionIssued)
    assert (issued.assertion_id, issued.version, issued.corrects) == (id_of(1, 2), 2, None)


def test_after_a_restore_a_refusal_is_not_announced_again(world: World) -> None:
    backup = back_up(world.ports.store)
    world.issue(renewed(1, pass_number="P25-{0001"))
    facts = announced(world.ports.store)
    backup.restore()
    recalls = {IssuanceRefused: IssuerTransaction.take_back_refused}
    assert take_back(world.ports.store, recalls, facts) == 1  # type: ignore[arg-type]  # of this event only
    world.issue(renewed(1, pass_number="P25-{0001"))
    assert world.events() == []


def test_what_an_older_release_put_aside_is_refused_when_replayed_and_nothing_once_it_is_amended(world: World) -> None:
    world.issue(renewed(1, pass_number="P25-{0001"))
    world.issue(renewed(2, pass_number="P25-{0002"), corrected(2, 2))
    with psycopg.connect(world.url) as connection:
        connection.execute("truncate inbox, announced, outbox")  # the older release committed nothing but dead letters
    world.issue(renewed(1, pass_number="P25-{0001"), renewed(2, pass_number="P25-{0002"))
    assert [event.key for event in world.events()] == ["R-00001"]


def test_a_renewal_names_the_former_registrations_newest_assertion_if_it_is_the_same_persons(
    world: World,
) -> None:
    later = {"valid_from": date(2030, 4, 1), "valid_until": date(2034, 3, 31), "kind": "renewal"}
    handlers.issue(
        [
            renewed(1),
            renewed(2, previous_registration_id="R-00001", person_id="person-1", **later),  # in one batch with it
            renewed(3, previous_registration_id="R-elsewhere", **later),
            renewed(4),
        ],
        world.ports,
    )
    handlers.issue([msgspec.structs.replace(renewed(4), version=2, correction="氏名")], world.ports)
    world.wait(days=365 * 4)
    world.issue(
        renewed(5, previous_registration_id="R-00004", person_id="person-4", **later),
        renewed(6, previous_registration_id="R-00004", **later),  # somebody else
        renewed(7, previous_registration_id="R-00006", **later),  # in one batch with a stranger's
    )
    replaces = {(event.key, event.version): event.replaces for event in world.announced(AssertionIssued)}
    assert replaces == {
        (id_of(1), 1): None,
        (id_of(2), 1): id_of(1),
        (id_of(3), 1): None,
        (id_of(4), 1): None,
        (id_of(4, 2), 2): None,
        (id_of(5), 1): id_of(4, 2),
        (id_of(6), 1): None,
        (id_of(7), 1): None,
    }


def test_two_processes_give_each_assertion_its_own_bit(world: World) -> None:
    twins = [replace(world.ports, random=Random(7)) for _ in range(2)]  # both draw the very same bits

    def run(ports: Ports, first: int) -> None:
        for number in range(first, first + 60, 20):
            handlers.issue([renewed(each) for each in range(number, number + 20)], ports)

    side_by_side(lambda: run(twins[0], 100), lambda: run(twins[1], 200))
    assert world.rows("select count(*), count(distinct status_index) from assertions") == [(120, 120)]


def test_a_half_full_list_is_followed_by_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.issuer.store.ROOM", 3)
    for number in (1, 3, 5):
        handlers.issue([renewed(number), renewed(number + 1)], world.ports)
    assert world.rows("select status_list, count(*) from assertions group by 1 order by 1") == [(1, 4), (2, 2)]
    world.publish()
    assert {"status/1.json", "status/2.json"} <= world.shelf.kept


# ── store ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_credential_is_announced_once_and_after_it_can_be_fetched(world: World) -> None:
    handlers.issue([renewed(number) for number in range(1, 4)], world.ports)
    assert world.events() == []
    assert handlers.store(world.ports) == 3
    for event in world.announced(AssertionIssued):
        document = world.credential(event.assertion_id)
        verify_proof(document, KEY.private.public_key())
        assert event.leaf == leaf_of(document)
    assert handlers.store(world.ports) == 0
    assert len(world.events()) == 3


def test_credentials_wait_while_the_storage_is_away(world: World) -> None:
    handlers.issue([renewed(number) for number in range(1, 31)], world.ports)
    world.shelf.away = True
    assert handlers.store(world.ports) == 0
    assert world.events() == []
    assert len(world.shelf.puts) < 30  # the rest isn't even tried
    ((tried, error),) = world.rows("select count(*), max(last_error) from assertions where attempts = 1")
    assert 0 < tried < 30
    assert "storage away" in error
    world.shelf.away = False
    world.wait(seconds=2)
    assert handlers.store(world.ports) == 30
    assert len(world.events()) == 30


def test_after_dying_between_put_and_commit_the_same_credential_is_announced_once(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    ((before,),) = world.rows("select credential from assertions")
    dying = dying_at("mark_stored", world)
    with pytest.raises(KeyboardInterrupt):
        handlers.store(dying)
    dying.store.close()
    assert world.shelf.keys == [object_keys.credential(id_of(1))]
    assert world.events() == []
    assert handlers.store(world.ports) == 1
    assert set(world.shelf.puts) == {(object_keys.credential(id_of(1)), bytes(before))}
    assert len(world.events()) == 1


def test_replicas_store_each_credential_once(world: World) -> None:
    handlers.issue([renewed(number) for number in range(250)], world.ports)

    def run() -> None:
        while handlers.store(world.ports):
            pass

    side_by_side(run, run, run)
    assert len(world.shelf.keys) == len(set(world.shelf.keys)) == 250
    assert len({event.key for event in world.events()}) == len(world.events()) == 250
