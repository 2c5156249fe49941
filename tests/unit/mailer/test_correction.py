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
def test_who_has_the_badge_is_asked_to_receive_it_or_who_has_not_is_not(
    is_received: bool, addresses: tuple[str, ...], letter: str
) -> None:
    assert correction_letter(CorrectedBadge("A", "taro@example.jp", is_received, addresses)) == letter
