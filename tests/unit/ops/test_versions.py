"""The versions of a badge on the board: a registration counts once, as its newest version stands."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from services.ops import handlers, orders
from services.ops.handlers import Ports
from services.ops.lag import LagMeter
from services.ops.store.events import Store
from shared.events import Event
from tests.unit.ops.test_store import NoBroker, counts, tell
from tests.worlds.cohorts import (
    NOON,
    again,
    anchored,
    assertion_id,
    at,
    cycle,
    issued,
    letter,
    received,
    rendered,
    renewed,
    revoked,
    version_id,
)
from tests.worlds.ops import empty, ops_store


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with ops_store(lambda: NOON) as store:
        yield store


@pytest.fixture
def ports(store: Store) -> Ports:
    empty(store)
    return Ports(store=store, lag=LagMeter(NoBroker()), now=lambda: NOON)


def corrected(number: int) -> list[Event]:
    """The first badge was received; the corrected one is carried over and announced by one letter."""
    return [
        *cycle(number),
        again(renewed(number), 2),
        again(issued(number, 20), 2),
        revoked(number, 20, replaced=True),
        again(received(number), 2),
        again(anchored(number), 2),
        again(rendered(number), 2),
        again(letter(number, "correction", "sent", 26), 2),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_in_whatever_order_they_come_two_versions_count_once(ports: Ports, seed: int) -> None:
    events = [*corrected(1), *cycle(2)] * 2
    random.Random(seed).shuffle(events)
    tell(ports, *events)
    found = handlers.status(ports, None)
    assert counts(ports) == [2] * 7
    assert (found.matches, found.cohort.revoked, found.unplaced) == (True, 0, 0)
    assert orders.life(ports, "R00001").assertion_id == version_id(1, 2)


def test_a_corrected_badge_goes_through_the_stages_again(ports: Ports) -> None:
    seen = []
    tell(ports, *cycle(1))
    for event in corrected(1)[len(cycle(1)) :]:
        tell(ports, event)
        (person,) = handlers.people(ports, None, None).people
        seen.append(person.state)
    assert seen == ["completed", "issued", "issued", "received", "anchored", "rendered", "completed"]


def test_a_correction_of_what_was_not_received_is_told_and_received_like_any_badge(ports: Ports) -> None:
    tell(ports, *cycle(1)[:4], again(renewed(1), 2), again(issued(1, 20), 2), revoked(1, 20, replaced=True))
    (person,) = handlers.people(ports, None, None).people
    assert person.state == "issued"
    tell(ports, again(letter(1, "award", "sent", 21), 2))
    (person,) = handlers.people(ports, None, None).people
    assert person.state == "notified"


def test_the_name_on_the_board_is_the_newest_versions_even_if_an_older_event_comes_later(ports: Ports) -> None:
    new = again(renewed(1), 2, holder=msgspec.structs.replace(renewed(1).holder, family_name="髙橋"))
    tell(ports, new, renewed(1), issued(1))
    life = orders.life(ports, "R00001")
    assert (life.name, life.facts.family_name, life.version) == ("髙橋 第1", "髙橋", 2)


def test_revoked_and_replaced_is_no_end_but_revoked_alone_is(ports: Ports) -> None:
    tell(ports, *cycle(1), revoked(1, replaced=True), *cycle(2), revoked(2), *cycle(3))
    found = handlers.status(ports, None)
    assert (counts(ports), found.cohort.revoked, found.matches) == ([2] * 7, 1, True)
    assert [person.registration_id for person in found.revoked.people] == ["R00002"]


def test_who_is_issued_again_after_a_revocation_counts_again(ports: Ports) -> None:
    tell(ports, *cycle(1), revoked(1), again(renewed(1), 2), again(issued(1, 30), 2))
    found = handlers.status(ports, None)
    assert (found.cohort.revoked, found.cohort.issued, found.cohort.completed) == (0, 1, 0)


def test_a_life_tells_all_versions_with_their_letters(ports: Ports) -> None:
    tell(ports, *corrected(1))
    life = orders.life(ports, "R00001")
    assert [(v.version, v.assertion_id, v.replaced_by) for v in life.versions] == [
        (2, version_id(1, 2), None),
        (1, assertion_id(1), version_id(1, 2)),
    ]
    assert {(each.assertion_id, each.letter) for each in life.letters} == {
        (assertion_id(1), "award"),
        (assertion_id(1), "completion"),
        (version_id(1, 2), "correction"),
    }
    assert life.versions[1].revoked_at == at(20)
