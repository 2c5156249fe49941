"""The versions of a badge on the board: a registration counts once, by its newest version."""

from __future__ import annotations

import random

import msgspec
import pytest

from services.ops import queries
from services.ops.ports import Ports
from shared.events import Event
from tests.worlds.cohorts import (
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
from tests.worlds.ops import counts, tell

pytest_plugins = ("tests.worlds.ops_fixtures",)


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
def test_two_versions_count_once_in_whatever_order_their_events_come(ports: Ports, seed: int) -> None:
    events = [*corrected(1), *cycle(2)] * 2
    random.Random(seed).shuffle(events)
    tell(ports, *events)
    found = queries.status(ports, None)
    assert counts(ports) == [2] * 7
    assert (found.matches, found.cohort.revoked, found.unplaced) == (True, 0, 0)
    assert queries.history(ports, "R00001").assertion_id == version_id(1, 2)


def test_a_corrected_badge_goes_through_the_stages_again(ports: Ports) -> None:
    seen = []
    tell(ports, *cycle(1))
    for event in corrected(1)[len(cycle(1)) :]:
        tell(ports, event)
        (person,) = queries.people(ports, None, None).people
        seen.append(person.state)
    assert seen == ["completed", "issued", "issued", "received", "anchored", "rendered", "completed"]


def test_a_corrected_badge_that_was_not_received_is_notified_by_an_award_letter(ports: Ports) -> None:
    tell(ports, *cycle(1)[:4], again(renewed(1), 2), again(issued(1, 20), 2), revoked(1, 20, replaced=True))
    (person,) = queries.people(ports, None, None).people
    assert person.state == "issued"
    tell(ports, again(letter(1, "award", "sent", 21), 2))
    (person,) = queries.people(ports, None, None).people
    assert person.state == "notified"


def test_the_name_is_the_newest_versions_even_if_an_older_event_comes_later(ports: Ports) -> None:
    new = again(renewed(1), 2, holder=msgspec.structs.replace(renewed(1).holder, family_name="髙橋"))
    tell(ports, new, renewed(1), issued(1))
    history = queries.history(ports, "R00001")
    assert (history.name, history.facts["family_name"], history.version) == ("髙橋 第1", "髙橋", 2)


def test_a_badge_counts_as_revoked_unless_it_is_replaced(ports: Ports) -> None:
    tell(ports, *cycle(1), revoked(1, replaced=True), *cycle(2), revoked(2), *cycle(3))
    found = queries.status(ports, None)
    assert (counts(ports), found.cohort.revoked, found.matches) == ([2] * 7, 1, True)
    assert [person.registration_id for person in found.revoked.people] == ["R00002"]


def test_a_badge_issued_again_after_a_revocation_counts_again(ports: Ports) -> None:
    tell(ports, *cycle(1), revoked(1), again(renewed(1), 2), again(issued(1, 30), 2))
    found = queries.status(ports, None)
    assert (found.cohort.revoked, found.cohort.issued, found.cohort.completed) == (0, 1, 0)


def test_a_history_tells_all_versions_with_their_letters(ports: Ports) -> None:
    tell(ports, *corrected(1))
    history = queries.history(ports, "R00001")
    assert [(v.version, v.assertion_id, v.replaced_by) for v in history.versions] == [
        (2, version_id(1, 2), None),
        (1, assertion_id(1), version_id(1, 2)),
    ]
    assert {(each.assertion_id, each.letter) for each in history.letters} == {
        (assertion_id(1), "award"),
        (assertion_id(1), "completion"),
        (version_id(1, 2), "correction"),
    }
    assert history.versions[1].revoked_at == at(20)
