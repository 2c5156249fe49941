"""The SQL of anchor's schema. One transaction, with the statements of each table in a part of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from services.anchor import metrics
from services.anchor.store.anchorings import AnchoringCounts, Anchorings
from services.anchor.store.batches import BatchCounts, Batches
from services.anchor.store.leaves import Leaves, UncoveredBadges, UnprovedLeaf, WaitingLeaves
from services.anchor.store.recalled import Recalled
from services.anchor.store.transactions import Transactions
from shared.clock import Clock
from shared.count_events import StatementAnchored, StatementPublished
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived
from shared.runtime.db import Database, Transaction

__all__ = [
    "AnchorTransaction",
    "AnchoringCounts",
    "BatchCounts",
    "Store",
    "UncoveredBadges",
    "UnprovedLeaf",
    "WaitingLeaves",
]


class AnchorTransaction(Transaction):
    def __init__(self, connection: psycopg.Connection[Any], source: str, clock: Clock) -> None:
        super().__init__(connection, source, clock)
        self.leaves = Leaves(self)
        self.batches = Batches(self)
        self.anchorings = Anchorings(self)
        self.transactions = Transactions(self)
        self.recalled = Recalled(self)

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        """Step 6. The leaf of each new badge, which waits for a batch once its receipt is known."""
        self.leaves.note_issued(events, ready=False)

    def note_issued_ready(self, events: Sequence[AssertionIssued]) -> None:
        """Step 6. The leaf of each new badge, which waits for a batch from now on: no receipt is needed."""
        self.leaves.note_issued(events, ready=True)

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        """Step 6. The holder has the badge; its leaf may not be known yet."""
        self.leaves.note_received(events)

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        """Any time. A badge revoked before it was batched is never anchored; afterwards its proof stays as it is.

        The credential of somebody who is being erased is about to go: it gets no proof any more.
        """
        metrics.EXCLUDED.labels("revoked").inc(self.leaves.exclude_revoked(events))
        self.leaves.end_proofs([event.assertion_id for event in events if event.erased], "revoked")

    def note_statements(self, events: Sequence[StatementPublished]) -> None:
        """Any time. The leaf of a statement of the count, which waits for the next batch."""
        self.leaves.note_statements(events)

    def take_back_anchored(self, events: Sequence[AssertionAnchored | StatementAnchored]) -> None:
        """After a restore. These leaves are proved and in no further batch; their batches are complete where they say.

        Rows of the badges may come later, by the re-read AssertionIssued and BadgeReceived. No topic holds signed
        transactions, nonces, fees, roots that were sent but not final, and the moves to other networks that were begun:
        the chain tells our next nonce, and roots that a contract knows are adopted. A batch of which nothing was
        announced is not known any more: its leaves wait again.
        """
        self.recalled.take_back(events)

    def try_writer_lock(self, chain_id: int = 0) -> bool:
        """True for one process at a time, until its transaction ends: the one that closes (0), or signs on a chain."""
        query = "select pg_try_advisory_xact_lock(hashtext('anchor/writer'), %s)"
        row = self.cursor.execute(query, (_lock_number(chain_id),)).fetchone()
        return row is not None and bool(row[0])

    def take_writer_lock(self, chain_id: int = 0) -> None:
        """Wait for the same lock; it is held until this transaction ends."""
        self.cursor.execute("select pg_advisory_xact_lock(hashtext('anchor/writer'), %s)", (_lock_number(chain_id),))


Store = Database[AnchorTransaction]


def _lock_number(chain_id: int) -> int:
    """The second half of an advisory lock is a signed 32-bit integer; two chains that share one take turns."""
    return chain_id % 2**31
