"""Copies that are used while a source is away, and what was computed from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.verifier.sources.cache import MAX_COPIES, CachedSite
from shared.errors import NotFound, TryLater, Unreadable
from shared.object_keys import DID_DOCUMENT

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
def test_a_copy_is_used_while_fresh_and_for_a_day_while_the_source_is_away(key: str, fresh: int) -> None:
    source, clock = Source(), Clock()
    site = CachedSite(source, clock)
    assert site.look_up(key).copied is None and source.asked == 1
    clock.now += timedelta(seconds=fresh - 1)
    assert site.look_up(key).copied is None and source.asked == 1
    source.away = True
    clock.now += timedelta(seconds=2)
    assert site.look_up(key).copied == timedelta(seconds=fresh + 1)
    clock.now = NOW + timedelta(hours=23, minutes=59)
    assert site.look_up(key).copied == timedelta(hours=23, minutes=59)
    clock.now = NOW + timedelta(hours=24)
    with pytest.raises(TryLater):
        site.look_up(key)
    source.away = False
    source.kept[key] = b"new"
    assert site.get(key) == b"new"


def test_a_document_that_was_removed_is_not_found_once_its_copy_is_old() -> None:
    source, clock = Source(), Clock()
    site = CachedSite(source, clock)
    site.get(DID_DOCUMENT)
    del source.kept[DID_DOCUMENT]
    clock.now += timedelta(minutes=2)
    with pytest.raises(NotFound):
        site.get(DID_DOCUMENT)


def test_a_credential_is_never_cached() -> None:
    source = Source()
    site = CachedSite(source, Clock())
    site.get("credentials/A.json")
    source.away = True
    with pytest.raises(TryLater):
        site.get("credentials/A.json")


def test_the_number_of_copies_is_bounded() -> None:
    source, clock = Source(), Clock()
    site = CachedSite(source, clock)
    for number in range(3 * MAX_COPIES):
        source.kept[f"status/{number}.json"] = b"list"
        site.get(f"status/{number}.json")
    assert len(site._copies) == MAX_COPIES


def test_a_result_is_computed_once_for_the_same_bytes_and_again_for_others() -> None:
    source, clock = Source(), Clock()
    site = CachedSite(source, clock)
    calls: list[tuple[bytes, object]] = []

    def compute(content: bytes, key: object) -> bytes:
        calls.append((content, key))
        return content.upper()

    assert site.read("status/1.json", compute, {"id": 1}).value == b"LIST"
    clock.now += timedelta(minutes=1)  # the source is asked, and gives the same bytes
    assert site.read("status/1.json", compute, {"id": 1}).value == b"LIST"
    assert source.asked == 2 and calls == [(b"list", {"id": 1})]
    assert site.read("status/1.json", compute, {"id": 2}).value == b"LIST"
    source.kept["status/1.json"] = b"new"
    assert site.read("status/1.json", compute, {"id": 2}).value == b"LIST"  # still fresh
    clock.now += timedelta(minutes=1)
    assert site.read("status/1.json", compute, {"id": 2}).value == b"NEW"
    source.away = True
    clock.now += timedelta(minutes=1)
    stale = site.read("status/1.json", compute, {"id": 2})
    assert (stale.value, stale.copied) == (b"NEW", timedelta(minutes=1))
    assert calls[1:] == [(b"list", {"id": 2}), (b"new", {"id": 2})]
    clock.now += timedelta(hours=24)
    with pytest.raises(TryLater):
        site.read("status/1.json", compute, {"id": 2})


def test_a_result_that_could_not_be_computed_is_tried_again() -> None:
    source = Source()
    site = CachedSite(source, Clock())
    fail = True

    def compute(content: bytes) -> bytes:
        if fail:
            raise Unreadable("broken")
        return content

    with pytest.raises(Unreadable):
        site.read(DID_DOCUMENT, compute)
    fail = False
    assert site.read(DID_DOCUMENT, compute).value == b"keys"
    assert source.asked == 1
