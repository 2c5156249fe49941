"""A private Ethereum chain (anvil), for tests. With `mine_at_once(False)` no block is made without `mine`."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from deploy.local.loopback import ask
from deploy.local.ports import free_port

_ROOT = Path(__file__).parents[2]
_PLATFORM = {"x86_64": "amd64", "aarch64": "arm64"}
CHAIN_ID = 31337


class Anvil:
    """Its URL, and the calls by which a test controls it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = ask.post(self.url, json=body, timeout=10).json()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        self.call("anvil_mine", hex(blocks))

    def fund(self, address: str, ether: int = 10) -> None:
        self.call("anvil_setBalance", address, hex(ether * 10**18))

    def mine_at_once(self, on: bool) -> None:
        self.call("evm_setAutomine", on)


@contextmanager
def anvil(chain_id: int = CHAIN_ID) -> Iterator[Anvil]:
    """A fresh chain on a free port; a block is final four blocks later."""
    port = free_port()
    process = subprocess.Popen(
        [str(_binary()), "--port", str(port), "--chain-id", str(chain_id), "--slots-in-an-epoch", "2", "--silent"]
    )
    try:
        chain = Anvil(f"http://127.0.0.1:{port}")
        _wait_for(chain)
        yield chain
    finally:
        process.kill()
        process.wait()


def _binary() -> Path:
    machine = platform.machine()
    name = f"anvil-{platform.system().lower()}-{_PLATFORM.get(machine, machine)}"
    return _ROOT / "node_modules" / "@foundry-rs" / name / "bin" / "anvil"


def _wait_for(chain: Anvil) -> None:
    deadline = monotonic() + 15
    while True:
        try:
            chain.call("eth_chainId")
            return
        except httpx.HTTPError:
            if monotonic() > deadline:
                raise
            sleep(0.05)
