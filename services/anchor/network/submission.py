"""Steps 6 and 7 on one network: sign, send, poll until final.

Each network has ticks of its own, so that one that is unavailable, too expensive or ended delays no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from services.anchor import metrics
from services.anchor.domain.anchoring import (
    Anchoring,
    Bump,
    Deployment,
    Final,
    Inclusion,
    Mined,
    Reorged,
    SendAgain,
    SignAgain,
    Step,
    Wait,
    adopted_step,
    left_the_chain,
    next_step,
)
from services.anchor.domain.costs import FeeRules, fee_for
from services.anchor.network.sender import Sender, input_for
from services.anchor.store import AnchorTransaction, Store
from shared.clock import Clock
from shared.errors import TryLater, cause_of
from shared.runtime.log import logger
from shared.runtime.metrics import ROWS_ASIDE
from shared.runtime.rows import is_away

log = logger("anchor")

_CHECKED_FOR = timedelta(days=1)  # for this long after finality the block is checked again
_CHECK_EVERY = 30  # polls


@dataclass(frozen=True)
class NetworkPorts:
    """What the ticks of one network need."""

    store: Store
    sender: Sender
    deployment: Deployment
    deciding: Deployment  # the one that decides when a batch is complete
    takes_new: bool  # False: a retired network; what was signed is still sent
    now: Clock
    fees: FeeRules
    poll: timedelta


def submit(ports: NetworkPorts) -> int:
    """Step 6. Store the signed transaction, then send it. If we die in between, the same bytes are sent again."""
    return sign_next(ports) + send_next(ports)


def sign_next(ports: NetworkPorts) -> int:
    """Sign one transaction for closed roots and store it. One process at a time on a chain, so nonces have no gaps."""
    with ports.store.transaction() as tx:
        anchoring = (
            tx.anchorings.next_due(ports.deployment, ["closed"])
            if tx.try_writer_lock(ports.deployment.chain_id)
            else None
        )
        if anchoring is None:
            return 0
        with _costs_one(tx, anchoring):
            try:
                if adopted := _adopt(anchoring, tx, ports):
                    return adopted
                estimate = ports.sender.estimate(input_for(anchoring.roots, many=anchoring.many))
            except TryLater as error:
                return _postpone(tx, anchoring, "chain", str(error))
            if not ports.takes_new and not anchoring.many:
                return _postpone(tx, anchoring, "retired", f"{ports.deployment.network} takes no new roots (retired)")
            fee = fee_for(estimate.gas_price, ports.fees.cap)
            if fee is None:
                return _postpone(
                    tx,
                    anchoring,
                    "fee-over-cap",
                    f"got a base fee of {estimate.gas_price.base} wei, above max_fee_gwei",
                )
            nonce = tx.transactions.take_nonce(ports.deployment, ports.sender.address, estimate.next_nonce)
            data = input_for(anchoring.roots, many=anchoring.many)
            signed, raw = ports.sender.sign(data, nonce, fee, estimate.gas, ports.now())
            tx.transactions.save(anchoring.id, signed, estimate.gas, raw)
            # If we die before the commit, neither nonce nor signature exists; after it, `send_next` finds the bytes.
            metrics.SIGNED.labels("anew" if anchoring.signed else "first").inc()
            log.info(
                "signed", network=ports.deployment.network, root=anchoring.name, transaction=signed.hash, nonce=nonce
            )
            return 1
    return 0


def _adopt(anchoring: Anchoring, tx: AnchorTransaction, ports: NetworkPorts) -> int:
    """Adopt roots that the contract knows already: sent before our database was restored, or by another process.

    They are not sent, since the contract would refuse them each time. Returns their number; others wait for the next
    call.
    """
    known = ports.sender.known(anchoring.roots)
    for root, entry in known.items():
        if entry.revoked_at is not None:
            raise TryLater(
                f"{root.hex()} was anchored and taken back on {ports.deployment.network}; it gets no proof there"
            )
        inclusion = ports.sender.inclusion_of(root, entry)
        id = tx.anchorings.split_off(anchoring, ports.deployment, root) if anchoring.many else anchoring.id
        tx.transactions.detach(id)
        tx.anchorings.set_inclusion(id, "mined", inclusion, after=timedelta(0))
        metrics.ADOPTED.labels(ports.deployment.network).inc()
        log.info(
            "anchored",
            network=ports.deployment.network,
            root=root.hex(),
            transaction=inclusion.transaction,
            adopted=True,
        )
    if anchoring.many and known:
        tx.anchorings.delete_if_empty(anchoring.id)
    return len(known)


def send_next(ports: NetworkPorts) -> int:
    """Send the newest stored bytes of one signed anchoring, as they are."""
    with ports.store.transaction() as tx:
        anchoring = tx.anchorings.next_due(ports.deployment, ["signed"])
        if anchoring is None or anchoring.raw is None:
            return 0
        with _costs_one(tx, anchoring):
            newest = anchoring.signed[-1]
            try:
                result, text = ports.sender.send(anchoring.raw)
            except TryLater as error:
                return _postpone(tx, anchoring, "chain", str(error))
            if result == "refused":
                return _postpone(tx, anchoring, "refused", text)
            # If we die here, the node has the transaction and we don't know it: the same bytes are sent again and
            # answered with "already known".
            tx.transactions.mark_sent(anchoring.id, newest.hash, poll_after=ports.poll)
            log.info(
                "submitted", network=ports.deployment.network, root=anchoring.name, transaction=newest.hash, answer=text
            )
            return 1
    return 0


def confirm(ports: NetworkPorts) -> int:
    """Step 7. Poll sent anchorings, up to one that takes its next step: final, mined, sent again, bumped, signed again.

    Returns 1 for that step, 0 when none took one: those that wait give other ticks nothing to do.
    """
    while (outcome := _poll_next(ports)) == "waits":
        pass
    return int(outcome == "moved")


def _poll_next(ports: NetworkPorts) -> Literal["nothing", "waits", "moved"]:
    with ports.store.transaction() as tx:
        anchoring = tx.anchorings.next_due(ports.deployment, ["sent", "mined"])
        if anchoring is None:
            return "nothing"
        with _costs_one(tx, anchoring):
            try:
                step = _next_step(anchoring, ports)
            except TryLater as error:
                _postpone(tx, anchoring, "chain", str(error))
                return "nothing"
            _take(step, anchoring, tx, ports)
            # If we die before the commit, the next poll finds the same or later facts and takes the step again.
            return "waits" if isinstance(step, Wait) else "moved"
    return "nothing"


def _next_step(anchoring: Anchoring, ports: NetworkPorts) -> Step:
    """By what the network says now. TryLater when too few endpoints answer or agree."""
    sender, inclusion = ports.sender, anchoring.inclusion
    if anchoring.state == "mined" and inclusion is not None and sender.waits_for_finality(inclusion):
        return Wait("not-final")
    expected = sender.expected(anchoring.roots, many=anchoring.many)
    facts = sender.facts(anchoring.roots, [signed.hash for signed in anchoring.signed], inclusion)
    if anchoring.signed:
        return next_step(anchoring.state, expected, anchoring.signed, facts, ports.now(), ports.fees)
    return SignAgain("adopted-gone") if inclusion is None else adopted_step(inclusion, facts)


def _take(step: Step, anchoring: Anchoring, tx: AnchorTransaction, ports: NetworkPorts) -> None:
    facts = {"network": ports.deployment.network, "root": anchoring.name}
    match step:
        case Wait(reason):
            if reason != "pending" and reason != "not-final":
                metrics.NOT_DONE.labels(reason).inc()
            tx.anchorings.poll_again(anchoring.id, after=ports.poll)
        case SendAgain():
            log.info("retried", **facts, transaction=anchoring.signed[-1].hash)
            tx.anchorings.set_state(anchoring.id, "signed")
        case Bump(nonce, fee):
            gas = tx.transactions.gas_of(anchoring.signed[-1].hash)
            data = input_for(anchoring.roots, many=anchoring.many)
            signed, raw = ports.sender.sign(data, nonce, fee, gas, ports.now())
            tx.transactions.save(anchoring.id, signed, gas, raw)
            metrics.SIGNED.labels("bump").inc()
            log.info("bumped", **facts, transaction=signed.hash, nonce=nonce, most=fee.most)
        case SignAgain(reason):
            metrics.NOT_DONE.labels(reason).inc()
            log.warning("retried", **facts, reason=reason)
            tx.anchorings.set_state(anchoring.id, "closed")
        case Mined(inclusion):
            tx.anchorings.set_inclusion(anchoring.id, "mined", inclusion, after=ports.poll)
            log.info("anchored", **facts, transaction=inclusion.transaction, block=inclusion.block_number)
        case Reorged():
            metrics.REORGED.labels("before-finality").inc()
            log.warning("reorged", **facts)
            tx.anchorings.set_state(anchoring.id, "sent")
        case Final(inclusion):
            tx.anchorings.set_inclusion(anchoring.id, "final", inclusion, after=_CHECK_EVERY * ports.poll)
            tx.batches.complete(ports.deciding)
            metrics.FINAL.inc()
            log.info("finalized", **facts, transaction=inclusion.transaction, block=inclusion.block_number)


def check_finality(ports: NetworkPorts) -> int:
    """Any time. For a day, check that final blocks are still on chain; after a deeper reorg, send again.

    Returns 1 for one that left the chain, 0 when all that were due are still there.
    """
    while (outcome := _check_next(ports)) == "stays":
        pass
    return int(outcome == "left")


def _check_next(ports: NetworkPorts) -> Literal["nothing", "stays", "left"]:
    with ports.store.transaction() as tx:
        anchoring = tx.anchorings.next_final_to_check(ports.deployment, ports.now() - _CHECKED_FOR)
        if anchoring is None or anchoring.inclusion is None:
            return "nothing"
        with _costs_one(tx, anchoring):
            try:
                if not _has_left(anchoring.roots, anchoring.inclusion, ports.sender):
                    tx.anchorings.poll_again(anchoring.id, after=_CHECK_EVERY * ports.poll)
                    return "stays"
            except TryLater as error:
                _postpone(tx, anchoring, "chain", str(error))
                return "nothing"
            # The proofs name a transaction that is in no block now. Sent again unchanged it keeps its hash, and they
            # hold.
            tx.anchorings.set_state(anchoring.id, "sent" if anchoring.signed else "closed")
            metrics.REORGED.labels("after-finality").inc()
            log.error(
                "reorged",
                network=ports.deployment.network,
                root=anchoring.name,
                block=anchoring.inclusion.block_number,
            )
            return "left"
    return "nothing"


def _has_left(roots: Sequence[bytes], inclusion: Inclusion, sender: Sender) -> bool:
    """TryLater when too few endpoints answer or agree."""
    return not sender.is_on_chain(inclusion) and left_the_chain(inclusion, sender.facts(roots, (), inclusion))


@contextmanager
def _costs_one(tx: AnchorTransaction, anchoring: Anchoring) -> Iterator[None]:
    """What fails of one anchoring, whatever it is, postpones it with its cause: the next run takes another one."""
    try:
        with tx.savepoint():
            yield
    except Exception as error:
        if is_away(error):
            raise
        ROWS_ASIDE.labels("anchorings").inc()
        log.error("failed", root=anchoring.name, cause=cause_of(error, 300))
        _postpone(tx, anchoring, "fault", f"{type(error).__name__}: {error}")


def _postpone(tx: AnchorTransaction, anchoring: Anchoring, reason: str, cause: str) -> int:
    metrics.NOT_DONE.labels(reason).inc()
    log.warning("waiting", root=anchoring.name, reason=reason, cause=cause)
    tx.anchorings.postpone(anchoring, cause)
    return 0
