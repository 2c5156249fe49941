"""Revocation by the office, with a real PostgreSQL and object storage."""

from __future__ import annotations

import json
from datetime import timedelta

import psycopg
import pytest

from services.issuer import handlers
from services.issuer.domain.revocation import is_revoke
from shared import object_keys
from shared.credentials.credential import verify_proof
from shared.credentials.status_list import decoded, is_set
from shared.events import AssertionIssued, AssertionRevoked
from shared.office_events import DecisionSettled, OfficeDecided
from tests.worlds.credentials import KEY, NOW, renewed
from tests.worlds.issuer import World, dying_at, id_of, order, side_by_side


def settled(world: World) -> dict[str, str]:
    return {each.decision_id: each.outcome for each in world.announced(DecisionSettled)}


def test_a_revocation_is_announced_and_its_bit_published_at_once(world: World) -> None:
    world.issue(*(renewed(number) for number in range(1, 4)))
    world.publish()
    assert world.published_bits() == set()
    at = world.now
    world.decide(order(id_of(2), "D1", "申請の誤り"))
    (event,) = world.announced(AssertionRevoked)
    assert (event.assertion_id, event.reason, event.revoked_at, event.replaced_by) == (id_of(2), "申請の誤り", at, None)
    (answer,) = world.announced(DecisionSettled)
    assert (answer.decision_id, answer.subject, answer.service, answer.outcome) == ("D1", id_of(2), "issuer", "done")
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(2)])
    verify_proof(world.shelf.json(object_keys.status_list(1)), KEY.private.public_key())
    kept = "select assertion_id, revocation_reason, revoked_at, replaced_by, decision_id from assertions"
    assert world.rows(f"{kept} where revoked_at is not null") == [(id_of(2), "申請の誤り", at, None, "D1")]


def test_a_second_copy_of_the_order_announces_nothing(world: World) -> None:
    world.issue(renewed(1))
    world.decide(order(id_of(1)), order(id_of(1)))
    world.decide(order(id_of(1)))
    assert len(world.announced(AssertionRevoked)) == len(world.announced(DecisionSettled)) == 1


def test_a_second_order_is_settled_and_changes_nothing(world: World) -> None:
    world.issue(renewed(1))
    world.decide(order(id_of(1), "D1"), order(id_of(1), "D2"))
    before = world.rows("select revoked_at, revocation_reason, decision_id from assertions")
    world.decide(order(id_of(1), "D3", "別の理由"))
    assert settled(world) == {"D1": "done", "D2": "revoked-before", "D3": "revoked-before"}
    assert len(world.announced(AssertionRevoked)) == 1
    assert world.rows("select revoked_at, revocation_reason, decision_id from assertions") == before


def test_an_order_that_the_inbox_forgot_revokes_nothing(world: World) -> None:
    world.issue(renewed(1))
    world.decide(order(id_of(1)))
    with psycopg.connect(world.url) as connection:
        connection.execute("delete from inbox")
    world.decide(order(id_of(1)))
    assert len(world.announced(AssertionRevoked)) == 1


def test_an_order_about_an_unknown_assertion_is_settled_as_such_and_the_others_are_revoked(world: World) -> None:
    world.issue(renewed(1))
    world.decide(order("NOBODY", "D1"), order(id_of(1), "D2"))
    assert settled(world) == {"D1": "no-such-assertion", "D2": "done"}
    assert [each.assertion_id for each in world.announced(AssertionRevoked)] == [id_of(1)]


@pytest.mark.parametrize("decision", ["undo", "correct", "resend", "hold"])
def test_only_orders_to_revoke_are_the_issuers(decision: str) -> None:
    other = OfficeDecided(decision_id="D", decision=decision, subject="S", by="x", why="y", decided_at=NOW)  # type: ignore[arg-type]
    assert not is_revoke(other)
    assert is_revoke(order("S"))


def test_one_revoked_before_it_was_stored_is_issued_first_and_ends_revoked(world: World) -> None:
    handlers.issue([renewed(1), renewed(2)], world.ports)
    handlers.publish(world.ports)
    world.decide(order(id_of(1)))
    assert [type(event) for event in world.events()] == [DecisionSettled]  # it is not announced yet
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(1)])  # but its bit is set before it is there
    assert handlers.store(world.ports) == 2
    about = [type(event) for event in world.events() if event.key == id_of(1)]
    assert about == [DecisionSettled, AssertionIssued, AssertionRevoked]
    assert world.kept_credentials() == {id_of(1), id_of(2)}
    world.decide(order(id_of(1), "again"))
    assert len(world.announced(AssertionRevoked)) == 1


def test_after_dying_in_the_middle_of_revoking_nothing_is_revoked(world: World) -> None:
    world.issue(renewed(1))
    dying = dying_at("make_due", world)
    with pytest.raises(KeyboardInterrupt):
        handlers.revoke([order(id_of(1))], dying)
    dying.store.close()
    assert world.announced(AssertionRevoked) == []
    world.decide(order(id_of(1)))
    assert len(world.announced(AssertionRevoked)) == 1


def test_a_thousand_revoked_at_once_while_lists_are_published_are_all_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.issuer.store.ROOM", 400)
    for first in range(0, 1200, 200):
        world.issue(*(renewed(number) for number in range(first, first + 200)))
    world.publish()
    ids = [id_of(number) for number in range(1000)]
    world.shelf.puts.clear()
    done = False

    def revoke(part: int) -> None:
        mine = ids[part::4]
        for start in range(0, len(mine), 25):
            handlers.revoke([order(id) for id in mine[start : start + 25]], world.ports)

    def twice(part: int) -> None:
        for start in range(0, 1000, 100):
            handlers.revoke([order(id, f"second/{part}/{id}") for id in ids[start : start + 100][::-1]], world.ports)

    def publish() -> None:
        while not done:
            handlers.publish(world.ports)

    def work() -> None:
        nonlocal done
        try:
            side_by_side(*(lambda part=part: revoke(part) for part in range(4)), lambda: twice(1), lambda: twice(2))
        finally:
            done = True

    side_by_side(work, publish, publish)
    world.publish()
    revoked = [each.assertion_id for each in world.announced(AssertionRevoked)]
    assert sorted(revoked) == sorted(ids)
    numbers = [row[0] for row in world.rows("select distinct status_list from assertions order by 1")]
    assert len(numbers) == 3
    for number in numbers:
        assert world.published_bits(number) == world.bits_of(ids, number)
        lists = [body for key, body in world.shelf.puts if key == object_keys.status_list(number)]
        _never_older(lists)
    assert settled(world).keys() >= {f"D/{id}" for id in ids}


def _never_older(lists: list[bytes]) -> None:
    """Each list has the bits of the one before."""
    seen: set[int] = set()
    for body in lists:
        bits = decoded(json.loads(body)["credentialSubject"]["encodedList"])
        found = {at * 8 + bit for at, byte in enumerate(bits) if byte for bit in range(8) if is_set(bits, at * 8 + bit)}
        assert seen <= found
        seen = found


def test_a_list_is_signed_again_long_before_it_expires_with_all_its_bits(world: World) -> None:
    world.issue(renewed(1), renewed(2))
    world.decide(order(id_of(1)))
    world.publish()
    before = world.shelf.json(object_keys.status_list(1))
    world.now += timedelta(days=1, seconds=1)  # the list is valid for a week
    world.publish()
    after = world.shelf.json(object_keys.status_list(1))
    assert before["validFrom"] < after["validFrom"]
    assert before["credentialSubject"] == after["credentialSubject"]
