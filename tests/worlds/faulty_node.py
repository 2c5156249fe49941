"""A node that is slow, fails, lies or lags, for tests: a real HTTP server in front of a real node.

Without a fault it forwards everything. A fault changes what some methods answer, until `heal`.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Ask = Callable[[], Any]
Fault = Callable[[str, list[Any], Ask], Any]
"""Given the method, its parameters, and a function that gets the true result: the result to give instead."""


class Broken(Exception):
    """Answer with this HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class FaultyNode:
    """Its URL, its fault, and how often each method was called."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.fault: Fault | None = None
        self.asked: Counter[str] = Counter()
        self._client = httpx.Client(timeout=30)
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                try:
                    status, answer = 200, node.answer(body)
                except Broken as broken:
                    status, answer = broken.status, {"error": "broken"}
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                return  # the client has given up on a late answer

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def heal(self) -> None:
        self.fault = None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        method, parameters = body["method"], body.get("params") or []
        self.asked[method] += 1

        def ask() -> Any:
            try:
                true = self._client.post(self.behind, json=body).json()
            except httpx.HTTPError as error:
                raise Broken(502) from error
            if "error" in true:
                raise Refusal(true["error"])
            return true["result"]

        head = {"jsonrpc": "2.0", "id": body.get("id")}
        try:
            return {**head, "result": self.fault(method, parameters, ask) if self.fault else ask()}
        except Refusal as error:
            return {**head, "error": error.args[0]}


class Refusal(Exception):
    """Answer with this JSON-RPC error: {"code": …, "message": …}."""


@contextmanager
def faulty_node(behind: str) -> Iterator[FaultyNode]:
    node = FaultyNode(behind)
    try:
        yield node
    finally:
        node.close()


def late(seconds: float) -> Fault:
    def fault(method: str, parameters: list[Any], ask: Ask) -> Any:
        time.sleep(seconds)
        return ask()

    return fault


def broken(status: int = 500) -> Fault:
    def fault(method: str, parameters: list[Any], ask: Ask) -> Any:
        raise Broken(status)

    return fault


def wrong_chain(chain_id: int = 1) -> Fault:
    return _instead("eth_chainId", lambda true: hex(chain_id))


def stale_receipts() -> Fault:
    """It has stopped following the chain: transactions are pending, receipts unknown."""

    def fault(method: str, parameters: list[Any], ask: Ask) -> Any:
        if method == "eth_getTransactionReceipt":
            return None
        true = ask()
        if method == "eth_getTransactionByHash" and true:
            return {**true, "blockHash": None, "blockNumber": None, "transactionIndex": None}
        return true

    return fault


def lying_finality(ahead: int = 1_000_000) -> Fault:
    """It reports blocks as final that are not."""

    def fault(method: str, parameters: list[Any], ask: Ask) -> Any:
        true = ask()
        if method == "eth_getBlockByNumber" and parameters[:1] == ["finalized"]:
            return {**true, "number": hex(int(true["number"], 16) + ahead)}
        return true

    return fault


def lying_receipts() -> Fault:
    """Every transaction that it knows succeeded, in the newest block."""

    def fault(method: str, parameters: list[Any], ask: Ask) -> Any:
        true = ask()
        if method == "eth_getTransactionReceipt" and true:
            return {**true, "status": "0x1"}
        return true

    return fault


def lying_contract(answer: bytes = bytes(96)) -> Fault:
    """It reports this answer for every contract call: by default that no root is known."""
    return _instead("eth_call", lambda true: "0x" + answer.hex())


def other_blocks(changed: dict[str, Any], *missing: str) -> Fault:
    """A chain that isn't Ethereum's: its blocks have other values, and lack some."""

    def fault(method: str, parameters: list[Any], ask: Ask) -> Any:
        true = ask()
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash") and true:
            return {name: value for name, value in {**true, **changed}.items() if name not in missing}
        return true

    return fault


def _instead(lied_about: str, lie: Callable[[Any], Any]) -> Fault:
    def fault(method: str, parameters: list[Any], ask: Ask) -> Any:
        true = ask()
        return lie(true) if method == lied_about else true

    return fault
