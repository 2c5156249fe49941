"""A restored issuer takes back what it announced: assertions, revocations, settled orders.

What it finds in object storage: test_issuer_recall_storage.py.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from services.issuer import handlers
from services.issuer.domain.revocation import lost_revocation
from shared import object_keys
from shared.events import AssertionIssued, AssertionRevoked, Event, RegistrationRenewed
from shared.office_events import DecisionSettled
from tests.worlds.credentials import renewed
from tests.worlds.issuer import World, corrected, id_of, order
from tests.worlds.issuer_restored import KINDS, RECALLS, assertions, only_published, restore, start
from tests.worlds.recalled import announced, back_up


@pytest.mark.parametrize(
    "kinds", list(permutations(KINDS)), ids=lambda kinds: "-".join(each.__name__ for each in kinds)
)
def test_what_was_issued_and_revoked_since_the_backup_stands_in_whatever_order_it_is_told(
    world: World, kinds: tuple[type[Event], ...]
) -> None:
    deliveries: list[RegistrationRenewed] = [renewed(1), renewed(2), renewed(3), corrected(2, 2)]
    orders = [order(id_of(1), why="退会"), order(id_of(3), why="誤り"), order("A" * 26)]
    handlers.begin(world.ports)
    world.issue(*deliveries[:2])
    world.publish()
    backup = back_up(world.ports.store)
    world.issue(*deliveries[2:])
    world.decide(*orders)
    world.publish()
    bits = world.published_bits()
    left = restore(world, backup)
    start(world, left.facts, kinds)
    before = announced(world.ports.store)
    assert assertions(world) == left.rows
    world.publish()
    assert world.published_bits() == bits
    world.decide(*reversed(orders))
    world.issue(*reversed(deliveries))
    world.publish()
    start(world, left.facts)
    assert assertions(world) == left.rows
    assert world.published_bits() == bits
    assert only_published() == 0
    assert announced(world.ports.store) == before  # nothing was announced a second time, nothing otherwise
    assert {fact.id: fact.value for fact in before} == {fact.id: fact.value for fact in left.facts}
    assert not [key for key in world.shelf.keys if key.startswith("credentials/")]


def test_facts_taken_back_twice_change_nothing(world: World) -> None:
    backup = back_up(world.ports.store)
    world.issue(renewed(1), renewed(2))
    world.decide(order(id_of(1)))
    facts = restore(world, backup).facts
    start(world, facts)
    tables = ("assertions", "status_entries", "recalled_revocations", "announced", "outbox")
    once = [world.rows(f"select * from {table} order by 1") for table in tables]
    events = [fact.event for fact in facts]
    with world.ports.store.transaction() as tx:
        for kind, recall in RECALLS.items():
            recall(tx, [event for event in events if type(event) is kind] * 2)
    assert world.rows("select * from assertions order by 1") == once[0]
    handlers.begin(world.ports)
    assert [world.rows(f"select * from {table} order by 1") for table in tables] == once


def test_a_credential_signed_before_the_backup_and_stored_after_it_keeps_its_bytes(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    backup = back_up(world.ports.store)
    ((signed,),) = world.rows("select credential from assertions")
    world.issue()
    left = restore(world, backup)
    start(world, left.facts)
    world.issue()
    assert world.rows("select state, credential from assertions") == [("stored", signed)]
    assert (world.events(), world.shelf.keys) == ([], [])


def test_documents_of_what_was_taken_back_are_published_from_what_storage_holds(world: World) -> None:
    backup = back_up(world.ports.store)
    world.issue(renewed(1))
    world.publish()
    kept = {key: world.shelf.get(key) for key in world.shelf.kept if key.startswith("badges/")}
    left = restore(world, backup)
    start(world, left.facts)
    world.publish()
    assert world.rows("select name from documents where last_error is not null") == []
    assert {key: world.shelf.get(key) for key in kept} == kept


def test_a_revocation_of_an_assertion_that_nothing_tells_of_is_applied_when_it_is_issued(world: World) -> None:
    backup = back_up(world.ports.store)
    world.issue(renewed(1))
    world.decide(order(id_of(1), why="退会"))
    left = restore(world, backup)
    start(world, left.facts, [AssertionRevoked, DecisionSettled])
    assert assertions(world) == []
    world.shelf.lose(object_keys.credential(id_of(1)))
    world.issue(renewed(1))
    world.publish()
    (issued,) = world.announced(AssertionIssued)
    assert world.published_bits(issued.status_list) == {issued.status_index}
    assert world.announced(AssertionRevoked) == []  # that was announced before the restore
    assert world.rows("select revocation_reason, decision_id from assertions") == [("退会", f"D/{id_of(1)}")]
    start(world)
    assert world.announced(AssertionRevoked) == []


def test_an_order_whose_settlement_alone_got_out_has_revoked(world: World) -> None:
    world.issue(renewed(1))
    backup = back_up(world.ports.store)
    world.decide(order(id_of(1)))
    left = restore(world, backup)
    start(world, left.facts, [DecisionSettled])
    world.decide(order(id_of(1)))
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(1)])
    (revoked,) = world.announced(AssertionRevoked)
    assert (revoked.assertion_id, revoked.reason) == (id_of(1), lost_revocation())
    assert world.announced(DecisionSettled) == []
    start(world)
    assert len(world.announced(AssertionRevoked)) == 1


def test_an_order_whose_revocation_alone_got_out_is_settled_as_done_and_the_next_one_is_not(world: World) -> None:
    world.issue(renewed(1))
    backup = back_up(world.ports.store)
    world.decide(order(id_of(1), "D1"))
    left = restore(world, backup)
    start(world, left.facts, [AssertionRevoked])
    world.decide(order(id_of(1), "D1"))
    world.decide(order(id_of(1), "D2"))
    outcomes = {each.decision_id: each.outcome for each in world.announced(DecisionSettled)}
    assert outcomes == {"D1": "done", "D2": "revoked-before"}
    assert world.announced(AssertionRevoked) == []


def test_a_correction_whose_issue_alone_got_out_revokes_the_former_version(world: World) -> None:
    world.issue(renewed(1))
    backup = back_up(world.ports.store)
    world.issue(corrected(1, 2))
    left = restore(world, backup)
    start(world, left.facts, [AssertionIssued])
    world.publish()
    (revoked,) = world.announced(AssertionRevoked)
    assert (revoked.assertion_id, revoked.replaced_by) == (id_of(1), id_of(1, 2))
    assert world.published_bits() == world.bits_of([id_of(1)])
    start(world)
    assert len(world.announced(AssertionRevoked)) == 1
