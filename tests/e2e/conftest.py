"""In which order the stories of one stack are told."""

from __future__ import annotations

import pytest

_FIRST = ("test_issuance_cycle", "test_undone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The cycle counts a cohort that nobody else has joined. An undo takes all badges: while they are few."""
    places = [place for place, item in enumerate(items) if item.path.parent.name == "e2e"]
    stories = sorted((items[place] for place in places), key=lambda item: _rank(item.path.stem))
    for place, story in zip(places, stories, strict=True):
        items[place] = story


def _rank(story: str) -> int:
    return _FIRST.index(story) if story in _FIRST else len(_FIRST)
