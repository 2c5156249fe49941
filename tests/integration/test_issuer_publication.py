"""Publication with a real PostgreSQL and object storage: issuer documents, editions of badge classes, status lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from services.issuer import handlers
from services.issuer.domain.issuance import Issuer
from services.issuer.handlers import Ports
from services.issuer.storage import editions
from shared.events import AssertionIssued
from tests.worlds.credentials import SOURCES, renewed
from tests.worlds.issuer import World, dying_at, id_of, order, side_by_side

FORMS = ("json", "png", "svg")
FIRST = {
    "issuer/did.json",
    "issuer/profile.json",
    "issuer/image.png",
    "status/1.json",
    *(f"badges/{id}/2026.{form}" for id in SOURCES.issuer.programme.qualifications for form in FORMS),
}


def other_text(world: World, description: str) -> Ports:
    """The issuer after an edit of the programme: another text about one qualification."""
    programme = SOURCES.issuer.programme
    named = programme.qualifications["gishi"]
    changed = msgspec.structs.replace(named, description=msgspec.structs.replace(named.description, ja=description))
    edited = msgspec.structs.replace(programme, qualifications={**programme.qualifications, "gishi": changed})
    return world.ports_with(replace(SOURCES, issuer=Issuer(edited, SOURCES.issuer.public_url)))


def other_art(world: World, colour: str) -> Ports:
    """The issuer after an edit of a badge's colour."""
    programme = SOURCES.issuer.programme
    changed = msgspec.structs.replace(programme.qualifications["gishi"], colour=colour)
    edited = msgspec.structs.replace(programme, qualifications={**programme.qualifications, "gishi": changed})
    return world.ports_with(replace(SOURCES, issuer=Issuer(edited, SOURCES.issuer.public_url)))


def gishi(number: int, **changes: Any) -> Any:
    return renewed(number, qualification="gishi", **changes)


# ── documents ──────────────────────────────────────────────────────────────────────────────────────────


def test_every_document_that_credentials_point_to_is_published(world: World) -> None:
    handlers.issue([renewed(1, valid_from=date(2025, 4, 1))], world.ports)
    assert handlers.publish(world.ports) == 7
    assert world.shelf.kept == FIRST | {f"badges/shunin-gishi/2025.{form}" for form in FORMS}
    assert handlers.publish(world.ports) == 0


def test_publishing_goes_on_after_an_outage_of_the_storage(world: World) -> None:
    handlers.begin(world.ports)
    world.shelf.away = True
    assert handlers.publish(world.ports) == 0
    world.shelf.away = False
    assert handlers.publish(world.ports) == 0  # not at once
    world.wait(seconds=2)
    assert handlers.publish(world.ports) == 6
    assert world.shelf.kept == FIRST


def test_a_changed_programme_is_published_at_once(world: World) -> None:
    world.publish()
    programme = SOURCES.issuer.programme
    fewer = {id: each for id, each in programme.qualifications.items() if id != "gishi"}
    moved = replace(
        SOURCES, issuer=Issuer(msgspec.structs.replace(programme, qualifications=fewer), "https://elsewhere.example")
    )
    world.shelf.puts.clear()
    assert handlers.publish(world.ports_with(moved)) == 8  # the former badges are there still, two are new
    assert world.shelf.json("issuer/profile.json")["id"] == "did:web:elsewhere.example"
    assert world.shelf.json("badges/gishi/2026.json")["id"] == "https://badges.example.jp/badges/gishi/2026.json"


def test_a_lost_object_comes_back_with_the_same_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    before = {key: world.shelf.get(key) for key in FIRST if key.startswith("badges/")}
    world.shelf.lose(*before)
    monkeypatch.setattr(editions, "draw_class", lambda *_: pytest.fail("drawn again"))
    world.wait(days=1, seconds=1)
    world.publish()
    assert {key: world.shelf.get(key) for key in before} == before


# ── editions ───────────────────────────────────────────────────────────────────────────────────────────


def test_changed_text_is_a_new_edition_for_what_is_issued_from_then_on(world: World) -> None:
    world.issue(gishi(1))
    world.publish()
    before = {form: world.shelf.get(f"badges/gishi/2026.{form}") for form in FORMS}
    later = other_text(world, "改訂した説明。")
    handlers.issue([gishi(2), renewed(4)], later)
    world.issue()
    while handlers.publish(later):
        pass
    editions = {event.key: event.edition for event in world.announced(AssertionIssued)}
    assert editions == {id_of(1): "2026", id_of(2): "2026-2", id_of(4): "2026"}  # 4 is of another class
    achievement = world.credential(id_of(2))["credentialSubject"]["achievement"]
    site = SOURCES.issuer.public_url
    assert achievement["id"] == f"{site}/badges/gishi/2026-2.json"
    assert achievement["image"]["id"] == f"{site}/badges/gishi/2026-2.png"
    published = world.shelf.json("badges/gishi/2026-2.json")
    assert {name: value for name, value in published.items() if name != "@context"} == achievement
    assert {form: world.shelf.get(f"badges/gishi/2026.{form}") for form in FORMS} == before
    assert world.shelf.get("badges/gishi/2026-2.png") == before["png"]  # only the text is another


def test_changed_art_is_a_new_edition_and_the_old_one_keeps_its_bytes(world: World) -> None:
    world.publish()
    before = world.shelf.get("badges/gishi/2026.png")
    later = other_art(world, "#402060")
    while handlers.publish(later):
        pass
    world.wait(days=2)
    while handlers.publish(later):
        pass
    assert world.shelf.get("badges/gishi/2026.png") == before
    assert world.shelf.get("badges/gishi/2026-2.png") != before
    assert world.rows("select count(*) from badge_classes") == [(4,)]


def test_two_releases_side_by_side_make_two_editions(world: World) -> None:
    later = other_text(world, "改訂した説明。")
    for number in range(1, 7, 2):
        handlers.issue([gishi(number)], world.ports)
        handlers.issue([gishi(number + 1)], later)
        handlers.publish(world.ports)
        handlers.publish(later)
    world.issue()
    editions = {event.key: event.edition for event in world.announced(AssertionIssued)}
    assert editions == {id_of(number): "2026" if number % 2 else "2026-2" for number in range(1, 7)}
    assert world.rows("select count(*) from badge_classes where qualification = 'gishi'") == [(2,)]


def test_several_processes_that_draw_at_once_make_one_edition(world: World) -> None:
    later = other_text(world, "改訂した説明。")
    side_by_side(
        lambda: handlers.issue([gishi(1)], world.ports),
        lambda: handlers.issue([gishi(2)], world.ports),
        lambda: handlers.publish(world.ports),
    )
    side_by_side(lambda: handlers.issue([gishi(3)], later), lambda: handlers.issue([gishi(4)], later))
    editions = world.rows("select edition from badge_classes where qualification = 'gishi' order by 1")
    assert editions == [("2026",), ("2026-2",)]


def test_nothing_is_drawn_while_nothing_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    for name in ("draw_class", "draw_image"):
        monkeypatch.setattr(editions, name, lambda *_: pytest.fail("drawn again"))
    world.issue(gishi(1), renewed(2), renewed(4))
    handlers.begin(world.ports)
    world.publish()
    world.wait(days=1, seconds=1)
    world.publish()


def test_after_dying_while_an_edition_is_made_there_is_no_new_edition(world: World) -> None:
    dying = dying_at("save_edition_source", world)
    with pytest.raises(KeyboardInterrupt):
        handlers.issue([gishi(1)], dying)
    dying.store.close()
    assert world.rows("select * from badge_classes") == []
    world.issue(gishi(1))
    assert [event.edition for event in world.announced(AssertionIssued)] == ["2026"]


# ── late puts ──────────────────────────────────────────────────────────────────────────────────────────


def test_after_a_publisher_died_the_list_is_published_once_more(world: World) -> None:
    world.publish()
    dying = dying_at("mark_published", world)
    world.wait(days=1, seconds=1)
    with pytest.raises(KeyboardInterrupt):
        handlers.publish_one("status/1", dying)  # its put may take effect late, over a newer one
    dying.store.close()
    world.wait(seconds=1)
    world.publish()
    world.shelf.puts.clear()
    world.wait(seconds=30)
    world.publish()
    assert world.shelf.keys == []
    world.wait(seconds=30)
    world.publish()
    assert world.shelf.keys == ["status/1.json"]
    world.now += timedelta(hours=1)
    world.publish()
    assert world.shelf.keys == ["status/1.json"]


def test_what_is_revoked_while_the_list_is_being_put_is_published_next(world: World) -> None:
    world.issue(renewed(1))
    world.publish()
    world.wait(days=1, seconds=1)
    place: dict[str, Any] = {}

    class Slow:
        def put(self, key: str, body: bytes, content_type: str) -> None:
            if key == "status/1.json" and not place:
                place["revoked"] = True
                handlers.revoke([order(id_of(1))], world.ports)  # returns while we hold the lock of the list
            world.shelf.put(key, body, content_type)

        def get(self, key: str) -> bytes:
            return world.shelf.get(key)

        list_keys, delete = world.shelf.list_keys, world.shelf.delete

    handlers.publish(replace(world.ports, objects=Slow()))
    assert world.published_bits() == set()
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(1)])


# ── one at fault ───────────────────────────────────────────────────────────────────────────────────────


class Spiteful:
    """The storage, on whose client some keys work as a bug would: it raises what nobody expects."""

    def __init__(self, world: World, fault: Exception, *keys: str) -> None:
        self._shelf, self._fault, self._keys = world.shelf, fault, keys

    def put(self, key: str, body: bytes, content_type: str) -> None:
        if key.startswith(self._keys):
            raise self._fault
        self._shelf.put(key, body, content_type)

    def get(self, key: str) -> bytes:
        return self._shelf.get(key)

    def list_keys(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        return self._shelf.list_keys(prefix, after, limit)

    def delete(self, key: str) -> None:
        self._shelf.delete(key)


FAULTS = [TypeError("no bytes"), KeyError("checksum"), OverflowError("too large")]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_credential_that_can_not_be_stored_delays_no_other(fault: Exception, world: World) -> None:
    handlers.issue([renewed(number) for number in (1, 2, 3)], world.ports)
    failing = replace(world.ports, objects=Spiteful(world, fault, f"credentials/{id_of(2)}"))
    assert handlers.store(failing) == 2
    assert {event.key for event in world.announced(AssertionIssued)} == {id_of(1), id_of(3)}
    assert handlers.store(failing) == 0
    world.wait(minutes=10)
    assert handlers.store(world.ports) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_document_that_can_not_be_published_delays_no_other(fault: Exception, world: World) -> None:
    failing = replace(world.ports, objects=Spiteful(world, fault, "issuer/profile", "badges/gishi/"))
    assert handlers.publish(failing) > 0
    left = {key for key in FIRST if key.startswith(("issuer/", "badges/gishi/"))}
    assert FIRST - left <= world.shelf.kept
    assert "issuer/image.png" in world.shelf.kept
    assert not world.shelf.kept & {f"badges/gishi/2026.{form}" for form in FORMS}
    world.wait(minutes=10)
    handlers.publish(world.ports)
    assert world.shelf.kept == FIRST


def test_a_badge_class_that_can_not_be_drawn_delays_no_document_that_is_due(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers.issue([gishi(1)], world.ports)
    world.publish()
    world.shelf.lose("status/1.json")
    world.wait(days=2)

    def fails(*_: Any) -> Any:
        raise ValueError("the font lacks a character")

    monkeypatch.setattr(handlers, "current_editions", fails)
    assert handlers.publish(world.ports) > 0
    assert "status/1.json" in world.shelf.kept
