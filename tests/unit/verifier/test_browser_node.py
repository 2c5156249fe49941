"""The check in the browser against nodes and sites that are out of order or lie: no answer, never a wrong one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.credentials.credential import leaf_of
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import Anchor, MerkleProof, encode_proof
from tests.worlds.browser_check import Answer, Case, ask_browser_check
from tests.worlds.credentials import DID, ISSUER, NOW, credential
from tests.worlds.socket_server import running

REGISTRY = "0x" + "ab" * 20
TRANSACTION = "0x" + "cd" * 32
NOON = NOW + timedelta(hours=3)
PAGE: dict[str, Any] = {
    "did": ISSUER.did,
    "publicUrl": ISSUER.public_url,
    "didDocumentUrl": f"{ISSUER.public_url}/.well-known/did.json",
    "pinned": {"document": DID, "copiedOn": "2026-04-01"},
    "networks": [{"network": "local", "chainId": 31337, "registry": REGISTRY.upper().replace("0X", "0x")}],
}
SIGNED = credential(1)
LEAF = bytes.fromhex(leaf_of(SIGNED))
TREE = merkle_tree([LEAF, b"\1" * 32])
VALUE = MerkleProof(
    path=TREE.proof(LEAF), merkle_root=TREE.root, target_hash=LEAF, anchors=(Anchor(31337, TRANSACTION),)
)
PROOF = {
    "type": "DataIntegrityProof",
    "cryptosuite": "merkle-proof-2019",
    "created": "2026-04-02T00:00:00Z",
    "verificationMethod": f"{ISSUER.did}#chain",
    "proofPurpose": "assertionMethod",
    "proofValue": encode_proof(VALUE),
}
CONTENT = json.dumps({**SIGNED, "proof": [*SIGNED["proof"], PROOF]}).encode()

Reply = tuple[int, bytes]


def words(*numbers: int) -> str:
    return "0x" + "".join(f"{number:064x}" for number in numbers)


HONEST: dict[str, Any] = {
    "eth_chainId": "0x7a69",
    "eth_getBlockByNumber": {"number": "0x20"},
    "eth_getCode": "0x60806040",
    "eth_call": words(1775000000, 12, 0),
    "eth_getTransactionByHash": {"hash": TRANSACTION, "to": REGISTRY, "input": "0x" + TREE.root.hex()},
    "eth_getTransactionReceipt": {"transactionHash": TRANSACTION, "status": "0x1", "blockNumber": "0xc"},
}


@contextmanager
def node(reply: Callable[[dict[str, Any]], Reply]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A node's address, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(request)
            status, body = reply(request)
            self.send_response(status)
            if status == 302:
                self.send_header("location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to a test's output."""

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/v3/the-visitors-key", asked


def answering(**changes: Any) -> Callable[[dict[str, Any]], Reply]:
    """A node that is honest but for these results."""

    def reply(request: dict[str, Any]) -> Reply:
        return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": {**HONEST, **changes}[request["method"]]}).encode()

    return reply


def sevenths(*replies: Callable[[dict[str, Any]], Reply]) -> list[str]:
    """The outcome of check 7 by each node, with the issuer's site away."""
    with ExitStack() as nodes:
        urls = [nodes.enter_context(node(reply))[0] for reply in replies]
        answers = ask_browser_check(PAGE, *(Case(CONTENT, NOON, url, away=("https://",)) for url in urls))
    return [of(answer) for answer in answers]


def of(answer: Answer) -> str:
    """All before check 7 but revocation is right."""
    assert [check["outcome"] for check in answer["checks"][:6]] == ["ok", "ok", "ok", "ok", "unknown", "ok"]
    assert "the-visitors-key" not in json.dumps(answer["checks"])  # what a visitor copies into a mail
    return str(answer["checks"][6]["outcome"])


def test_an_honest_node_makes_check_seven_ok() -> None:
    with node(answering()) as (url, asked):
        [answer] = ask_browser_check(PAGE, Case(CONTENT, NOON, url, away=("https://",)))
    assert of(answer) == "ok"
    call = next(each for each in asked if each["method"] == "eth_call")
    assert call["params"] == [{"to": REGISTRY, "data": "0xcf4ff901" + TREE.root.hex()}, "latest"]


NONSENSE: list[dict[str, Any]] = [
    {"eth_chainId": "0x1"},
    {"eth_chainId": 31337},
    {"eth_chainId": "0x" + "f" * 65},
    {"eth_chainId": None},
    {"eth_getBlockByNumber": None},
    {"eth_getBlockByNumber": {"number": None}},
    {"eth_getBlockByNumber": [1]},
    {"eth_getCode": "0x"},
    {"eth_getCode": {}},
    {"eth_call": "0x"},
    {"eth_call": words(1, 2)},
    {"eth_call": words(1, 2, 3, 4)},
    {"eth_call": words(1, 2**255, 0)},
    {"eth_call": {"toString": 1}},
    {"eth_getTransactionByHash": {"hash": "0x" + "ee" * 32, "to": REGISTRY, "input": "0x"}},
    {"eth_getTransactionByHash": 5},
    {"eth_getTransactionReceipt": {}},
    {"eth_getTransactionReceipt": {"transactionHash": "0x" + "ee" * 32, "status": "0x1", "blockNumber": "0xc"}},
    {"eth_getTransactionReceipt": {"transactionHash": TRANSACTION, "status": "0x1", "blockNumber": "twelve"}},
]


def test_nonsense_of_a_node_leaves_check_seven_unknown() -> None:
    outcomes = sevenths(*(answering(**changes) for changes in NONSENSE))
    assert [changes for changes, outcome in zip(NONSENSE, outcomes, strict=True) if outcome != "unknown"] == []


SAID: list[tuple[dict[str, Any], str]] = [
    ({"eth_call": words(0, 0, 0)}, "failed"),
    ({"eth_call": words(1775000000, 12, 1775000100)}, "failed"),
    ({"eth_call": words(1775000000, 33, 0)}, "unknown"),  # not final
    ({"eth_getTransactionByHash": {**HONEST["eth_getTransactionByHash"], "to": "0x" + "cc" * 20}}, "failed"),
    ({"eth_getTransactionByHash": {**HONEST["eth_getTransactionByHash"], "to": None}}, "failed"),
    (
        {
            "eth_call": words(1775000000, 33, 0),
            "eth_getTransactionByHash": {**HONEST["eth_getTransactionByHash"], "to": "0x" + "cc" * 20},
        },
        "failed",
    ),
    ({"eth_getTransactionByHash": {**HONEST["eth_getTransactionByHash"], "input": "0x"}}, "failed"),
    ({"eth_getTransactionReceipt": {**HONEST["eth_getTransactionReceipt"], "status": "0x0"}}, "failed"),
    ({"eth_getTransactionReceipt": {**HONEST["eth_getTransactionReceipt"], "blockNumber": "0xd"}}, "failed"),
    ({"eth_getTransactionReceipt": None}, "failed"),
    ({"eth_getTransactionByHash": None}, "ok"),  # nodes forget transactions; the registry doesn't
]


def test_a_root_in_one_of_two_registries_on_a_chain_is_found() -> None:
    other = "0x" + "cd" * 20

    def reply(request: dict[str, Any]) -> Reply:
        knows = request["params"][0].get("to") == REGISTRY if request["method"] == "eth_call" else True
        return answering(**({} if knows else {"eth_call": words(0, 0, 0)}))(request)

    networks = [{"network": "former", "chainId": 31337, "registry": other}, *PAGE["networks"]]
    with node(reply) as (url, _):
        [answer] = ask_browser_check({**PAGE, "networks": networks}, Case(CONTENT, NOON, url, away=("https://",)))
    assert of(answer) == "ok"


def test_a_root_that_one_of_two_registries_on_a_chain_has_revoked_is_revoked() -> None:
    other = "0x" + "cd" * 20

    def reply(request: dict[str, Any]) -> Reply:
        is_other = request["method"] == "eth_call" and request["params"][0].get("to") == other
        return answering(**({"eth_call": words(1775000000, 12, 1775000100)} if is_other else {}))(request)

    networks = [*PAGE["networks"], {"network": "former", "chainId": 31337, "registry": other}]
    with node(reply) as (url, _):
        [answer] = ask_browser_check({**PAGE, "networks": networks}, Case(CONTENT, NOON, url, away=("https://",)))
    assert (of(answer), answer["kind"]) == ("failed", "revoked")


def test_what_the_chain_says_decides_check_seven() -> None:
    outcomes = sevenths(*(answering(**changes) for changes, _ in SAID))
    assert outcomes == [expected for _, expected in SAID]


BROKEN: list[Reply] = [
    (500, b"{}"),
    (200, b"<html>"),
    (200, b""),
    (200, b"null"),
    (200, b"[]"),
    (200, b'{"jsonrpc":"2.0","id":1}'),
    (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":{"toString":1}}}'),
    (200, b" " * 5_000_000),
    (302, b""),  # a redirect would tell a third party that the visitor did not choose
]


def test_a_broken_node_leaves_check_seven_unknown() -> None:
    def always(reply: Reply) -> Callable[[dict[str, Any]], Reply]:
        return lambda _: reply

    assert sevenths(*(always(reply) for reply in BROKEN)) == ["unknown"] * len(BROKEN)
