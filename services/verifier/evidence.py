"""What the sources answered when a badge was checked; pure. Gathered by `sources.py`, judged by `verdict.py`.

A source that could not be asked is `Away`: its check is unknown, which is neither a yes nor a no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.chain_facts import Anchoring, TransactionFacts
from shared.credential import Document


@dataclass(frozen=True)
class Away:
    """No answer, and why."""

    why: str


@dataclass(frozen=True)
class ChainAnswers:
    """What one node said of one registry. A root or transaction that it doesn't know is there with None."""

    network: str
    chain_id: int
    registry: str  # address, lower-case hexadecimal with 0x
    finalized_block: int
    anchorings: Mapping[bytes, Anchoring | None]
    transactions: Mapping[str, TransactionFacts | None]


@dataclass(frozen=True)
class Revocation:
    """What the issuer told us of a revocation; may be newer than the status list."""

    revoked_at: datetime
    reason: str
    replaced_by: str | None = None  # assertion id of the newest version of the same registration


@dataclass(frozen=True)
class Noted:
    """What the issuer told us of an assertion, beside its credential. The ids are of assertions that count now."""

    details_public: bool = True
    revocation: Revocation | None = None
    renewed_as: str | None = None
    renews: str | None = None


@dataclass(frozen=True)
class Evidence:
    """All answers about one credential."""

    did_document: Document | Away
    status_list: Document | Away
    chain: ChainAnswers | Away
    revocation: Revocation | None = None
