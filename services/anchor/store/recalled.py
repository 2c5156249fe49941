"""What was anchored after the backup that this database was restored from: batches, their leaves and anchorings.

The events tell which leaves were announced under which root. The batch's manifest tells the rest: it was written before
any of its leaves was announced, with all leaves and with every network where the root is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.anchor.domain.anchoring import Deployment, Inclusion
from services.anchor.domain.proving import FinalAnchor, Manifest
from shared.count_events import StatementAnchored
from shared.events import AssertionAnchored

if TYPE_CHECKING:
    from services.anchor.store import AnchorTransaction


class Recalled:
    def __init__(self, tx: AnchorTransaction) -> None:
        self._tx = tx

    def take_back(self, events: Sequence[AssertionAnchored | StatementAnchored]) -> None:
        """The batches exist and are complete, their leaves are proved; the manifests are still to be read."""
        anchors = {event.merkle_root: _anchor_of(event) for event in events}
        self._tx.insert_rows(
            "batches",
            [
                {"root": anchor.root, "leaf_count": 0, "closed_at": anchor.inclusion.anchored_at}
                for anchor in anchors.values()
            ],
        )
        for anchor in anchors.values():
            id = self._make_final(anchor)
            self._tx.cursor.execute(
                "update batches set decided_by = coalesce(decided_by, %s), proof_names = coalesce(proof_names, %s),"
                " manifest_at = coalesce(manifest_at, %s), manifest_unread = true where root = %b",
                (id, anchor.inclusion.transaction, self._tx.now(), anchor.root),
            )
        self._tx.insert_rows(
            "leaves",
            [
                {
                    "assertion_id": event.key,
                    "leaf": bytes.fromhex(event.leaf),
                    "root": bytes.fromhex(event.merkle_root),
                    "is_statement": isinstance(event, StatementAnchored),
                    "proved_at": self._tx.now(),
                }
                for event in {event.key: event for event in events}.values()  # Kafka may hold one twice
            ],
            "(assertion_id) do update set leaf = excluded.leaf, root = excluded.root,"
            " proved_at = coalesce(leaves.proved_at, excluded.proved_at), last_error = null,"
            " excluded_as = null, excluded_at = null",
        )
        self._tx.cursor.execute(
            "update batches set leaf_count = greatest(leaf_count, (select count(*) from leaves"
            " where leaves.root = batches.root)) where root = any(%b::bytea[])",
            ([anchor.root for anchor in anchors.values()],),
        )

    # ── manifests ───────────────────────────────────────────────────────────────────────────────────────

    def has_unread_manifests(self) -> bool:
        return bool(self._tx.fetch_value("select exists (select from batches where manifest_unread)"))

    def next_unread_manifest(self) -> bytes | None:
        """The root of a batch whose manifest is still to be read, locked."""
        root = self._tx.fetch_value(
            "select root from batches where manifest_unread order by closed_at limit 1 for update skip locked"
        )
        return None if root is None else bytes(root)

    def keep(self, manifest: Manifest) -> None:
        """The batch has these leaves, and is final where the manifest says; it is written again if it lacks a network.

        Leaves whose badges are not known yet are kept for `put_into_batches`.
        """
        for anchor in manifest.anchors:
            self._make_final(anchor)
        self._tx.cursor.execute(
            "insert into recalled_leaves (leaf, root) select leaf, %b from unnest(%b::bytea[]) as leaf"
            " where not exists (select from leaves where leaves.root = %b and leaves.leaf = leaf.leaf)"
            " on conflict do nothing",
            (manifest.root, list(manifest.leaves), manifest.root),
        )
        told = {anchor.deployment for anchor in manifest.anchors}
        is_whole = all(anchor.deployment in told for anchor in self._tx.batches.anchors_of(manifest.root))
        self._tx.cursor.execute(
            "update batches set leaf_count = %s, manifest_at = %s where root = %b",
            (len(manifest.leaves), self._tx.now() if is_whole else None, manifest.root),
        )
        self.mark_manifest_read(manifest.root)

    def mark_manifest_read(self, root: bytes) -> None:
        self._tx.cursor.execute("update batches set manifest_unread = false where root = %b", (root,))

    def put_into_batches(self) -> int:
        """Leaves that are known now and were in a batch before the restore are in it again; returns their number.

        Also those that were revoked after they had been batched, if the revocation was read first.
        """
        if not self._tx.fetch_value("select exists (select from recalled_leaves)"):
            return 0
        return self._tx.cursor.execute(
            "with known as (delete from recalled_leaves using leaves"
            "  where leaves.leaf = recalled_leaves.leaf and leaves.root is null"
            "  returning leaves.assertion_id, recalled_leaves.root)"
            " update leaves set root = known.root, excluded_as = null, excluded_at = null"
            " from known where leaves.assertion_id = known.assertion_id"
        ).rowcount

    def _make_final(self, anchor: FinalAnchor) -> int:
        """The root is final there, whatever was known of it; the id of its anchoring."""
        known = self._tx.cursor.execute(
            "select anchorings.id, state from anchored_roots known join anchorings on anchorings.id = known.anchoring"
            " where root = %b and known.chain_id = %s and known.contract = %s",
            (anchor.root, anchor.deployment.chain_id, anchor.deployment.contract),
        ).fetchone()
        id, state = known or (self._tx.anchorings.add(anchor.deployment, [anchor.root]), "closed")
        if state != "final":
            self._tx.anchorings.set_final(id, anchor.inclusion)
        return int(id)


def _anchor_of(event: AssertionAnchored | StatementAnchored) -> FinalAnchor:
    return FinalAnchor(
        bytes.fromhex(event.merkle_root),
        Deployment(event.network, event.chain_id, event.contract),
        Inclusion(event.transaction, event.block_number, event.block_hash, event.anchored_at),
    )
