"""The closing line of the demo, `deploy/local/demo/run.py`."""

from __future__ import annotations

from deploy.local.demo.progress import STAGES
from deploy.local.demo.run import match_of

BEFORE, AFTER = ("eligible", "issued", "notified"), ("received", "anchored", "rendered", "completed")


def counts(before: int, after: int) -> dict[str, int]:
    return {**dict.fromkeys(BEFORE, before), **dict.fromkeys(AFTER, after)}


def test_badges_left_for_the_visitor_are_named_beside_the_match() -> None:
    line, why = match_of(counts(28, 25), 28, matched=True)
    assert "一致しました" in line and "28" in line and "25" in line
    assert "3 人少ない" in why and "3 have not received" in why


def test_nothing_is_explained_when_all_have_received() -> None:
    [line] = match_of(counts(28, 28), 28, matched=True)
    assert "all match" in line


def test_a_difference_is_never_explained_away() -> None:
    [line] = match_of(counts(28, 25), 28, matched=False)
    assert "no match" in line and "一致しました" not in line


def test_every_stage_is_counted_in_words() -> None:
    [line] = match_of({stage: number for number, (stage, _) in enumerate(STAGES)}, 0, matched=False)
    assert all(f"{words} {number}" in line for number, (_, words) in enumerate(STAGES))
