"""Badges at URLs of others, fetched from real servers on this machine by names that a test resolves."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpcore
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.local.loopback import ask
from services.verifier.config import Limits
from services.verifier.sources import fetch
from services.verifier.sources.cache import CachedSite
from services.verifier.sources.fetch import Fetcher
from services.verifier.sources.public_address import Refused
from shared.errors import NotFound, TryLater
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.http_server import serving
from tests.worlds.postgres import Databases
from tests.worlds.verifier import UNLIMITED, VerifierWorld, verifier_world

BODY = b'{"a": 1}'


class Elsewhere:
    """A stranger's site. It counts who asked for what, by the Host header."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        self.asked.append((request.headers["host"], path))
        if path.startswith("to/"):
            return RedirectResponse(path.removeprefix("to/"), 302)
        match path:
            case "good":
                return Response(BODY, media_type="application/json")
            case "page":
                return Response("<p>", media_type="text/html")
            case "zipped":
                return Response(b"x", media_type="application/json", headers={"content-encoding": "gzip"})
            case "round":
                return RedirectResponse("/round", 307)
            case "huge":
                return StreamingResponse((b" " * 65_536 for _ in range(100)), media_type="application/json")
            case "slow":
                return StreamingResponse(_drips(), media_type="application/json")
            case "broken":
                return Response("", 500)
        return Response("", 404)


async def _drips() -> Any:
    import asyncio

    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[tuple[Elsewhere, int]]:
    site = Elsewhere()
    with serving(site.app()) as url:
        yield site, int(url.rpartition(":")[2])


PUBLIC = "8.8.4.4"


def to(port: int) -> fetch.Connect:
    """What is sent to the stranger's public address arrives at its server on this machine; nothing else goes out."""

    def connect(address: str, _: int, seconds: float) -> httpcore.NetworkStream:
        assert address == PUBLIC
        return fetch.connect("127.0.0.1", port, seconds)

    return connect


def names(**known: list[str]) -> fetch.Resolve:
    """A resolver by which each name has these addresses, one after the other at each question."""
    left = {name.replace("_", "."): list(addresses) for name, addresses in known.items()}

    def resolve(host: str, port: int) -> list[str]:
        if host not in left:
            return [host]
        return [left[host].pop(0) if len(left[host]) > 1 else left[host][0]]

    return resolve


def test_a_badge_elsewhere_is_fetched(elsewhere: tuple[Elsewhere, int]) -> None:
    site, port = elsewhere
    fetch = Fetcher(names(good_example=[PUBLIC]), to(port))
    assert fetch("http://good.example/good") == BODY
    assert fetch("http://good.example/to//good") == BODY
    assert site.asked[-1] == ("good.example", "good")
    for path in ("page", "zipped", "huge", "round"):
        with pytest.raises(Refused):
            fetch(f"http://good.example/{path}")
    with pytest.raises(NotFound):
        fetch("http://good.example/nothing")
    with pytest.raises(TryLater):
        fetch("http://good.example/broken")


def test_a_redirect_into_this_machine_is_refused(elsewhere: tuple[Elsewhere, int]) -> None:
    site, port = elsewhere
    fetch = Fetcher(names(good_example=[PUBLIC], inner_example=["127.0.0.1"]), to(port))
    site.asked.clear()
    for there in ("http://127.0.0.1/good", "http://inner.example/good", "http://[::1]/good", "file:///etc/passwd"):
        with pytest.raises(Refused):
            fetch(f"http://good.example/to/{there}")
    assert {path for _, path in site.asked if path == "good"} == set()


def test_a_name_is_resolved_once_and_the_connection_goes_to_that_address(
    elsewhere: tuple[Elsewhere, int],
) -> None:
    """DNS rebinding: the name is asked for once for a connection, and each answer is looked at."""
    site, port = elsewhere
    assert Fetcher(names(two_example=[PUBLIC, "127.0.0.1"]), to(port))("http://two.example/good") == BODY
    site.asked.clear()
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        Fetcher(names(two_example=[PUBLIC, "127.0.0.1"]), to(port))("http://two.example/to//good")
    assert ("two.example", "good") not in site.asked


def test_a_host_with_one_private_address_is_refused() -> None:
    with pytest.raises(Refused):
        Fetcher(lambda host, port: ["8.8.8.8", "10.0.0.1"])("http://both.example/")


def test_a_site_that_answers_slowly_is_left_in_time(elsewhere: tuple[Elsewhere, int]) -> None:
    _, port = elsewhere
    began = time.monotonic()
    with pytest.raises(TryLater):
        Fetcher(names(good_example=[PUBLIC]), to(port), seconds=0.5)("http://good.example/slow")
    assert time.monotonic() - began < 5  # it would drip for ten


# ── in the service ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@contextmanager
def running(databases: Databases, chain: Anvil, limits: Limits = UNLIMITED) -> Iterator[VerifierWorld]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with verifier_world(chain, databases.fresh(), port, limits) as made:
        yield made


def post(world: VerifierWorld, url: str, **more: Any) -> httpx.Response:
    return ask.post(f"{world.url}/api/v1/verify", params={"url": url}, timeout=30, **more)


def test_a_url_of_ours_is_verified_without_the_network(databases: Databases, chain: Anvil) -> None:
    """PUBLIC_URL may lead to an address of this machine, as it does in a stack of one's own."""
    with running(databases, chain) as world:
        [badge] = world.anchor(world.issue())
        id = str(badge["id"]).rpartition("/")[2].removesuffix(".json")
        for url in (
            f"{world.url}/V/{id}",
            f"{world.url}/V/{id}".upper(),
            badge["id"],
            f"{world.url}/credentials/{id}.png",
        ):
            assert post(world, url).json()["verdict"] == "valid"
        page = ask.post(f"{world.url}/verify?lang=ja", data={"url": badge["id"]})
        assert "有効な証明書です" in page.text.replace("<wbr>", "")
        assert post(world, f"{world.url}/issuer.json").status_code == 422


def test_a_badge_at_a_url_of_others_has_the_verdict_of_its_file(databases: Databases, chain: Anvil) -> None:
    with running(databases, chain) as world:
        [badge] = world.anchor(world.issue())
        content = json.dumps(badge).encode()
        routes = [Route("/badge.json", lambda request: Response(content, media_type="application/json"))]
        with serving(Starlette(routes=routes)) as url:
            world.connect = to(int(url.rpartition(":")[2]))
            world.resolve = names(other_example=[PUBLIC])
            answer = post(world, "http://other.example/badge.json").json()
            assert answer["verdict"] == "valid" and answer["networks"] == ["local"]
            assert post(world, "http://other.example/none.json").json()["verdict"] == "could-not-check"


def test_a_client_over_the_limit_is_told_when_to_try_again(databases: Databases, chain: Anvil) -> None:
    with running(databases, chain, Limits("5/minute", "2/minute", ("127.0.0.0/8",))) as world:

        def ask_as(client: str, **more: Any) -> httpx.Response:
            headers = {"x-forwarded-for": f"8.8.8.8, {client}"}
            return ask.post(f"{world.url}/api/v1/verify", headers=headers, **more)

        assert [ask_as("192.0.2.1", content=b"x").status_code for _ in range(7)] == [200] * 5 + [429] * 2
        refused = ask_as("192.0.2.1", content=b"x")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["access-control-allow-origin"] == "*"
        assert refused.json()["detail"] == "too-many-requests" and "秒" in refused.json()["text"]["ja"]
        page = ask.post(
            f"{world.url}/verify?lang=ja",
            headers={"x-forwarded-for": "192.0.2.1"},
            files={"file": b"x"},
        )
        assert page.status_code == 429 and "しばらくお待ちください" in page.text.replace("<wbr>", "")
        assert ask_as("192.0.2.2", content=b"x").status_code == 200
        url = {"url": "http://127.0.0.1/"}
        assert [ask_as("192.0.2.3", params=url).status_code for _ in range(4)] == [422] * 2 + [429] * 2
        lines = ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::1"]  # one line has a whole /64
        assert [ask_as(lines[n % 3], content=b"x").status_code for n in range(6)] == [200] * 5 + [429]
        unknown = f"{world.url}/V/{'A' * 26}"
        assert ask.get(unknown, headers={"x-forwarded-for": "192.0.2.1"}).status_code == 404


def test_a_file_is_verified_with_copies_while_the_storage_is_away(databases: Databases, chain: Anvil) -> None:
    with running(databases, chain) as world:
        [badge] = world.anchor(world.issue())
        site = CachedSite(world.shelf, world.now)
        object.__setattr__(world.ports, "site", site)
        content = json.dumps(badge).encode()

        def check() -> dict[str, Any]:
            answer: dict[str, Any] = ask.post(f"{world.url}/api/v1/verify", content=content).json()
            return answer

        assert check()["verdict"] == "valid"
        world.shelf.away = True
        world.moment += timedelta(minutes=10)
        answer = check()
        assert answer["verdict"] == "valid"
        assert "a copy 600 s old" in answer["checks"][1]["got"] and "a copy 600 s old" in answer["checks"][4]["got"]
        world.moment += timedelta(days=2)
        assert check()["verdict"] == "could-not-check"
