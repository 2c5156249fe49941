from __future__ import annotations

from shared.losses import LOSSES
from shared.topics import SERVICES


def test_every_service_says_what_a_restore_loses_or_that_it_loses_nothing() -> None:
    assert tuple(sorted(LOSSES)) == tuple(sorted(SERVICES))


def test_each_loss_is_said_in_both_languages() -> None:
    for loss in LOSSES.values():
        for words in (loss.what, loss.todo):
            assert words is None or (not words.ja.isascii() and words.en.isascii())


def test_what_is_to_be_done_is_only_said_where_something_is_lost() -> None:
    assert all(loss.todo is None or loss.what is not None for loss in LOSSES.values())
