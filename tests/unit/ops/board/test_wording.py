from __future__ import annotations

from typing import get_args, get_type_hints

from services.ops.board.counts import STATES
from services.ops.board.decisions import REBUILD, SCRUB
from services.ops.board.stuck import REFUSED, order_for
from services.ops.board.wording import DECISIONS, FIELDS, HELD_REASONS, STUCK, STUCK_FIELDS
from services.ops.board.wording import STATES as STATE_WORDS
from shared.events import HeldReason, LetterUpdated, RenderingFailure
from shared.office_events import CORRECTABLE, Decision


def test_every_state_and_every_held_reason_has_words() -> None:
    assert set(STATE_WORDS) == set(STATES)
    assert set(HELD_REASONS) == set(get_args(HeldReason))


def test_every_correctable_field_and_every_decision_has_words() -> None:
    assert tuple(FIELDS) == CORRECTABLE
    assert set(DECISIONS) == {*get_args(Decision), REBUILD, SCRUB}


def test_every_reason_why_somebody_is_stuck_has_words_and_a_next_step_in_both_languages() -> None:
    letters = get_args(get_type_hints(LetterUpdated)["letter"])
    reasons = {f"rendering-{reason}" for reason in get_args(RenderingFailure)}
    undelivered = {f"{letter}-letter-{state}" for letter in letters for state in ("bounced", "suppressed")}
    assert set(STUCK) == {REFUSED} | reasons | undelivered
    for words in STUCK.values():
        for text in words:
            assert not text.ja.isascii() and text.en.isascii()
    assert set(CORRECTABLE) < set(STUCK_FIELDS)


def test_the_order_for_a_field_that_the_office_corrects_is_the_correction_of_that_field() -> None:
    for field in CORRECTABLE:
        option = f"akashi correct R1 --{field.replace('_', '-')} …"
        assert order_for(REFUSED, field, "R1") == order_for("rendering-no-glyph", field, "R1") == option
    assert order_for("rendering-no-glyph", "name", "R1") == "akashi correct R1 --family-name … --given-name …"
    assert order_for("award-letter-bounced", None, "R1") == "akashi correct R1 --email …"
