"""How a credential is put: without reading storage first, unless storage may hold it from before a restore."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.issuer import handlers
from services.issuer.handlers import Ports
from services.issuer.storage.only_stored import OnlyStored
from shared import object_keys
from shared.errors import NotFound, TryLater
from shared.events import AssertionIssued
from tests.worlds.credentials import renewed
from tests.worlds.issuer import World, corrected, dying_at, id_of
from tests.worlds.issuer_restored import anchor, restore, start
from tests.worlds.recalled import back_up

CREDENTIALS = object_keys.CREDENTIALS


def listed(world: World) -> Ports:
    """The issuer after another start: it has listed storage."""
    ports = replace(world.ports, only_stored=OnlyStored())
    while not ports.only_stored.is_listed:
        handlers.list_credentials(ports)
    return ports


def reads(world: World) -> list[str]:
    """Credentials that were read so far."""
    return [key for key in world.shelf.gets if key.startswith(CREDENTIALS)]


def issue(ports: Ports, *numbers: int) -> None:
    handlers.issue([renewed(number) for number in numbers], ports)
    while handlers.store(ports):
        pass


def test_a_new_credential_is_put_by_one_call(world: World) -> None:
    issue(listed(world), 1, 2, 3)
    assert reads(world) == []
    assert len(world.shelf.puts) == len(world.announced(AssertionIssued)) == 3


def test_what_this_issuer_has_stored_itself_costs_the_next_start_no_reads(world: World) -> None:
    issue(listed(world), 1, 2, 3)
    handlers.issue([corrected(1, 2)], ports := listed(world))
    issue(ports, 4)
    assert reads(world) == []
    assert len(world.announced(AssertionIssued)) == 5


@pytest.mark.parametrize("lost", ["all", "the last"])
def test_credentials_that_only_storage_has_are_adopted_and_the_others_put_unread(world: World, lost: str) -> None:
    if lost == "all":
        backup = back_up(world.ports.store)
    issue(world.ports, 1, 2)
    if lost == "the last":
        backup = back_up(world.ports.store)
    issue(world.ports, 3)
    anchored = {number: anchor(world, number) for number in (2, 3)}
    restore(world, backup)  # and Kafka is lost, too
    start(world)
    world.shelf.gets.clear()
    issue(listed(world), 1, 2, 3, 4)
    only_stored = {1, 2, 3} if lost == "all" else {3}
    assert set(reads(world)) == {object_keys.credential(id_of(number)) for number in only_stored}
    assert world.shelf.keys == [object_keys.credential(id_of(4))]
    for number, body in anchored.items():
        assert world.shelf.get(object_keys.credential(id_of(number))) == body


def test_one_that_was_put_and_not_announced_is_read_by_the_next_process(world: World) -> None:
    handlers.issue([renewed(1)], world.ports)
    dying = dying_at("mark_stored", world)
    with pytest.raises(KeyboardInterrupt):
        handlers.store(dying)
    dying.store.close()
    anchored = anchor(world, 1)  # a restore to just before the commit, whose announcement others have read
    ports = listed(world)
    assert handlers.store(ports) == 1
    assert world.shelf.get(object_keys.credential(id_of(1))) == anchored


def test_until_storage_is_listed_each_credential_is_read_first(world: World) -> None:
    ports = replace(world.ports, only_stored=OnlyStored())
    world.shelf.away = True
    with pytest.raises(TryLater):
        handlers.list_credentials(ports)
    world.shelf.away = False
    issue(ports, 1)
    assert handlers.list_credentials(ports) == 1  # a page; the next one tells that it was the last
    issue(ports, 2)
    while not ports.only_stored.is_listed:
        handlers.list_credentials(ports)
    issue(ports, 3)
    assert reads(world) == [object_keys.credential(id_of(number)) for number in (1, 2)]


def test_a_credential_that_was_lost_after_the_listing_is_not_put_again_by_store(world: World) -> None:
    issue(ports := listed(world), 1)
    world.shelf.lose(object_keys.credential(id_of(1)))
    issue(ports, 1, 2)
    with pytest.raises(NotFound):
        world.shelf.get(object_keys.credential(id_of(1)))  # `akashi scrub --repair` makes it again
