"""What anchor does, in order: steps 6 and 7 of the cycle. On each network: `network/submission.py`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from services.anchor import metrics
from services.anchor.domain.anchoring import Deployment
from services.anchor.domain.batching import BatchRules, close, is_due
from services.anchor.domain.proving import (
    FinalAnchor,
    TreeCache,
    anchored,
    manifest_for,
    proof_for,
    read_manifest,
    statement_anchored,
    with_proof,
)
from services.anchor.store import AnchorTransaction, Store, UnprovedLeaf
from shared import object_keys
from shared.clock import Clock
from shared.credentials.merkle import Path, Tree, merkle_tree
from shared.errors import TryLater, Unreadable, cause_of
from shared.runtime.db import is_unavailable
from shared.runtime.log import logger
from shared.runtime.objects import ErasableObjects

log = logger("anchor")

_PROOFS_AT_ONCE = 100
_CONCURRENT_PROOFS = 8  # waiting for object storage


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: ErasableObjects
    trees: TreeCache
    now: Clock
    deployments: tuple[Deployment, ...]  # that take new roots; the first decides when a batch is complete
    retired: tuple[Deployment, ...]  # that take none any more
    batch_rules: BatchRules
    verification_method: str  # the chain key in the issuer's DID document


def close_batch(ports: Ports) -> int:
    """Step 6. Close a batch when it is due: its root and its leaves never change afterwards. Returns its size."""
    with ports.store.transaction() as tx:
        if not tx.try_writer_lock():
            return 0
        _apply_network_changes(tx, ports)
        if tx.recalled.has_unread_manifests():
            return 0  # they tell which leaves are in a batch already
        tx.recalled.put_into_batches()
        waiting = tx.leaves.waiting()
        metrics.WAITING.set(waiting.count)
        now, rules = ports.now(), ports.batch_rules
        if not is_due(waiting.count, waiting.oldest_at, now, rules, waiting.oldest_statement_at):
            return 0
        leaves = tx.leaves.waiting_longest(ports.batch_rules.size)
        batch = close([each.leaf for each in leaves])
        tx.batches.save(batch)
        tx.leaves.put_into_batch(batch.root, [each.assertion_id for each in leaves])
        tx.anchorings.add_for_incomplete_batches(ports.deployments)
    # If we die before the commit above, all leaves still wait; after it, the batch is closed and never changes.
    log.info("closed", root=batch.root.hex(), leaves=len(batch.leaves))
    return len(batch.leaves)


def read_manifest_again(ports: Ports) -> int:
    """After a restore. Take back from its manifest what one batch had that was announced since the backup.

    That is: leaves that were not announced yet, and other networks where the root is final. So these leaves are not
    put into a second batch, and the manifest is never written with fewer leaves or networks.
    """
    with ports.store.transaction() as tx:
        root = tx.recalled.next_unread_manifest()
        if root is None:
            return 0
        try:
            manifest = read_manifest(ports.objects.get(object_keys.batch_manifest(root)), root)
        except TryLater as error:
            metrics.NOT_DONE.labels("storage").inc()
            log.warning("waiting", part="objects", cause=str(error))
            return 0
        except Exception as error:
            # The leaves that were not announced can't be known: they wait for a batch again.
            metrics.NOT_DONE.labels("manifest").inc()
            log.error("failed", root=root.hex(), cause=str(error))
            tx.recalled.mark_manifest_read(root)
            tx.batches.request_manifests([root])
            return 1
        tx.recalled.keep(manifest)
    # If we die before the commit, the manifest is read again.
    return 1


def _apply_network_changes(tx: AnchorTransaction, ports: Ports) -> None:
    """After a change of NETWORKS_FILE: batches that aren't complete go to the deployments that are configured now.

    Anchorings in a deployment that is no longer configured stay on record, and are not polled any more.
    """
    for deployment in ports.retired:
        tx.anchorings.delete_unsigned(deployment)
    tx.anchorings.add_for_incomplete_batches(ports.deployments)
    tx.batches.complete(ports.deployments[0])


def prove(ports: Ports) -> int:
    """Step 7. Add the proof to up to 100 credentials of a complete batch, then announce that they are anchored.

    The batch's manifest comes first. Everything put is a function of the batch, so putting it again changes nothing.
    """
    manifests = write_manifest(ports)
    with ports.store.transaction() as tx:
        anchor = tx.batches.next_to_prove()
        if anchor is None:
            return manifests
        leaves = tx.leaves.unproved(anchor.root, _PROOFS_AT_ONCE)
        try:
            tree = tree_of(anchor.root, tx, ports.trees)
        except Exception as error:  # of this batch: the next run takes another one
            if is_unavailable(error):
                raise
            metrics.NOT_DONE.labels("manifest").inc()
            log.error("failed", root=anchor.root.hex(), cause=str(error))
            tx.leaves.postpone(leaves, str(error))
            return manifests
        done = _prove_leaves(leaves, anchor, tree, tx, ports)
        # If we die here, credentials carry proofs that were not announced: the same bytes are put again and announced.
    metrics.PROVED.inc(done)
    return manifests + done


def write_manifest(ports: Ports) -> int:
    """Step 7. Write the manifest of a complete batch that has none, or whose manifest lacks a network."""
    with ports.store.transaction() as tx:
        root = tx.batches.next_without_manifest()
        if root is None:
            return 0
        try:
            tree = tree_of(root, tx, ports.trees)
            manifest = manifest_for(tx.batches.anchors_of(root), tree.leaves)
            ports.objects.put(object_keys.batch_manifest(root), manifest, "application/json")
        except TryLater as error:
            metrics.NOT_DONE.labels("storage").inc()
            log.warning("waiting", part="objects", cause=str(error))
            return 0
        except Exception as error:  # of this batch: the others get theirs
            if is_unavailable(error):
                raise
            metrics.NOT_DONE.labels("manifest").inc()
            log.error("failed", root=root.hex(), cause=str(error))
        # If we die here, the manifest exists and is written once more.
        tx.batches.mark_manifest(root)
    return 1


def tree_of(root: bytes, tx: AnchorTransaction, trees: TreeCache) -> Tree:
    """Unreadable when not all leaves of the batch are known: after a restore, without its manifest."""
    if (kept := trees.find(root)) is not None:
        return kept
    tree = merkle_tree(tx.leaves.of_batch(root))
    if tree.root != root:
        raise Unreadable(f"batch {root.hex()}: got {len(tree.leaves)} leaves of another root; its manifest is missing")
    return trees.keep(tree)


def _prove_leaves(
    leaves: Sequence[UnprovedLeaf], anchor: FinalAnchor, tree: Tree, tx: AnchorTransaction, ports: Ports
) -> int:
    """Several at a time. Once the storage was away for one, no other is begun."""
    away: list[TryLater] = []

    def work(row: UnprovedLeaf) -> Path | Exception:
        if away:
            return away[0]
        try:
            path = tree.proof(row.leaf)
            _put_proof(row, path, anchor, ports)
            return path
        except TryLater as error:
            away.append(error)
            return error
        except Exception as error:  # of whatever kind: its row gets the cause, the others go on
            return error

    if not leaves:
        return 0
    with ThreadPoolExecutor(_CONCURRENT_PROOFS) as pool:
        outcomes = list(zip(leaves, pool.map(work, leaves), strict=True))
    done = [(row, path) for row, path in outcomes if not isinstance(path, Exception)]
    for row, path in done:
        if object_keys.is_statement_id(row.assertion_id):
            tx.announce(statement_anchored(row.assertion_id, anchor, row.leaf))
        else:
            tx.announce(anchored(row.assertion_id, anchor, row.leaf, path))
    tx.leaves.mark_proved([row.assertion_id for row, _ in done])
    for row, error in outcomes:
        if isinstance(error, Exception) and not isinstance(error, TryLater):
            metrics.NOT_DONE.labels("credential").inc()
            log.error("failed", assertion_id=row.assertion_id, cause=cause_of(error, 300))
            tx.leaves.postpone([row], str(error))
    if away:
        metrics.NOT_DONE.labels("storage").inc()
        log.warning("waiting", part="objects", cause=str(away[0]))
        tx.leaves.postpone([row for row, error in outcomes if isinstance(error, TryLater)], str(away[0]))
    return len(done)


def _put_proof(row: UnprovedLeaf, path: Path, anchor: FinalAnchor, ports: Ports) -> None:
    key = object_keys.signed_document(row.assertion_id)
    before = ports.objects.get(key)
    after = with_proof(before, proof_for(anchor, row.leaf, path, ports.verification_method))
    if after != before:
        ports.objects.put(key, after, "application/json")
