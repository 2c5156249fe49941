"""What a chain says of a transaction and of a root. Used by anchor and verifier; pure.

Read from the nodes by `shared/chain/registry.py` and `lookup.py`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class RegistryEntry(msgspec.Struct, frozen=True):
    """The contract's entry of a root."""

    anchored_at: datetime  # the block's time
    block_number: int
    revoked_at: datetime | None = None


class TransactionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction as a node shows it. Hashes and addresses in lower-case hexadecimal with 0x."""

    hash: str
    sender: str
    to: str | None
    input: bytes
    nonce: int
    succeeded: bool | None = None  # None: not in a block yet
    block_number: int | None = None
    block_hash: str | None = None


class NetworkAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of one network. A root or transaction that it doesn't know has the value None."""

    network: str
    chain_id: int
    contract: str
    finalized_block: int
    anchorings: dict[bytes, RegistryEntry | None]
    transactions: dict[str, TransactionFacts | None]

    def stands(self, root: bytes) -> bool:
        """Whether the root is in the contract, in a final block, and not revoked."""
        entry = self.anchorings.get(root)
        return entry is not None and entry.revoked_at is None and entry.block_number <= self.finalized_block


class NetworkAway(msgspec.Struct, frozen=True, kw_only=True):
    """A network of which too few endpoints answer or agree, and why."""

    network: str
    chain_id: int
    contract: str
    why: str
