"""Steps 6 and 7 on one network: sign, send, see it become final. Each network has these to itself, so that one which is
away, dear or ended holds up no other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.anchor import metrics
from services.anchor.chain import Chain, input_for
from services.anchor.domain.anchoring import (
    Bump,
    FeeRules,
    Final,
    Mined,
    Reorged,
    SendAgain,
    SignAnew,
    Step,
    Wait,
    adopted_step,
    fee_for,
    next_step,
    stands_no_more,
)
from services.anchor.domain.proving import Place
from services.anchor.store import AnchorTransaction, Store
from services.anchor.store_anchorings import Pending
from shared.clock import Clock
from shared.errors import TryLater
from shared.runtime.log import logger

log = logger("anchor")

_WATCHED = timedelta(days=1)  # for so long after finality its block is looked at again
_WATCH_POLLS = 30  # in so many times the usual pause


@dataclass(frozen=True)
class NetworkPorts:
    """One network, and what is needed to anchor there."""

    store: Store
    chain: Chain
    place: Place
    first: Place  # the network that decides when a batch is complete
    takes_new: bool  # False: a retired one; what is on its way goes on
    now: Clock
    fees: FeeRules
    poll: timedelta


def submit(ports: NetworkPorts) -> int:
    """Step 6. Write down the signed transaction, then send it. After dying in between the same bytes are sent again."""
    return sign_next(ports) + send_next(ports)


def sign_next(ports: NetworkPorts) -> int:
    """Sign one transaction for closed roots and store it. One process at a time on a chain, so nonces have no gaps."""
    with ports.store.transaction() as tx:
        pending = tx.next_of(ports.place, ["closed"]) if tx.is_only_writer(ports.place.chain_id) else None
        if pending is None:
            return 0
        try:
            if adopted := _adopt(pending, tx, ports):
                return adopted
            outlook = ports.chain.outlook(input_for(pending.roots, many=pending.many))
        except TryLater as error:
            return _put_off(tx, pending, "chain", str(error))
        if not ports.takes_new and not pending.many:
            return _put_off(tx, pending, "retired", f"{ports.place.network} takes no new roots (retired)")
        fee = fee_for(outlook.market, ports.fees.cap)
        if fee is None:
            return _put_off(
                tx, pending, "fee-over-cap", f"got a base fee of {outlook.market.base} wei, above max_fee_gwei"
            )
        nonce = tx.take_nonce(ports.place, ports.chain.address, outlook.next_nonce)
        data = input_for(pending.roots, many=pending.many)
        signed, raw = ports.chain.sign(data, nonce, fee, outlook.gas, ports.now())
        tx.save_signed(pending.id, signed, outlook.gas, raw)
    # If we die before the commit, nonce and signature never were; after it, `send_next` finds the bytes.
    metrics.SIGNED.labels("anew" if pending.signed else "first").inc()
    log.info("signed", network=ports.place.network, root=pending.name, transaction=signed.hash, nonce=nonce)
    return 1


def _adopt(pending: Pending, tx: AnchorTransaction, ports: NetworkPorts) -> int:
    """Take over roots that the contract knows already: from before our database was restored, or by another's hand.

    They are never sent: the contract would refuse them for ever. Returns how many; the others wait for the next call.
    """
    known = ports.chain.known(pending.roots)
    for root, anchoring in known.items():
        if anchoring.revoked_at is not None:
            raise TryLater(f"{root.hex()} was anchored and taken back on {ports.place.network}; it gets no proof there")
        included = ports.chain.included(root, anchoring)
        id = tx.part(pending, ports.place, root) if pending.many else pending.id
        tx.forget_transactions(id)
        tx.set_included(id, "mined", included, after=timedelta(0))
        metrics.ADOPTED.labels(ports.place.network).inc()
        log.info(
            "anchored", network=ports.place.network, root=root.hex(), transaction=included.transaction, adopted=True
        )
    if pending.many and known:
        tx.remove_empty(pending.id)
    return len(known)


def send_next(ports: NetworkPorts) -> int:
    """Send the newest stored bytes of one signed anchoring, as they are."""
    with ports.store.transaction() as tx:
        pending = tx.next_of(ports.place, ["signed"])
        if pending is None or pending.raw is None:
            return 0
        newest = pending.signed[-1]
        try:
            answer, words = ports.chain.send(pending.raw)
        except TryLater as error:
            return _put_off(tx, pending, "chain", str(error))
        if answer == "refused":
            return _put_off(tx, pending, "refused", words)
        # If we die here, the node has the transaction and we don't know: the same bytes go again, "already known".
        tx.mark_sent(pending.id, newest.hash, look_after=ports.poll)
    log.info("submitted", network=ports.place.network, root=pending.name, transaction=newest.hash, answer=words)
    return 1


def confirm(ports: NetworkPorts) -> int:
    """Step 7. See where sent roots stand: final, in a block, to be sent again, to be bumped, or thrown back."""
    with ports.store.transaction() as tx:
        pending = tx.next_of(ports.place, ["sent", "mined"])
        if pending is None:
            return 0
        target = ports.chain.target(pending.roots, many=pending.many)
        try:
            facts = ports.chain.look(pending.roots, [signed.hash for signed in pending.signed], pending.included)
        except TryLater as error:
            return _put_off(tx, pending, "chain", str(error))
        if pending.signed:
            step = next_step(pending.state, target, pending.signed, facts, ports.now(), ports.fees)
        elif pending.included is not None:
            step = adopted_step(pending.included, facts)
        else:
            step = SignAnew("adopted-gone")
        _take(step, pending, tx, ports)
    # If we die before the commit, the next look finds the same or later facts and takes the step again.
    return 1


def _take(step: Step, pending: Pending, tx: AnchorTransaction, ports: NetworkPorts) -> None:
    facts = {"network": ports.place.network, "root": pending.name}
    match step:
        case Wait(reason):
            if reason != "pending" and reason != "not-final":
                metrics.NOT_DONE.labels(reason).inc()
            tx.look_again(pending.id, after=ports.poll)
        case SendAgain():
            log.info("retried", **facts, transaction=pending.signed[-1].hash)
            tx.move(pending.id, "signed")
        case Bump(nonce, fee):
            gas = tx.gas_of(pending.signed[-1].hash)
            data = input_for(pending.roots, many=pending.many)
            signed, raw = ports.chain.sign(data, nonce, fee, gas, ports.now())
            tx.save_signed(pending.id, signed, gas, raw)
            metrics.SIGNED.labels("bump").inc()
            log.info("bumped", **facts, transaction=signed.hash, nonce=nonce, most=fee.most)
        case SignAnew(reason):
            metrics.NOT_DONE.labels(reason).inc()
            log.warning("retried", **facts, reason=reason)
            tx.move(pending.id, "closed")
        case Mined(included):
            tx.set_included(pending.id, "mined", included, after=ports.poll)
            log.info("anchored", **facts, transaction=included.transaction, block=included.block_number)
        case Reorged():
            metrics.REORGED.labels("before-finality").inc()
            log.warning("reorged", **facts)
            tx.move(pending.id, "sent")
        case Final(included):
            tx.set_included(pending.id, "final", included, after=_WATCH_POLLS * ports.poll)
            tx.decide(ports.first)
            metrics.FINAL.inc()
            log.info("finalized", **facts, transaction=included.transaction, block=included.block_number)


def watch(ports: NetworkPorts) -> int:
    """Any time. For a day, see that what was final still is. A chain that breaks its word gets the same bytes again."""
    with ports.store.transaction() as tx:
        pending = tx.next_to_watch(ports.place, ports.now() - _WATCHED)
        if pending is None or pending.included is None:
            return 0
        try:
            facts = ports.chain.look(pending.roots, (), pending.included)
        except TryLater as error:
            return _put_off(tx, pending, "chain", str(error))
        if not stands_no_more(pending.included, facts):
            tx.look_again(pending.id, after=_WATCH_POLLS * ports.poll)
            return 1
        # The proofs name a transaction that is in no block now. Sent again as it is, it keeps its name, and they hold.
        tx.move(pending.id, "sent" if pending.signed else "closed")
    metrics.REORGED.labels("after-finality").inc()
    log.error("reorged", network=ports.place.network, root=pending.name, block=pending.included.block_number)
    return 1


def _put_off(tx: AnchorTransaction, pending: Pending, reason: str, cause: str) -> int:
    metrics.NOT_DONE.labels(reason).inc()
    log.warning("waiting", root=pending.name, reason=reason, cause=cause)
    tx.postpone(pending, cause)
    return 0
