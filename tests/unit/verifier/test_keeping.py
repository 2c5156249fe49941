"""Copies that stand in for a source that is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.verifier.sources.cache import DID_DOCUMENT, MOST_COPIES, KeptSite
from shared.errors import NotFound, TryLater

NOW = datetime(2026, 5, 11, tzinfo=UTC)


class Source:
    def __init__(self) -> None:
        self.kept = {DID_DOCUMENT: b"keys", "status/1.json": b"list", "credentials/A.json": b"personal"}
        self.away = False
        self.asked = 0

    def get(self, key: str) -> bytes:
        self.asked += 1
        if self.away:
            raise TryLater("away")
        if key not in self.kept:
            raise NotFound(key)
        return self.kept[key]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize(("key", "fresh"), [(DID_DOCUMENT, 60), ("status/1.json", 15)])
def test_a_copy_stands_in_too_long_or_not_at_all(key: str, fresh: int) -> None:
    source, clock = Source(), Clock()
    site = KeptSite(source, clock)
    assert site.look(key).copied is None and source.asked == 1
    clock.now += timedelta(seconds=fresh - 1)
    assert site.look(key).copied is None and source.asked == 1
    source.away = True
    clock.now += timedelta(seconds=2)
    assert site.look(key).copied == timedelta(seconds=fresh + 1)
    clock.now = NOW + timedelta(hours=23, minutes=59)
    assert site.look(key).copied == timedelta(hours=23, minutes=59)
    clock.now = NOW + timedelta(hours=24)
    with pytest.raises(TryLater):
        site.look(key)
    source.away = False
    source.kept[key] = b"new"
    assert site.get(key) == b"new"


def test_a_document_that_was_taken_away_is_still_given() -> None:
    source, clock = Source(), Clock()
    site = KeptSite(source, clock)
    site.get(DID_DOCUMENT)
    del source.kept[DID_DOCUMENT]
    clock.now += timedelta(minutes=2)
    with pytest.raises(NotFound):
        site.get(DID_DOCUMENT)


def test_a_credential_is_kept() -> None:
    source = Source()
    site = KeptSite(source, Clock())
    site.get("credentials/A.json")
    source.away = True
    with pytest.raises(TryLater):
        site.get("credentials/A.json")


def test_copies_fill_the_memory() -> None:
    source, clock = Source(), Clock()
    site = KeptSite(source, clock)
    for number in range(3 * MOST_COPIES):
        source.kept[f"status/{number}.json"] = b"list"
        site.get(f"status/{number}.json")
    assert len(site._copies) == MOST_COPIES
