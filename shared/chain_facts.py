"""What a chain says of a transaction and of a root. Judged by anchor and verifier; pure.

Read from the node by `shared/runtime/registry.py`.
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
