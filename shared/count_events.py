"""What is announced about the public count: by issuer (read by anchor, verifier, ops), and by anchor (read by ops)."""

from __future__ import annotations

from datetime import datetime

from shared.events import Event
from shared.topics import ASSERTION_ANCHORED, STATEMENT_PUBLISHED


class StatementPublished(Event, frozen=True, kw_only=True):
    """The signed count of a cohort lies in object storage at `statements/<cohort>/<number>.json`.

    `leaf` is the hash of it that is anchored, as of a credential; the next statement of the cohort names it.
    """

    topic = STATEMENT_PUBLISHED
    about = "cohort"
    numbered_by = "number"
    cohort: str
    number: int
    leaf: str
    stated_at: datetime
    issued: int | None = None  # badges of the cohort, corrected ones included; None: the statement alone says it
    valid: int | None = None  # of those the ones that are neither revoked nor corrected


class StatementAnchored(Event, frozen=True, kw_only=True):
    """The leaf of a statement is in a batch whose root is final on chain, and the statement carries the proof.

    A statement names all before it by their hashes: they are covered as well.
    """

    topic = ASSERTION_ANCHORED
    about = "statement_id"
    statement_id: str  # "<cohort>/<number>"
    cohort: str
    number: int
    leaf: str
    merkle_root: str
    network: str
    chain_id: int
    contract: str
    transaction: str
    block_number: int
    block_hash: str
    anchored_at: datetime  # the block's time
