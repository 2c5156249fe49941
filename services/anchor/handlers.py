"""What anchor does, in order: steps 6 and 7 of the cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from services.anchor import figures
from services.anchor.anchoring import (
    STATES,
    Bump,
    FeeRules,
    Final,
    Mined,
    Reorged,
    SendAgain,
    SignAnew,
    Step,
    Target,
    Wait,
    fee_for,
    next_step,
)
from services.anchor.batching import BatchRules, close, is_due
from services.anchor.chain import Chain
from services.anchor.proving import FinalBatch, Place, Trees, anchored, manifest_for, proof_for, with_proof
from services.anchor.store import AnchorTransaction, Pending, Store, Unproved
from shared.clock import Clock
from shared.errors import NotFound, TryLater, Unreadable
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived
from shared.merkle import Path, Tree, merkle_tree
from shared.runtime.log import logger

log = logger("anchor")

_AT_ONCE = 100
_ETHER = 10**18
_GWEI = 10**9


class Documents(Protocol):
    """Where documents lie: `shared.runtime.objects.Objects`."""

    def put(self, key: str, body: bytes, content_type: str) -> None: ...

    def get(self, key: str) -> bytes: ...


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: Documents
    chain: Chain
    trees: Trees
    now: Clock
    place: Place
    batches: BatchRules
    fees: FeeRules
    poll: timedelta
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
            figures.EXCLUDED.labels("revoked").inc(tx.exclude_revoked(new))


def close_batch(ports: Ports) -> int:
    """Step 6. Close a batch when it is due: its root and its leaves are fixed from then on. Returns how many leaves."""
    with ports.store.transaction() as tx:
        if not tx.is_only_writer():
            return 0
        waiting = tx.waiting()
        figures.WAITING.set(waiting.count)
        if not is_due(waiting.count, waiting.oldest_at, ports.now(), ports.batches):
            return 0
        rows = tx.waiting_leaves(ports.batches.size)
        batch = close([leaf for _, leaf in rows])
        tx.save_batch(batch, [assertion_id for assertion_id, _ in rows])
    # If we die before the commit above, all leaves still wait; after it, the batch is complete and never changes.
    log.info("closed", root=batch.root.hex(), leaves=len(batch.leaves))
    return len(batch.leaves)


def submit(ports: Ports) -> int:
    """Step 6. Write down the signed transaction, then send it. After dying in between the same bytes are sent again."""
    return sign_next(ports) + send_next(ports)


def sign_next(ports: Ports) -> int:
    """Sign the transaction of one closed batch and store it. One process at a time, so nonces have no gaps."""
    with ports.store.transaction() as tx:
        batch = tx.next_of(["closed"]) if tx.is_only_writer() else None
        if batch is None:
            return 0
        try:
            outlook = ports.chain.outlook(batch.root)
        except TryLater as error:
            return _put_off(tx, batch, "chain", str(error))
        fee = fee_for(outlook.market, ports.fees.cap)
        if fee is None:
            return _put_off(
                tx, batch, "fee-over-cap", f"got a base fee of {outlook.market.base} wei, above MAX_FEE_GWEI"
            )
        nonce = tx.take_nonce(ports.chain.chain_id, ports.chain.address, outlook.next_nonce)
        signed, raw = ports.chain.sign(batch.root, nonce, fee, outlook.gas, ports.now())
        tx.save_signed(batch.root, signed, outlook.gas, raw)
    # If we die before the commit, nonce and signature never were; after it, `send_next` finds the bytes.
    figures.SIGNED.labels("anew" if batch.signed else "first").inc()
    log.info("signed", root=batch.root.hex(), transaction=signed.hash, nonce=nonce)
    return 1


def send_next(ports: Ports) -> int:
    """Send the newest stored bytes of one signed batch, as they are."""
    with ports.store.transaction() as tx:
        batch = tx.next_of(["signed"])
        if batch is None or batch.raw is None:
            return 0
        newest = batch.signed[-1]
        try:
            answer, words = ports.chain.send(batch.raw)
        except TryLater as error:
            return _put_off(tx, batch, "chain", str(error))
        if answer == "refused":
            return _put_off(tx, batch, "refused", words)
        # If we die here, the node has the transaction and we don't know: the same bytes go again, "already known".
        tx.mark_sent(batch.root, newest.hash, look_after=ports.poll)
    log.info("submitted", root=batch.root.hex(), transaction=newest.hash, answer=words)
    return 1


def confirm(ports: Ports) -> int:
    """Step 7. See where a sent batch stands: final, in a block, to be sent again, to be bumped, or thrown back."""
    with ports.store.transaction() as tx:
        batch = tx.next_of(["sent", "mined"])
        if batch is None:
            return 0
        target = Target(batch.root, ports.chain.contract, ports.chain.address)
        try:
            facts = ports.chain.look(target, tuple(signed.hash for signed in batch.signed))
        except TryLater as error:
            return _put_off(tx, batch, "chain", str(error))
        step = next_step(batch.state, target, batch.signed, facts, ports.now(), ports.fees)
        _take(step, batch, tx, ports)
    # If we die before the commit, the next look finds the same or later facts and takes the step again.
    return 1


def _take(step: Step, batch: Pending, tx: AnchorTransaction, ports: Ports) -> None:
    root = batch.root.hex()
    match step:
        case Wait(reason):
            if reason != "pending" and reason != "not-final":
                figures.NOT_DONE.labels(reason).inc()
            tx.look_again(batch.root, after=ports.poll)
        case SendAgain():
            log.info("retried", root=root, transaction=batch.signed[-1].hash)
            tx.move(batch.root, "signed")
        case Bump(nonce, fee):
            gas = tx.gas_of(batch.signed[-1].hash)
            signed, raw = ports.chain.sign(batch.root, nonce, fee, gas, ports.now())
            tx.save_signed(batch.root, signed, gas, raw)
            figures.SIGNED.labels("bump").inc()
            log.info("bumped", root=root, transaction=signed.hash, nonce=nonce, most=fee.most)
        case SignAnew(reason):
            figures.NOT_DONE.labels(reason).inc()
            log.warning("retried", root=root, reason=reason)
            tx.move(batch.root, "closed")
        case Mined(included):
            tx.set_included(batch.root, "mined", included, after=ports.poll)
            log.info("anchored", root=root, transaction=included.transaction, block=included.block_number)
        case Reorged():
            figures.REORGED.inc()
            log.warning("reorged", root=root)
            tx.move(batch.root, "sent")
        case Final(included):
            tx.set_included(batch.root, "final", included, after=timedelta(0))
            figures.FINAL.inc()
            log.info("finalized", root=root, transaction=included.transaction, block=included.block_number)


def prove(ports: Ports) -> int:
    """Step 7. Add the proof to up to 100 credentials of a final batch, then say that they are anchored.

    The batch's manifest goes first. Everything put is a function of the batch, so putting it again changes nothing.
    """
    with ports.store.transaction() as tx:
        row = tx.next_to_prove()
        if row is None:
            return 0
        batch = FinalBatch(row.root, ports.place, row.included)
        tree = ports.trees.find(row.root) or ports.trees.keep(merkle_tree(tx.leaves_of(row.root)))
        leaves = tx.unproved(row.root, _AT_ONCE)
        try:
            if not row.has_manifest:
                manifest = manifest_for(batch, tree.leaves)
                ports.objects.put(f"batches/{row.root.hex()}.json", manifest, "application/json")
                tx.mark_manifest(row.root)
        except TryLater as error:
            _wait_for_storage(leaves, tx, error)
            return 0
        done = _prove_leaves(leaves, batch, tree, tx, ports)
        # If we die here, credentials carry proofs that nobody was told of: the same bytes are put again and announced.
    figures.PROVED.inc(done)
    return done


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
            figures.NOT_DONE.labels("credential").inc()
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
    figures.NOT_DONE.labels("storage").inc()
    log.warning("waiting", part="objects", cause=str(error))
    tx.postpone_leaves(leaves, str(error))


def measure(ports: Ports) -> int:
    """Any time. Batches by state, the balance and the price of gas, for /metrics."""
    with ports.store.transaction() as tx:
        states = tx.batches_by_state()
    for state in STATES:
        figures.BATCHES.labels(state).set(states.get(state, 0))
    figures.CHAIN_UP.set(0)
    figures.BASE_FEE.set(ports.chain.market().base / _GWEI)
    figures.BALANCE.set(ports.chain.balance() / _ETHER)
    figures.CHAIN_UP.set(1)
    return 0


def _put_off(tx: AnchorTransaction, batch: Pending, reason: str, cause: str) -> int:
    figures.NOT_DONE.labels(reason).inc()
    log.warning("waiting", root=batch.root.hex(), reason=reason, cause=cause)
    tx.postpone(batch, cause)
    return 0
