"""What a chain says of a transaction and of a root. Judged by anchor and verifier; pure.

Read from the nodes by `shared/chain/registry.py` and `networks.py`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Anchoring(msgspec.Struct, frozen=True):
    """What the contract knows of a root."""

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
    """What one network said. A root or transaction that it doesn't know is there with None."""

    network: str
    chain_id: int
    contract: str
    finalized_block: int
    anchorings: dict[bytes, Anchoring | None]
    transactions: dict[str, TransactionFacts | None]

    def stands(self, root: bytes) -> bool:
        """Whether the root is in the contract, in a block that is final, and not taken back."""
        anchoring = self.anchorings.get(root)
        return anchoring is not None and anchoring.revoked_at is None and anchoring.block_number <= self.finalized_block


class NetworkAway(msgspec.Struct, frozen=True, kw_only=True):
    """One network that could not be asked, or whose endpoints don't agree, and why."""

    network: str
    chain_id: int
    contract: str
    why: str
