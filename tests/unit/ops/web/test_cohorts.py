from __future__ import annotations

import pytest

from services.ops.board.decisions import BULK
from services.ops.web.cohorts import ORDER_WORDS, _selected, _times


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "春", "2026-13-01", "0000-00-00"])
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        _selected("2026", "", text, "", singly=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-04-01", "2026-04-01T00:00"),
        ("2026-04-01T09:00", "2026-04-01T09:00"),
        ("2026-04-01T00:00+00:00", "2026-04-01T09:00"),
        ("", ""),
    ],
)
def test_a_time_without_a_zone_is_japans_and_stands_in_the_form_again(text: str, shown: str) -> None:
    assert _times(_selected("2026", "", text, "", singly=False)) == (shown, "")


def test_each_order_for_a_cohort_has_its_own_words_to_type() -> None:
    typed = [word for act in BULK for word in ORDER_WORDS[act].typed]
    assert len(set(typed)) == len(typed) == 2 * len(BULK)
