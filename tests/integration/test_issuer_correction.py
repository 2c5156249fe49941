"""Later versions of a registration's assertion, with a real PostgreSQL and object storage."""

from __future__ import annotations

from typing import Any

import pytest

from services.issuer import handlers
from services.issuer.handlers import Ports
from shared.events import AssertionIssued, AssertionRevoked, Event, IssuanceRefused
from shared.office_events import DecisionSettled
from tests.worlds.credentials import renewed
from tests.worlds.issuer import World, corrected, dying_at, id_of, order, side_by_side


def announcements(world: World) -> list[tuple[str, str]]:
    """Of assertions, in order: issued or revoked, and which."""
    names: dict[type[Event], str] = {AssertionIssued: "issued", AssertionRevoked: "revoked"}
    return [(names[type(event)], event.key) for event in world.events() if type(event) in names]


def test_a_correction_revokes_the_former_version_when_it_is_stored_and_not_before(world: World) -> None:
    world.issue(renewed(1), renewed(2))
    handlers.issue([corrected(1, 2, "氏名の誤り", family_name="高橋")], world.ports)
    world.publish()
    assert (world.announced(AssertionRevoked), world.published_bits()) == ([], set())
    assert handlers.store(world.ports) == 1
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(1)])
    new = world.announced(AssertionIssued)[-1]
    assert (new.assertion_id, new.version, new.corrects, new.replaces) == (id_of(1, 2), 2, id_of(1), None)
    assert new.holder.family_name == "高橋"
    (revocation,) = world.announced(AssertionRevoked)
    assert (revocation.assertion_id, revocation.replaced_by) == (id_of(1), id_of(1, 2))
    assert revocation.reason == "訂正のため、新しい登録証に替わりました：氏名の誤り"
    assert announcements(world)[-2:] == [("issued", id_of(1, 2)), ("revoked", id_of(1))]
    assert world.announced(DecisionSettled) == []  # that is the registration's to say


def test_a_correction_of_a_correction_revokes_each_version_once(world: World) -> None:
    world.issue(renewed(1))
    world.issue(corrected(1, 2))
    world.issue(corrected(1, 3))
    assert [each.corrects for each in world.announced(AssertionIssued)] == [None, id_of(1), id_of(1, 2)]
    revoked = {each.assertion_id: each.replaced_by for each in world.announced(AssertionRevoked)}
    assert revoked == {id_of(1): id_of(1, 2), id_of(1, 2): id_of(1, 3)}
    assert len(world.announced(AssertionRevoked)) == 2


def test_versions_issued_at_once_are_stored_in_order_and_only_the_last_is_valid(world: World) -> None:
    events = [renewed(1), corrected(1, 2), corrected(1, 3)]
    world.issue(*events, *events)
    assert announcements(world) == [
        ("issued", id_of(1)),
        ("issued", id_of(1, 2)),
        ("revoked", id_of(1)),
        ("issued", id_of(1, 3)),
        ("revoked", id_of(1, 2)),
    ]


def test_a_version_waits_for_the_earlier_one_that_could_not_be_stored(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    world.shelf.away = True
    handlers.store(world.ports)  # tried; due again later
    world.shelf.away = False
    handlers.issue([corrected(1, 2)], world.ports)
    assert handlers.store(world.ports) == 0
    world.wait(seconds=5)
    world.issue()
    assert announcements(world) == [("issued", id_of(1)), ("issued", id_of(1, 2)), ("revoked", id_of(1))]


def test_a_correction_after_a_revocation_is_issued_and_revokes_nothing_again(world: World) -> None:
    world.issue(renewed(1))
    world.decide(order(id_of(1), why="取り消し"))
    world.issue(corrected(1, 2, None))
    new = world.announced(AssertionIssued)[-1]
    assert (new.assertion_id, new.corrects) == (id_of(1, 2), id_of(1))
    (revocation,) = world.announced(AssertionRevoked)
    assert (revocation.reason, revocation.replaced_by) == ("取り消し", None)


def test_an_order_to_revoke_what_a_correction_revoked_changes_nothing(world: World) -> None:
    world.issue(renewed(1))
    world.issue(corrected(1, 2))
    world.decide(order(id_of(1), "D1"), order(id_of(1, 2), "D2"))
    outcomes = {each.decision_id: each.outcome for each in world.announced(DecisionSettled)}
    assert outcomes == {"D1": "revoked-before", "D2": "done"}
    assert {each.assertion_id: each.replaced_by for each in world.announced(AssertionRevoked)} == {
        id_of(1): id_of(1, 2),
        id_of(1, 2): None,
    }


def test_a_former_revoked_while_its_correction_waits_is_revoked_once(world: World) -> None:
    world.issue(renewed(1))
    handlers.issue([corrected(1, 2)], world.ports)
    world.decide(order(id_of(1), why="取り消し"))
    handlers.store(world.ports)
    assert announcements(world) == [("issued", id_of(1)), ("revoked", id_of(1)), ("issued", id_of(1, 2))]


def test_a_version_that_comes_after_its_correction_is_not_issued(world: World) -> None:
    world.issue(corrected(1, 2))
    world.issue(renewed(1))
    assert announcements(world) == [("issued", id_of(1, 2))]
    assert world.announced(AssertionIssued)[0].corrects is None  # nothing of ours came before it


def test_a_second_copy_of_a_correction_issues_nothing(world: World) -> None:
    world.issue(renewed(1))
    world.issue(corrected(1, 2), corrected(1, 2))
    world.issue(corrected(1, 2))
    assert len(announcements(world)) == 3


def test_a_correction_that_must_not_be_signed_leaves_the_former_as_it_is(world: World) -> None:
    world.issue(renewed(1))
    world.issue(corrected(1, 2, given_name="一\x0b郎"))
    (refused,) = world.announced(IssuanceRefused)
    assert (refused.version, refused.field, refused.issued_version) == (2, "given_name", 1)
    world.publish()
    assert world.published_bits() == set()
    assert world.rows("select count(*) from assertions, status_entries") == [(1,)]


def test_after_dying_between_put_and_commit_of_a_correction_the_former_is_revoked_once(world: World) -> None:
    world.issue(renewed(1))
    handlers.issue([corrected(1, 2)], world.ports)
    dying = dying_at("revoke", world)
    with pytest.raises(KeyboardInterrupt):
        handlers.store(dying)
    dying.store.close()
    assert id_of(1, 2) in world.kept_credentials()  # stored, but not announced
    assert announcements(world) == [("issued", id_of(1))]
    handlers.store(world.ports)
    assert announcements(world) == [("issued", id_of(1)), ("issued", id_of(1, 2)), ("revoked", id_of(1))]


def test_a_correction_waits_while_another_process_holds_the_former(world: World) -> None:
    world.issue(renewed(1))
    handlers.issue([corrected(1, 2), renewed(2)], world.ports)
    with world.ports.store.transaction() as tx:
        tx.states_of([id_of(1)])  # as the office's order does
        assert handlers.store(world.ports) == 1
        assert world.kept_credentials() == {id_of(1), id_of(2)}
    assert handlers.store(world.ports) == 1
    assert announcements(world)[-1] == ("revoked", id_of(1))


def test_office_and_corrections_side_by_side_revoke_each_assertion_once(world: World) -> None:
    world.issue(*(renewed(number) for number in range(60)))
    handlers.issue([corrected(number, 2) for number in range(60)], world.ports)
    orders = [order(id_of(number, version)) for number in range(60) for version in (2, 1)]

    def store(ports: Ports) -> None:
        while handlers.store(ports):
            pass

    def revoke(batch: list[Any]) -> None:
        for start in range(0, len(batch), 10):
            handlers.revoke(batch[start : start + 10], world.ports)

    side_by_side(
        lambda: store(world.ports),
        lambda: store(world.ports),
        lambda: revoke(orders[:60]),
        lambda: revoke(orders[60:]),
    )
    store(world.ports)
    revoked = [each.assertion_id for each in world.announced(AssertionRevoked)]
    assert sorted(revoked) == sorted(id_of(number, version) for number in range(60) for version in (1, 2))
    assert len(world.announced(DecisionSettled)) == 120
    for number in range(60):
        about = [what for what, id in announcements(world) if id == id_of(number, 2)]
        assert about == ["issued", "revoked"]
