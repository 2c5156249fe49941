"""Orders of the office as the pages show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from services.ops.board.decisions import REBUILD, SCRUB, DecisionLine
from services.ops.web.decisions_view import decision_rows
from shared.office_events import Decision

AT_ONCE = {"discard", "replay", "acknowledge", "dismiss"}
"""Done by ops in the transaction in which they are ordered."""


def kinds() -> list[str]:
    named = [each for part in get_args(Decision) for each in (get_args(part) or (part,))]
    return [*named, REBUILD, SCRUB]


def line(decision: str, outcome: str | None = None) -> DecisionLine:
    at = datetime(2026, 4, 1, tzinfo=UTC)
    return DecisionLine(id="1", decision=decision, subject="S", by="office", why="why", at=at, outcome=outcome)


@pytest.mark.parametrize("decision", kinds())
def test_an_order_that_a_service_carries_out_waits_for_its_outcome(decision: str) -> None:
    waiting, done = decision_rows([line(decision), line(decision, "done")])
    assert waiting.waiting is (decision not in AT_ONCE)
    assert not done.waiting and done.outcome is not None
