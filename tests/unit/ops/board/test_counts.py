from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ops.board.counts import PAIRS, STATES, Group, Stage, board_of, selection_of, state_of

ALL = sum(stage.bit for stage in Stage)


@dataclass(frozen=True)
class Someone:
    number: int
    reached: int
    held: bool
    ended: bool


def reachable(reached: int) -> bool:
    """A badge has no later stage before it was issued, since only that event says whose it is."""
    return bool(reached & Stage.ISSUED.bit) or reached <= Stage.ELIGIBLE.bit


@st.composite
def someone(draw: st.DrawFn) -> Someone:
    reached = draw(st.integers(0, ALL).filter(reachable))
    held = reached == 0 and draw(st.booleans())
    ended = bool(reached & Stage.ISSUED.bit) and draw(st.booleans())
    return Someone(draw(st.integers()), reached, held, ended)


crowds = st.lists(someone(), max_size=30)


def groups_of(crowd: list[Someone]) -> list[Group]:
    return [Group(one.reached, one.ended, "shared-address" if one.held else None, 1) for one in crowd]


def those_at(crowd: list[Someone], stage: Stage) -> set[int]:
    """Who counts at a stage: nobody whose badge was revoked and not replaced."""
    return {index for index, one in enumerate(crowd) if one.reached & stage.bit and not one.ended}


@given(crowds)
def test_a_count_is_the_number_of_people_at_the_stage(crowd: list[Someone]) -> None:
    board = board_of(groups_of(crowd))
    assert board.counts == {stage: len(those_at(crowd, stage)) for stage in Stage}
    assert all(count >= 0 for count in board.counts.values())


@given(crowds)
def test_a_difference_is_the_set_difference_of_its_two_stages(crowd: list[Someone]) -> None:
    board = board_of(groups_of(crowd))
    for found, (left, right) in zip(board.differences, PAIRS, strict=True):
        missing = those_at(crowd, left) - those_at(crowd, right)
        assert found.missing == len(missing)
        assert found.ahead == len(those_at(crowd, right) - those_at(crowd, left))
        assert board.counts[left] - board.counts[right] == found.missing - found.ahead


@given(crowds)
def test_the_board_matches_only_if_all_who_are_not_revoked_have_every_stage(crowd: list[Someone]) -> None:
    board = board_of(groups_of(crowd))
    if board.matches:
        assert all(one.ended or one.held or one.reached in (0, ALL) for one in crowd)
    if not any(one.ended for one in crowd):
        assert board.matches == (
            board.counts[Stage.ELIGIBLE] > 0 and len({board.counts[stage] for stage in Stage}) == 1
        ) or any(found.ahead for found in board.differences)


@given(crowds, st.randoms())
def test_the_board_is_the_same_in_any_order_of_people(crowd: list[Someone], random: object) -> None:
    groups = groups_of(crowd)
    shuffled = groups[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    assert board_of(shuffled) == board_of(groups)


@given(crowds)
def test_held_released_and_revoked_people_are_counted_once_each(crowd: list[Someone]) -> None:
    board = board_of(groups_of(crowd))
    assert board.held == sum(board.held_by_reason.values()) == sum(one.held for one in crowd)
    assert board.released == sum(one.reached == 0 and not one.held for one in crowd)
    assert board.revoked == sum(one.ended for one in crowd)


@given(someone())
def test_each_person_is_selected_by_exactly_their_own_state(one: Someone) -> None:
    selecting = [
        state
        for state in STATES
        if (chosen := selection_of(state)).value == one.reached & chosen.mask
        and chosen.ended == one.ended
        and chosen.held in (None, one.held)
    ]
    assert selecting == [state_of(one.reached, held=one.held, ended=one.ended)]


def test_a_person_who_waits_for_the_receipt_is_notified_even_if_the_badge_is_anchored() -> None:
    reached = ALL - Stage.RECEIVED.bit - Stage.COMPLETED.bit
    assert state_of(reached, held=False, ended=False) == "notified"


def test_a_revoked_badge_is_counted_beside_the_stages_and_missing_at_none() -> None:
    board = board_of([Group(Stage.ELIGIBLE.bit | Stage.ISSUED.bit, True, None, 1), Group(ALL, False, None, 2)])
    assert [found.missing for found in board.differences] == [0] * 6
    assert set(board.counts.values()) == {2}
    assert (board.revoked, board.matches) == (1, True)


def test_a_cohort_that_was_undone_as_a_whole_still_matches() -> None:
    board = board_of([Group(ALL, True, None, 5)])
    assert (set(board.counts.values()), board.revoked, board.matches) == ({0}, 5, True)


def test_an_empty_cohort_does_not_match() -> None:
    assert not board_of([]).matches


def test_an_unknown_state_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="got state 'lost', expected one of held"):
        selection_of("lost")


def test_people_who_are_stuck_are_counted_by_reason_and_those_whose_badge_was_revoked_are_not() -> None:
    board = board_of(
        [
            Group(Stage.ELIGIBLE.bit, False, None, 2, "issuance-refused"),
            Group(ALL, False, None, 3, "issuance-refused"),
            Group(ALL, False, None, 4),
            Group(ALL, True, None, 5, "rendering-layout"),
        ]
    )
    assert board.stuck_by_reason == {"issuance-refused": 5}
