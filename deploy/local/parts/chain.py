"""Sets up the local chain: a balance for the chain key, and the contract. JSON-RPC to it (anvil_* is anvil's own)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from deploy.local.environment import CHAIN_ID, Place
from deploy.local.loopback import ask
from shared.errors import TryLater

NETWORKS = """\
# The networks on which roots are registered. docs/testnet.md: how to add another.
networks = ["local"]

[local]
name = {{ ja = "試験用のチェーン（このパソコンの中だけ）", en = "Test chain, on this machine only" }}
chain_id = {chain_id}
rpc_urls = ["{url}"]
contract = "{contract}"
"""

_BALANCE = 1000 * 10**18  # wei
_LEAST_BALANCE = 10**18


def answers(place: Place) -> bool:
    """Whether a node with our chain id answers."""
    try:
        return int(rpc(place, "eth_chainId"), 16) == CHAIN_ID
    except TryLater:
        return False


def provision(place: Place) -> None:
    """Fund the chain key and deploy the contract, if that was not done before."""
    address = f"0x{json.loads((place.secrets / 'chain-keystore.json').read_text())['address'].removeprefix('0x')}"
    if int(rpc(place, "eth_getBalance", address, "latest"), 16) < _LEAST_BALANCE:
        rpc(place, "anvil_setBalance", address, hex(_BALANCE))
    file = place.networks_file
    if file.exists() and _is_usable(place, file):
        return
    from services.anchor.network.deploy import deploy_contract  # web3 takes a second to load

    contract = deploy_contract(
        place.urls["chain"], place.secrets / "chain-keystore.json", place.secrets / "chain.password"
    )
    # If we die before this line, the next start deploys another contract; nothing was anchored in the first.
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(NETWORKS.format(chain_id=CHAIN_ID, url=place.urls["chain"], contract=contract), encoding="utf-8")
    draft.replace(file)


def _is_usable(place: Place, file: Path) -> bool:
    """Whether the local network's contract is on the chain, or the file has been edited to leave that network out."""
    from shared.chain.lookup import networks_in  # web3 takes a second to load, and the supervisor doesn't need it

    local = [each for each in networks_in(file, str(file)) if each.id == "local"]
    return all(rpc(place, "eth_getCode", each.contract, "latest") != "0x" for each in local)


def rpc(place: Place, method: str, *parameters: Any) -> Any:
    """One JSON-RPC call. TryLater when the node is unreachable or answers with an error."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    try:
        answer = ask.post(place.urls["chain"], json=body, timeout=5).json()
    except (httpx.HTTPError, ValueError) as error:
        raise TryLater(f"chain at {place.urls['chain']}: {method}: {type(error).__name__}; is it up?") from error
    if "error" in answer:
        raise TryLater(f"chain at {place.urls['chain']}: {method}: {answer['error']}")
    return answer["result"]
