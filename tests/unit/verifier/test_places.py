"""Pools in which nobody waits for a place, and the threads that look names up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event

import httpcore
import pytest

from services.verifier.sources.fetch import Fetcher
from services.verifier.web.places import NoPlace, Places
from shared.errors import TryLater

GENEROUS = 30.0  # seconds; nothing here takes long


@pytest.fixture
def hold() -> Iterator[Event]:
    """Until it is set, whatever waits for it works on."""
    made = Event()
    yield made
    made.set()


async def refusal(places: Places, client: str) -> int:
    with pytest.raises(NoPlace) as refused:
        await places.run(client, lambda: 1)
    assert refused.value.seconds > 0
    return refused.value.status


async def until_free(places: Places, client: str) -> None:
    async def again() -> None:
        while True:
            try:
                assert await places.run(client, lambda: 7) == 7
                return
            except NoPlace:
                await asyncio.sleep(0.01)

    await asyncio.wait_for(again(), GENEROUS)


def test_who_finds_no_place_is_refused_at_once_and_a_client_has_its_share_only(hold: Event) -> None:
    async def story() -> None:
        places = Places("test", 3)
        working = [asyncio.ensure_future(places.run(client, hold.wait)) for client in "abc"]
        await asyncio.sleep(0)
        assert [await refusal(places, client) for client in "abcde"] == [429, 429, 429, 503, 503]
        hold.set()
        assert await asyncio.gather(*working) == [True] * 3
        for client in "abcde":
            await until_free(places, client)

    asyncio.run(story())


def test_one_client_leaves_the_other_places_to_others(hold: Event) -> None:
    async def story() -> None:
        places = Places("test", 4, each=2)
        working = [asyncio.ensure_future(places.run("a", hold.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        assert [await refusal(places, "a") for _ in range(50)] == [429] * 50
        assert await asyncio.wait_for(places.run("b", lambda: "done"), GENEROUS) == "done"
        hold.set()
        await asyncio.gather(*working)

    asyncio.run(story())


def test_work_that_fails_gives_its_place_back() -> None:
    async def story() -> None:
        places = Places("test", 1)
        with pytest.raises(ZeroDivisionError):
            await places.run("a", lambda: 1 // 0)
        await until_free(places, "a")

    asyncio.run(story())


def test_work_holds_its_place_when_its_client_has_gone(hold: Event) -> None:
    async def story() -> None:
        places = Places("test", 1)
        working = asyncio.ensure_future(places.run("a", hold.wait))
        await asyncio.sleep(0.05)  # it has begun
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert await refusal(places, "b") == 503
        hold.set()
        await until_free(places, "b")

    asyncio.run(story())


def test_slow_names_of_some_leave_the_names_of_others(hold: Event) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        if host.startswith("slow"):
            hold.wait(GENEROUS)
        return ["93.184.216.34"]

    def connect(address: str, port: int, seconds: float) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("reached")

    fetcher = Fetcher(resolve, connect, seconds=0.05)
    for number in range(31):
        with pytest.raises(TryLater, match="no address"):
            fetcher(f"http://slow{number}.example/")
    patient = Fetcher(resolve, connect, seconds=GENEROUS)
    patient._resolvers, patient._free = fetcher._resolvers, fetcher._free
    with pytest.raises(TryLater, match="ConnectError"):
        patient("http://good.example/")
    with pytest.raises(TryLater, match="no address"):
        fetcher("http://slow31.example/")
    with pytest.raises(TryLater, match="too many names"):
        patient("http://another.example/")
    assert "another.example" not in asked and len(asked) == 33
