"""The table `batches`: one row for each Merkle root. A batch is complete once it is final on the deciding network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.anchor.domain.anchoring import Deployment, Inclusion
from services.anchor.domain.batching import Batch
from services.anchor.domain.proving import FinalAnchor
from services.anchor.store.leaves import MOST_PAUSE
from shared.retry import due_at, is_due_sql
from shared.runtime.db import Transaction


@dataclass(frozen=True)
class BatchCounts:
    """Batches: all that were ever closed, and those that wait for the deciding network."""

    closed: int
    undecided: int


@dataclass(frozen=True)
class _AnchorRow:
    root: bytes
    network: str
    chain_id: int
    contract: str
    transaction: str
    block_number: int
    block_hash: str
    anchored_at: datetime

    @property
    def anchor(self) -> FinalAnchor:
        return FinalAnchor(
            bytes(self.root),
            Deployment(self.network, self.chain_id, self.contract),
            Inclusion(self.transaction, self.block_number, self.block_hash, self.anchored_at),
        )


_ANCHOR_COLUMNS = (
    "root, network, anchorings.chain_id, anchorings.contract, transaction, block_number, block_hash, anchored_at"
)

# The batches that have a leaf without its proof, each by one look into an index: others, and how large they are, cost
# nothing.
_UNPROVED = (
    "with recursive unproved (root) as ("
    " (select root from leaves where proved_at is null and root is not null order by root limit 1)"
    " union all select (select root from leaves where proved_at is null and leaves.root > unproved.root"
    "  order by root limit 1) from unproved where root is not null)"
)
_HAS_MANIFEST = "manifest_at is not null and not manifest_unread and decided_by is not null"


class Batches:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def save(self, batch: Batch) -> None:
        self._tx.cursor.execute(
            "insert into batches (root, leaf_count, closed_at) values (%b, %s, %s)",
            (batch.root, len(batch.leaves), self._tx.now()),
        )

    def complete(self, deciding: Deployment) -> int:
        """Batches that are final in the deciding deployment are complete from now on; their number."""
        decided = self._tx.cursor.execute(
            "update batches set decided_by = anchorings.id from anchored_roots known"
            " join anchorings on anchorings.id = known.anchoring where known.root = batches.root"
            " and batches.decided_by is null and anchorings.state = 'final'"
            " and known.chain_id = %s and known.contract = %s",
            (deciding.chain_id, deciding.contract),
        ).rowcount
        self._name_proofs("proof_names is null")
        return decided

    def name_proofs(self, anchoring: int) -> None:
        """It is final, maybe by another transaction than before: proofs that name that one are made again.

        Called whenever an anchoring becomes final: `complete` looks only at batches whose proofs name none yet.
        """
        self._name_proofs("decided_by = %s", anchoring)

    def _name_proofs(self, where: str, *values: int) -> None:
        rows = self._tx.cursor.execute(
            "select root, proof_names, there.transaction from batches join anchorings there on there.id = decided_by"
            f" where {where} and state = 'final' and proof_names is distinct from there.transaction",
            values,
        ).fetchall()
        for root, named, transaction in rows:
            self._tx.cursor.execute("update batches set proof_names = %s where root = %b", (transaction, root))
            if named is not None:
                self._tx.cursor.execute(
                    "update leaves set proved_at = null where root = %b and erased_at is null", (root,)
                )

    def roots_missing_from(self, deployment: Deployment) -> list[bytes]:
        """The roots of complete batches that have no anchoring in a deployment, the oldest first."""
        rows = self._tx.cursor.execute(
            "select root from batches where decided_by is not null and not exists (select from anchored_roots known"
            " where known.root = batches.root and known.chain_id = %s and known.contract = %s)"
            " order by closed_at, root",
            (deployment.chain_id, deployment.contract),
        )
        return [bytes(root) for (root,) in rows]

    # ── proofs ──────────────────────────────────────────────────────────────────────────────────────────

    def next_to_prove(self) -> FinalAnchor | None:
        """The anchor that proofs name, of a complete batch with a manifest and with leaves due for a proof."""
        row = self._tx.fetch_one(
            _AnchorRow,
            f"{_UNPROVED} select {_ANCHOR_COLUMNS} from unproved join batches using (root)"
            " join anchorings on anchorings.id = decided_by"
            " where state = 'final' and manifest_at is not null and exists (select from leaves"
            f"  where leaves.root = batches.root and proved_at is null and {is_due_sql('leaves.next_try_at')})"
            " order by final_at limit 1",
            due_at(self._tx.now(), MOST_PAUSE),
        )
        return row.anchor if row else None

    def next_without_manifest(self) -> bytes | None:
        """The root of a complete batch whose manifest is missing or lacks a network, locked."""
        row = self._tx.cursor.execute(
            "select root from batches where decided_by is not null and manifest_at is null and not manifest_unread"
            " and exists (select from anchorings where id = decided_by and state = 'final')"
            " order by closed_at limit 1 for update skip locked"
        ).fetchone()
        return bytes(row[0]) if row else None

    def anchors_of(self, root: bytes) -> list[FinalAnchor]:
        """Where the root is final; first the anchor that its proofs name."""
        rows = self._tx.fetch_all(
            _AnchorRow,
            f"select {_ANCHOR_COLUMNS}"
            " from anchored_roots join anchorings on anchorings.id = anchoring join batches using (root)"
            " where root = %b and state = 'final'"
            " order by (anchorings.id = decided_by) desc nulls last, final_at, anchorings.id",
            (root,),
        )
        return [row.anchor for row in rows]

    def proof_anchor(self, root: bytes) -> FinalAnchor | None:
        """The anchor that the proofs of this batch name; None while it isn't final."""
        row = self._tx.fetch_one(
            _AnchorRow,
            f"select {_ANCHOR_COLUMNS} from batches join anchorings on anchorings.id = decided_by"
            " where root = %b and state = 'final' and proof_names = transaction",
            (root,),
        )
        return row.anchor if row else None

    def with_manifest(self, after: bytes, limit: int) -> list[bytes]:
        """The roots behind `after` whose manifests are written, in order."""
        rows = self._tx.cursor.execute(
            f"select root from batches where {_HAS_MANIFEST} and root > %b order by root limit %s", (after, limit)
        )
        return [bytes(root) for (root,) in rows]

    def lock_with_manifest(self, root: bytes) -> bool:
        """Whether its manifest is written; locked, as it is while it is being written."""
        return bool(
            self._tx.fetch_value(f"select true from batches where {_HAS_MANIFEST} and root = %b for update", (root,))
        )

    def known(self, roots: Sequence[bytes]) -> set[bytes]:
        rows = self._tx.cursor.execute("select root from batches where root = any(%b::bytea[])", (list(roots),))
        return {bytes(root) for (root,) in rows}

    def mark_manifest(self, root: bytes) -> None:
        self._tx.cursor.execute("update batches set manifest_at = %s where root = %b", (self._tx.now(), root))

    def request_manifests(self, roots: Sequence[bytes]) -> None:
        """Their manifests are written again: the roots are final on one network more."""
        self._tx.cursor.execute("update batches set manifest_at = null where root = any(%b::bytea[])", (list(roots),))

    def counts(self) -> BatchCounts:
        found = self._tx.fetch_one(
            BatchCounts,
            "select count(*) as closed, count(*) filter (where decided_by is null) as undecided from batches",
        )
        return found or BatchCounts(0, 0)
