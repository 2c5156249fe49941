from __future__ import annotations

from typing import get_args

from services.ops.board.counts import STATES
from services.ops.board.decisions import REBUILD, SCRUB
from services.ops.board.wording import DECISIONS, FIELDS, HELD_REASONS
from services.ops.board.wording import STATES as STATE_WORDS
from shared.events import CORRECTABLE, Decision, HeldReason


def test_every_state_and_every_held_reason_has_words() -> None:
    assert set(STATE_WORDS) == set(STATES)
    assert set(HELD_REASONS) == set(get_args(HeldReason))


def test_every_correctable_field_and_every_decision_has_words() -> None:
    assert tuple(FIELDS) == CORRECTABLE
    assert set(DECISIONS) == {*get_args(Decision), REBUILD, SCRUB}
