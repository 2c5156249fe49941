"""Which letter tells of a correction."""

from __future__ import annotations

import pytest

from services.mailer.domain.correction import CorrectedBadge, correction_letter


@pytest.mark.parametrize(
    ("is_received", "addresses", "letter"),
    [
        (False, (), "award"),
        (True, (), "correction"),
        (False, ("TARO@example.jp",), "correction"),
        (False, ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ",), "correction"),
        (False, ("hanako@example.jp",), "award"),
        (False, ("hanako@example.jp", "taro@example.jp"), "correction"),
    ],
)
def test_a_holder_who_has_the_badge_gets_the_correction_letter_and_any_other_the_award_letter(
    is_received: bool, addresses: tuple[str, ...], letter: str
) -> None:
    assert correction_letter(CorrectedBadge("A", "taro@example.jp", is_received, addresses)) == letter
