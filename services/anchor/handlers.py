"""What anchor does, in order: steps 6 and 7 of the cycle. On each network: `submitting.py`; figures: `measuring.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.anchor import metrics
from services.anchor.domain.batching import BatchRules, close, is_due
from services.anchor.domain.proving import FinalBatch, Place, Trees, anchored, manifest_for, proof_for, with_proof
from services.anchor.store import AnchorTransaction, Store, Unproved
from shared.clock import Clock
from shared.credentials.merkle import Path, Tree, merkle_tree
from shared.errors import NotFound, TryLater, Unreadable
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived
from shared.runtime.log import logger

log = logger("anchor")

_AT_ONCE = 100


class Documents(Protocol):
    """Where documents lie: `shared.runtime.objects.Objects`."""

    def put(self, key: str, body: bytes, content_type: str) -> None: ...

    def get(self, key: str) -> bytes: ...


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: Documents
    trees: Trees
    now: Clock
    places: tuple[Place, ...]  # that get new roots; the first decides when a batch is complete
    retired: tuple[Place, ...]  # that get none any more
    batches: BatchRules
    ready_at_issue: bool  # a badge needs no receipt to be anchored
    verification_method: str  # the chain key in the issuer's DID document


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 6. Note the leaf of each new badge; its receipt may be known already."""
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        if new:
            tx.note_leaves(new, ready=ports.ready_at_issue)


def note_received(events: Sequence[BadgeReceived], ports: Ports) -> None:
    """Step 6. Note that the holder has taken the badge; its leaf may not be known yet."""
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        if new:
            tx.note_receipts(new)


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    """Any time. What is revoked before it was batched is never anchored; afterwards its proof stays what it is."""
    with ports.store.transaction() as tx:
        new = tx.claim(events)
        if new:
            metrics.EXCLUDED.labels("revoked").inc(tx.exclude_revoked(new))


def close_batch(ports: Ports) -> int:
    """Step 6. Close a batch when it is due: its root and its leaves are fixed from then on. Returns how many leaves."""
    with ports.store.transaction() as tx:
        if not tx.is_only_writer():
            return 0
        _settle_places(tx, ports)
        waiting = tx.waiting()
        metrics.WAITING.set(waiting.count)
        if not is_due(waiting.count, waiting.oldest_at, ports.now(), ports.batches):
            return 0
        rows = tx.waiting_leaves(ports.batches.size)
        batch = close([leaf for _, leaf in rows])
        tx.save_batch(batch, [assertion_id for assertion_id, _ in rows])
        tx.assign(ports.places)
    # If we die before the commit above, all leaves still wait; after it, the batch is complete and never changes.
    log.info("closed", root=batch.root.hex(), leaves=len(batch.leaves))
    return len(batch.leaves)


def _settle_places(tx: AnchorTransaction, ports: Ports) -> None:
    """After a change of the networks: what isn't complete goes to those that are configured now.

    What is on its way to another contract stays on record with its own place, and is not looked after any more.
    """
    for place in ports.retired:
        tx.withdraw(place)
    tx.assign(ports.places)
    tx.decide(ports.places[0])


def prove(ports: Ports) -> int:
    """Step 7. Add the proof to up to 100 credentials of a final batch, then say that they are anchored.

    The batch's manifest goes first. Everything put is a function of the batch, so putting it again changes nothing.
    """
    listed = list_anchors(ports)
    with ports.store.transaction() as tx:
        batch = tx.next_to_prove()
        if batch is None:
            return listed
        tree = ports.trees.find(batch.root) or ports.trees.keep(merkle_tree(tx.leaves_of(batch.root)))
        done = _prove_leaves(tx.unproved(batch.root, _AT_ONCE), batch, tree, tx, ports)
        # If we die here, credentials carry proofs that nobody was told of: the same bytes are put again and announced.
    metrics.PROVED.inc(done)
    return listed + done


def list_anchors(ports: Ports) -> int:
    """Step 7. Write the manifest of a batch that is complete, or stands on one network more than its manifest says."""
    with ports.store.transaction() as tx:
        root = tx.next_to_list()
        if root is None:
            return 0
        tree = ports.trees.find(root) or ports.trees.keep(merkle_tree(tx.leaves_of(root)))
        try:
            manifest = manifest_for(tx.anchors_of(root), tree.leaves)
            ports.objects.put(f"batches/{root.hex()}.json", manifest, "application/json")
        except TryLater as error:
            metrics.NOT_DONE.labels("storage").inc()
            log.warning("waiting", part="objects", cause=str(error))
            return 0
        # If we die here, the manifest is there and is written once more.
        tx.mark_manifest(root)
    return 1


def _prove_leaves(
    leaves: Sequence[Unproved], batch: FinalBatch, tree: Tree, tx: AnchorTransaction, ports: Ports
) -> int:
    done: list[str] = []
    for number, row in enumerate(leaves):
        path = tree.proof(row.leaf)
        try:
            _put_proof(row, path, batch, ports)
        except (NotFound, Unreadable) as error:
            # One credential is at fault: its row says so, the others go on.
            metrics.NOT_DONE.labels("credential").inc()
            log.error("failed", assertion_id=row.assertion_id, cause=str(error))
            tx.postpone_leaves([row], str(error))
            continue
        except TryLater as error:
            _wait_for_storage(leaves[number:], tx, error)
            break
        tx.announce(anchored(row.assertion_id, batch, row.leaf, path))
        done.append(row.assertion_id)
    tx.mark_proved(done)
    return len(done)


def _put_proof(row: Unproved, path: Path, batch: FinalBatch, ports: Ports) -> None:
    key = f"credentials/{row.assertion_id}.json"
    before = ports.objects.get(key)
    after = with_proof(before, proof_for(batch, row.leaf, path, ports.verification_method))
    if after != before:
        ports.objects.put(key, after, "application/json")


def _wait_for_storage(leaves: Sequence[Unproved], tx: AnchorTransaction, error: TryLater) -> None:
    metrics.NOT_DONE.labels("storage").inc()
    log.warning("waiting", part="objects", cause=str(error))
    tx.postpone_leaves(leaves, str(error))
