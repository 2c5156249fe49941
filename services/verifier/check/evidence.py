"""What the sources answered when a badge was checked; pure. Gathered by `sources.py`, judged by `verdict.py`.

A source that could not be asked is `Away`: its check is unknown, which is neither a yes nor a no.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.credentials.credential import Document


@dataclass(frozen=True)
class Away:
    """No answer, and why."""

    why: str


ChainAnswers = tuple[NetworkAnswers | NetworkAway, ...]
"""What each configured network said, in the order of the configuration."""


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
    did_document_copied: timedelta | None = None  # so old a copy, because its source is away; None: as it is now
    status_list_copied: timedelta | None = None
    revocation: Revocation | None = None
