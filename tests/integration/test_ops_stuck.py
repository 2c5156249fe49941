"""Who is stuck, why, and the order that ends it, on a real PostgreSQL: whatever order the events come in."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from services.ops import queries
from services.ops.acts import orders
from services.ops.acts.orders import Attribution
from services.ops.board.decisions import AlreadyDecidedError
from services.ops.ports import Ports
from shared.events import Event
from shared.office_events import Correction, OfficeDecided
from shared.wire import decode
from tests.worlds.cohorts import (
    again,
    anchored,
    cycle,
    failed,
    held,
    issued,
    letter,
    received,
    refused,
    rendered,
    renewed,
    revoked,
)
from tests.worlds.ops import outbox, tell

pytest_plugins = ("tests.worlds.ops_fixtures",)

OFFICE = Attribution("事務局", "書き方を確かめた")


def stuck(ports: Ports, number: int = 1) -> Any:
    return queries.history(ports, f"R{number:05}").stuck


def by_reason(ports: Ports) -> dict[str, int]:
    return queries.status(ports, "2026").stuck_by_reason


UNPRINTED: list[Event] = [renewed(1), issued(1), anchored(1), failed(1, field="pass_number", characters=("U+1F600",))]


def test_a_refused_registration_says_its_field_and_the_order_and_can_be_corrected(ports: Ports) -> None:
    tell(ports, renewed(1), refused(1), renewed(2))
    found = stuck(ports)
    assert (found.reason, found.field, found.got) == ("issuance-refused", "pass_number", "{ or } alone")
    assert found.expected == "curly brackets in pairs"
    assert found.order == "akashi correct R00001 --pass-number …"
    assert by_reason(ports) == {"issuance-refused": 1} and stuck(ports, 2) is None
    orders.correct(ports, "R00001", 1, Correction(pass_number="25-1"), OFFICE)
    ((_, _, value),) = outbox(ports)
    decided = decode(bytes(value))
    assert isinstance(decided, OfficeDecided)
    assert (decided.decision, decided.subject, decided.version) == ("correct", "R00001", 2)


def test_only_what_was_released_can_be_corrected(ports: Ports) -> None:
    tell(ports, held(1))
    with pytest.raises(AlreadyDecidedError, match="not released yet"):
        orders.correct(ports, "R00001", 1, Correction(pass_number="25-1"), OFFICE)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_refusal_is_over_when_a_later_version_comes_in_whatever_order(ports: Ports, order: tuple[int, ...]) -> None:
    amended = again(renewed(1), 2)
    events: list[Event] = [renewed(1), refused(1), amended, again(issued(1), 2, corrects=None)]
    tell(ports, *(events[place] for place in order))
    assert stuck(ports) is None and by_reason(ports) == {}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_refused_correction_stands_beside_the_badge_in_whatever_order(ports: Ports, order: tuple[int, ...]) -> None:
    events: list[Event] = [renewed(1), issued(1), again(renewed(1), 2), refused(1, 2, issued_version=1)]
    tell(ports, *(events[place] for place in order))
    assert stuck(ports).reason == "issuance-refused"
    assert queries.history(ports, "R00001").state == "issued"


def test_what_is_not_the_offices_to_correct_is_issued_again_once_the_rules_are_corrected(ports: Ports) -> None:
    tell(ports, renewed(1), refused(1, field="qualification"))
    assert stuck(ports).order == "akashi correct R00001 --again"
    orders.correct(ports, "R00001", 1, Correction(), OFFICE)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_failed_rendering_says_its_field_and_characters_in_whatever_order(
    ports: Ports, order: tuple[int, ...]
) -> None:
    tell(ports, *(UNPRINTED[place] for place in order))
    found = stuck(ports)
    assert (found.reason, found.field, found.got) == ("rendering-no-glyph", "pass_number", "U+1F600")
    assert found.order == "akashi correct R00001 --pass-number …"
    assert by_reason(ports) == {"rendering-no-glyph": 1}


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_a_failure_is_over_when_it_is_rendered_in_whatever_order(ports: Ports, order: tuple[int, ...]) -> None:
    last: list[Event] = [rendered(1), failed(1)]
    tell(ports, renewed(1), issued(1), anchored(1), *(last[place] for place in order))
    assert stuck(ports) is None and by_reason(ports) == {}


def test_of_several_failures_the_highest_revision_stands(ports: Ports) -> None:
    tell(ports, *UNPRINTED[:3], failed(1, "layout", 3), failed(1, "missing-object", 2), failed(1))
    assert (stuck(ports).reason, stuck(ports).order) == ("rendering-layout", None)


def test_a_failure_is_over_when_the_badge_is_corrected_or_revoked(ports: Ports) -> None:
    tell(ports, *UNPRINTED, again(renewed(1), 2), again(issued(1), 2), revoked(1, replaced=True))
    assert stuck(ports) is None
    tell(ports, renewed(2), issued(2), anchored(2), failed(2), revoked(2))
    assert stuck(ports, 2) is None and by_reason(ports) == {}


@pytest.mark.parametrize(("reason", "order"), [("missing-object", "akashi scrub --repair"), ("layout", None)])
def test_what_the_office_cannot_correct_has_another_order_or_none(ports: Ports, reason: str, order: str | None) -> None:
    tell(ports, *UNPRINTED[:3], failed(1, reason, field=None))
    assert stuck(ports).order == order


def test_a_letter_that_bounced_is_stuck_until_the_person_has_the_badge(ports: Ports) -> None:
    tell(ports, renewed(1), issued(1), letter(1, "award", "bounced", 2))
    assert (stuck(ports).reason, stuck(ports).order) == (
        "award-letter-bounced",
        "akashi correct R00001 --email …",
    )
    tell(ports, received(1))
    assert stuck(ports) is None
    tell(ports, *cycle(2), letter(2, "completion", "bounced", 7))
    assert by_reason(ports) == {"completion-letter-bounced": 1}


def test_the_board_counts_and_names_everybody_who_is_stuck(ports: Ports) -> None:
    tell(ports, *UNPRINTED, renewed(2), refused(2), renewed(3), refused(3, field="family_name"), *cycle(4))
    board = queries.board_page(ports, "2026")
    assert board.status.stuck_by_reason == {"issuance-refused": 2, "rendering-no-glyph": 1}
    assert [person.registration_id for person in board.stuck] == ["R00002", "R00003", "R00001"]
    assert not board.status.matches
