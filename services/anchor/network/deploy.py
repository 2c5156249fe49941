"""Deploys the contract: once for each network, by the local stack or by `akashi contract deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from web3 import Web3
from web3.types import Wei

from services.anchor.network.keystore import open_keystore
from shared.chain.blocks import read_block
from shared.chain.registry import read_artifact
from shared.chain.rpc import Node
from shared.errors import AkashiError

_TIMEOUT = 300.0  # seconds until the deployment is in a block


def deploy_contract(rpc_url: str, keystore_file: Path, password_file: Path) -> str:
    """Deploy AnchorRegistry from the account in the keystore, which gets all its roles; returns the address.

    When this returns, the contract is in a block. The account must hold about 0.001 ether at 1 gwei.
    TryLater when the node is away, AkashiError when the deployment failed.
    """
    account = open_keystore(keystore_file, password_file)
    artifact = read_artifact()
    node = Node(rpc_url, Node(rpc_url, 0).any_chain_id())

    def send(web3: Web3) -> Any:
        constructor = web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]).constructor(account.address)
        base, tip = read_block(web3, "latest").base_fee or web3.eth.gas_price, web3.eth.max_priority_fee
        transaction = constructor.build_transaction(
            {
                "from": account.address,
                "nonce": web3.eth.get_transaction_count(account.address),
                "maxFeePerGas": Wei(2 * base + tip),
                "maxPriorityFeePerGas": tip,
            }
        )
        signed = account.sign_transaction(cast(Any, transaction))
        return web3.eth.send_raw_transaction(signed.raw_transaction)

    sent = node.ask(send)
    receipt = node.ask(lambda web3: web3.eth.wait_for_transaction_receipt(sent, timeout=_TIMEOUT, poll_latency=0.2))
    if receipt["status"] != 1 or not receipt.get("contractAddress"):
        raise AkashiError(f"deployment {sent.to_0x_hex()} failed in block {receipt['blockNumber']}; see its trace")
    return str(receipt["contractAddress"])
