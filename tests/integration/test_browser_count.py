"""The count checked in the browser and by Python, on the same statements, site and node: they must agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from deploy.local.ports import free_port
from services.verifier.check.count import CountVerdict
from shared import object_keys
from tests.worlds.browser_check import Answer, Case, ask_browser_check
from tests.worlds.count_forgeries import FORGERIES
from tests.worlds.counts import CHAIN_ID, CONTRACT, CountWorld, sound_world
from tests.worlds.socket_server import running
from tests.worlds.status_forgeries import serve_list


class Sites:
    """Worlds under paths of one server, each with its site and its node."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"
        self.worlds: dict[str, CountWorld] = {}

    def add(self, name: str) -> CountWorld:
        self.worlds[name] = sound_world(f"{self.url}/{name}")
        return self.worlds[name]

    def both(self, *names: str) -> list[tuple[CountVerdict, Answer]]:
        """Of the newest statement of each world. They agree in kind, and in each check's outcome and code."""
        cases = [self._case(self.worlds[name]) for name in names]
        answers = ask_browser_check({}, *cases)
        verdicts = [self.worlds[name].verdict() for name in names]
        for name, verdict, answer in zip(names, verdicts, answers, strict=True):
            mine = [(check.number, check.outcome, check.code) for check in verdict.checks]
            assert [(each["number"], each["outcome"], each["code"]) for each in answer["checks"]] == mine, name
            assert (answer["kind"], answer["genuine"]) == (verdict.kind, verdict.is_genuine), name
        return list(zip(verdicts, answers, strict=True))

    def _case(self, world: CountWorld) -> Case:
        issuer = {
            "did": world.issuer.did,
            "publicUrl": world.url,
            "didDocumentUrl": f"{world.url}/did.json",
            "pinned": None,
            "networks": [{"network": "local", "chainId": CHAIN_ID, "registry": CONTRACT}],
        }
        file = world.kept[object_keys.newest_statement("2026")]
        away = tuple(f"{world.url}/{key}" for key in world.away)
        return Case(file, world.now, f"{world.url}/node", away=away, issuer=issuer)


class _Handler(BaseHTTPRequestHandler):
    sites: Sites

    def do_GET(self) -> None:
        _, name, key = self.path.split("/", 2)
        body = self.sites.worlds[name].kept.get(object_keys.DID_DOCUMENT if key == "did.json" else key)
        self._send(404 if body is None else 200, body or b"{}")

    def do_POST(self) -> None:
        """The node of a world, as far as the check asks it."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        world = self.sites.worlds[self.path.split("/")[1]]
        self._send(200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": _result(world, asked)}).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _result(world: CountWorld, asked: dict[str, Any]) -> Any:
    match asked["method"]:
        case "eth_chainId":
            return hex(CHAIN_ID)
        case "eth_getBlockByNumber":
            return {"number": hex(9)}
        case "eth_getCode":
            return "0x6000"
        case "eth_call":
            root = bytes.fromhex(asked["params"][0]["data"][10:])
            if root not in world.roots:
                return "0x" + "0" * 192
            taken_back = world.roots[root]
            words = (1, 5, 0 if taken_back is None else int(taken_back.timestamp()))
            return "0x" + "".join(f"{word:064x}" for word in words)
    sent = world.sent.get(asked["params"][0])  # if the node hasn't forgotten it
    if sent is None:
        return None
    if asked["method"] == "eth_getTransactionByHash":
        return {"hash": sent.hash, "to": sent.to, "input": "0x" + sent.input.hex()}
    block = None if sent.block_number is None else hex(sent.block_number)
    return {"transactionHash": sent.hash, "status": hex(bool(sent.succeeded)), "blockNumber": block}


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    port = free_port()
    made = Sites(port)
    with running(ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"sites": made}))):
        yield made


def test_both_find_the_same_in_every_forgery(sites: Sites) -> None:
    for name, (forge, _, _) in FORGERIES.items():
        forge(sites.add(name))
    for verdict, _ in sites.both(*FORGERIES):
        assert verdict.kind == "not-right"


def test_both_count_only_the_bits_of_a_status_list_in_force(sites: Sites) -> None:
    names = ("for suspension", "another list", "more after its end", "out of date", "of the future", "as issued")
    for place, name in enumerate(names):
        serve_list(sites.add(f"list-{place}"), name)
    later = sites.add("list-later")
    serve_list(later, "as issued", later.now - timedelta(days=8))
    without = sites.add("list-without-beginning")
    serve_list(without, "without a beginning")
    found = sites.both(*(f"list-{place}" for place in range(len(names))), "list-later", "list-without-beginning")
    seventh = [verdict.checks[6].outcome for verdict, _ in found]
    assert seventh == ["unknown"] * 5 + ["ok"] + ["unknown"] * 2


def test_both_agree_on_what_is_right_what_waits_and_what_has_no_answer(sites: Sites) -> None:
    sites.add("new")
    sites.add("recorded").anchor()
    later = sites.add("revoked-later")
    later.now = later.now.replace(hour=23)
    later.revoke(later.badges[5:6])
    hidden = sites.add("hidden")
    badges = hidden.badges[40:41]
    hidden.revoke(badges)
    badges[0].state = "valid"
    hidden.state()
    away = {
        "no-keys": object_keys.DID_DOCUMENT,
        "no-statement": object_keys.statement("2026", 2),
        "no-list": object_keys.stated_leaves("2026", 1),
        "no-status": object_keys.status_list(1),
        "no-index": object_keys.STATEMENT_INDEX,
        "no-other": object_keys.statement("2025", 1),
    }
    for name, key in away.items():
        world = sites.add(name)
        world.anchor()
        world.away.add("did.json" if key == object_keys.DID_DOCUMENT else key)
        world.away.add(key)
    found = sites.both("new", "recorded", "revoked-later", "hidden", *away)
    assert [verdict.kind for verdict, _ in found] == [
        "not-recorded-yet",
        "right",
        "not-recorded-yet",
        "not-right",
        *["could-not-check"] * len(away),
    ]


def test_the_browser_asks_for_nothing_but_the_count_and_the_chain(sites: Sites) -> None:
    world = sites.add("asked")
    [(_, answer)] = sites.both("asked")
    paths = {url.removeprefix(world.url).split("/")[1] for url in answer["asked"]}
    assert paths == {"did.json", "statements", "batches", "status", "node"}
    assert msgspec.json.decode(world.kept[object_keys.STATEMENT_INDEX]) == {"cohorts": {"2025": 2, "2026": 3}}
