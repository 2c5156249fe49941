"""How the office names orders of paper, and that every word of them has words: board/paper.py."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from services.ops.board.paper import (
    DECISION_OF,
    HOLDS,
    ITEMS,
    REFUSALS,
    STATES,
    PaperAct,
    PaperHold,
    named,
    outcome_detail,
)
from services.ops.board.wording import DECISIONS
from services.wallet.domain.paper import StepRefusal
from shared.paper_events import PAPER_ITEMS, PAPER_STATES, PAPER_STEPS, PaperLine, PaperOutcome, PaperRefusal


def test_an_order_is_named_with_all_its_items_with_one_or_with_a_tracking_number() -> None:
    assert [each.line for each in named(["12345678"])] == [PaperLine("12345678", item) for item in PAPER_ITEMS]
    assert [each.whole for each in named(["12345678", "87654321/card"])] == [True, True, False]
    (one,) = named([" 12345678/card=4021-5566-7788 "])
    assert one == (PaperLine("12345678", "card", "4021-5566-7788"), False)
    twice = named(["12345678/card", "12345678/card=1", "12345678/card=2"])
    assert [each.line.tracking for each in twice] == ["2"]


@pytest.mark.parametrize(
    "id",
    ["", "1234567", "123456789", "12345678/", "12345678/badge", "12345678/card=", "１２３４５６７８", "12345678 card"],
)
def test_what_is_no_order_is_refused_with_how_one_looks(id: str) -> None:
    with pytest.raises(ValueError, match="expected 12345678"):
        named([id])


def test_every_item_state_hold_and_step_has_words() -> None:
    assert set(ITEMS) == set(PAPER_ITEMS) and set(STATES) == set(PAPER_STATES)
    assert set(HOLDS) == set(get_args(PaperHold))
    assert set(DECISION_OF) == set(get_args(PaperAct)) and set(DECISION_OF.values()) == set(PAPER_STEPS)
    assert set(PAPER_STEPS) <= set(DECISIONS)


@pytest.mark.parametrize("count", [1, 20, 23])
def test_what_became_of_a_step_is_said_with_the_items_that_did_not_take_it(count: int) -> None:
    refused = tuple(PaperRefusal(f"{number:08}", "card", "too-early") for number in range(count))
    said = outcome_detail(PaperOutcome(taken=980, refused=refused))
    assert said is not None
    assert said.ja.startswith("980件完了。できなかったもの：00000000 登録者証（カード）（発送できる日の前）")
    assert said.en.startswith("980 done; not: 00000000 Card: its day has not come")
    assert said.ja.count("登録者証") == said.en.count("Card") == min(count, 20)
    assert (said.ja.endswith("、ほか3件"), said.en.endswith(", 3 more")) == (count == 23, count == 23)


def test_a_reason_of_a_later_release_is_said_by_its_word_and_a_step_of_all_needs_no_words() -> None:
    later = outcome_detail(PaperOutcome(taken=0, refused=(PaperRefusal("12345678", "certificate", "post-strike"),)))
    assert later is not None and "（post-strike）" in later.ja and "Certificate: post-strike" in later.en
    assert outcome_detail(PaperOutcome(taken=3)) is None


def test_every_reason_has_words() -> None:
    assert set(REFUSALS) == set(get_args(StepRefusal))


def test_every_reason_for_which_a_step_is_not_taken_is_explained_to_the_office() -> None:
    explained = Path("docs/operations.md").read_text(encoding="utf-8")
    assert [word for word in get_args(StepRefusal) if f"| `{word}` |" not in explained] == []
