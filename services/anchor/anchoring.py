"""The life of a closed batch on its way to finality, and what its next step is given what the chain says. Pure.

    closed ── sign ──▶ signed ── send ──▶ sent ── in a block ──▶ mined ── block final ──▶ final
      ▲                  ▲ ▲              │  │                     │
      │                  │ └─ bump, again ┘  │ ◀────── reorg ──────┘
      └──────── nonce taken, reverted ───────┘

Signed bytes are stored before they are sent, and sent again as they are. Whatever is done twice is done once on chain:
a nonce is used once, and the contract takes a root once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.chain_facts import Anchoring, TransactionFacts

State = Literal["closed", "signed", "sent", "mined", "final"]
STATES: tuple[State, ...] = ("closed", "signed", "sent", "mined", "final")

Answer = Literal["accepted", "outbid", "refused"]


@dataclass(frozen=True)
class Fee:
    """What we offer for a unit of gas, in wei (EIP-1559): `most` in all, of it `tip` for the block's producer."""

    most: int
    tip: int


@dataclass(frozen=True)
class Market:
    """What gas costs now, in wei: the base fee of the newest block, and the tip that the node suggests."""

    base: int
    tip: int


@dataclass(frozen=True)
class FeeRules:
    cap: int  # wei per gas; never offered more
    stuck_after: timedelta  # without a block for so long: offer more


@dataclass(frozen=True)
class Signed:
    """A signed transaction that carries the batch's root."""

    hash: str
    nonce: int
    fee: Fee
    signed_at: datetime


@dataclass(frozen=True)
class Included:
    """In which block the root stands. `anchored_at` is the block's time."""

    transaction: str
    block_number: int
    block_hash: str
    anchored_at: datetime


@dataclass(frozen=True)
class Target:
    """What a transaction must be, to anchor the batch: from us, to the contract, with nothing but the root."""

    root: bytes
    contract: str
    sender: str


@dataclass(frozen=True)
class ChainFacts:
    """What the node says of a batch. `known`: those of its transactions that the node has, pending or in a block."""

    known: tuple[TransactionFacts, ...]
    anchoring: Anchoring | None
    canonical_hash: str | None  # of the block that stands where the root was included; None if that is nowhere
    finalized: int
    next_nonce: int  # how many transactions of our account are in blocks
    market: Market


@dataclass(frozen=True)
class Wait:
    """Nothing to do before the next look. The reason is counted."""

    reason: Literal["pending", "not-final", "fee-over-cap", "not-seen", "node-disagrees", "revert-not-final"]


@dataclass(frozen=True)
class SendAgain:
    """The node doesn't know the newest transaction: it gets the same bytes again."""


@dataclass(frozen=True)
class Bump:
    """No block took the transaction: the same nonce again, for more."""

    nonce: int
    fee: Fee


@dataclass(frozen=True)
class SignAnew:
    """None of the transactions can succeed any more: one with a new nonce."""

    reason: Literal["nonce-taken", "reverted"]


@dataclass(frozen=True)
class Mined:
    included: Included


@dataclass(frozen=True)
class Final:
    included: Included


@dataclass(frozen=True)
class Reorged:
    """The block that had the transaction is no longer part of the chain."""


Step = Wait | SendAgain | Bump | SignAnew | Mined | Final | Reorged


def next_step(
    state: State, target: Target, signed: tuple[Signed, ...], chain: ChainFacts, now: datetime, rules: FeeRules
) -> Step:
    """What to do with a batch that was sent. `signed`: all its transactions, the newest last; at least one."""
    ours = [facts for facts in chain.known if _is_right(facts, target)]
    for facts in ours:
        if facts.succeeded:
            return _included(state, facts, chain)
    if state == "mined":
        return Reorged()
    newest = signed[-1]
    current = [facts for facts in ours if facts.nonce == newest.nonce]
    for facts in current:
        if facts.succeeded is False:
            final = facts.block_number is not None and facts.block_number <= chain.finalized
            return SignAnew("reverted") if final else Wait("revert-not-final")
    stuck = now - newest.signed_at >= rules.stuck_after
    if chain.next_nonce > newest.nonce:
        # Another transaction has our nonce, or the node shows the count before the receipt: it gets time to catch up.
        return SignAnew("nonce-taken") if stuck else Wait("not-seen")
    if stuck:
        more = bumped(newest.fee, chain.market, rules.cap)
        if more is not None:
            return Bump(newest.nonce, more)
    if not any(facts.hash == newest.hash for facts in current):
        return SendAgain()
    return Wait("fee-over-cap" if stuck else "pending")


def fee_for(market: Market, cap: int) -> Fee | None:
    """An offer that outlives five full blocks (each raises the base fee by an eighth). None with gas above the cap."""
    if market.base + market.tip > cap:
        return None
    return Fee(min(2 * market.base + market.tip, cap), market.tip)


def bumped(fee: Fee, market: Market, cap: int) -> Fee | None:
    """The next offer for the same nonce: 12.5 % more (nodes want 10) or the market's if higher. None above the cap."""
    most = max(_eighth_more(fee.most), 2 * market.base + market.tip)
    tip = max(_eighth_more(fee.tip), market.tip)
    if most > cap:
        most = _eighth_more(fee.most)
    return Fee(most, min(tip, most)) if most <= cap else None


def heard(answer: str) -> Answer:
    """What a node's answer to a sent transaction means; the words are those of geth, reth, Nethermind, Besu and anvil.

    accepted: it has the transaction, or had it. outbid: it wants more for this nonce, which `next_step` offers in time.
    refused: it doesn't take it (no funds, no role); the same bytes are sent again later.
    """
    words = answer.lower()
    if any(phrase in words for phrase in ("already known", "known transaction", "already imported", "nonce too low")):
        return "accepted"
    if any(
        phrase in words for phrase in ("underpriced", "fee too low", "less than block base fee", "gas price too low")
    ):
        return "outbid"
    return "refused"


def _included(state: State, facts: TransactionFacts, chain: ChainFacts) -> Step:
    if facts.block_number is None or facts.block_hash is None or chain.anchoring is None:
        return Wait("node-disagrees")  # a receipt of a root that the contract doesn't know
    if chain.canonical_hash != facts.block_hash or chain.anchoring.block_number != facts.block_number:
        return Reorged() if state == "mined" else Wait("node-disagrees")
    included = Included(facts.hash, facts.block_number, facts.block_hash, chain.anchoring.anchored_at)
    if facts.block_number <= chain.finalized:
        return Final(included)
    return Wait("not-final") if state == "mined" else Mined(included)


def _is_right(facts: TransactionFacts, target: Target) -> bool:
    return facts.to == target.contract and facts.input == target.root and facts.sender == target.sender


def _eighth_more(wei: int) -> int:
    return wei + (wei + 7) // 8
