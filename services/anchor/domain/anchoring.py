"""The way of roots to finality on one network, and what the next step is given what the chain says. Pure.

    closed ── sign ──▶ signed ── send ──▶ sent ── in a block ──▶ mined ── block final ──▶ final
      ▲ │                ▲ ▲              │  │                     │ ▲                      │
      │ │                │ └─ bump, again ┘  │ ◀────── reorg ──────┘ │    (deeper than final)│
      │ │                                    │ ◀─────────────────────┼──────────────────────┘
      │ └─ adopt: the contract knows it ─────┼───────────────────────┘
      └──────── nonce taken, reverted ───────┘

One anchoring is one root by a transaction that holds nothing else, or, in the move to another network, many by one
`anchorMany`. A batch has one for each network. Signed bytes are stored before they are sent, and sent again as they
are. Whatever is done twice is done once on chain: a nonce is used once, and the contract takes a root once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.chain.facts import Anchoring, TransactionFacts

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
    """A signed transaction that carries the roots."""

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
    """What a transaction must be, to anchor the roots: from us, to the contract, with just this input."""

    roots: tuple[bytes, ...]
    input: bytes
    contract: str
    sender: str


@dataclass(frozen=True)
class ChainFacts:
    """What a network says of an anchoring.

    `known`: those of its transactions that the network has, pending or in a block. `anchorings`: of all its roots once
    their block is final; before, of the first alone, since a transaction takes all or none.
    """

    known: tuple[TransactionFacts, ...]
    anchorings: tuple[Anchoring | None, ...]
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

    reason: Literal["nonce-taken", "reverted", "adopted-gone"]


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
    """What to do with roots that were sent. `signed`: all their transactions, the newest last; at least one."""
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


def adopted_step(included: Included, chain: ChainFacts) -> Step:
    """What to do with roots that the contract knew before we signed anything: their block only has to become final."""
    if not _in_block(included.block_number, chain):
        return SignAnew("adopted-gone")
    if chain.canonical_hash != included.block_hash:
        return Wait("node-disagrees") if chain.canonical_hash is None else SignAnew("adopted-gone")
    return Final(included) if included.block_number <= chain.finalized else Wait("not-final")


def stands_no_more(included: Included, chain: ChainFacts) -> bool:
    """Whether a block that was final is not part of the chain any more. A node that is behind proves nothing."""
    if chain.finalized < included.block_number:
        return False
    return chain.canonical_hash != included.block_hash or not _in_block(included.block_number, chain)


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
    first = chain.anchorings[0]
    if facts.block_number is None or facts.block_hash is None or first is None:
        return Wait("node-disagrees")  # a receipt of a root that the contract doesn't know
    if chain.canonical_hash != facts.block_hash or not _in_block(facts.block_number, chain):
        return Reorged() if state == "mined" else Wait("node-disagrees")
    included = Included(facts.hash, facts.block_number, facts.block_hash, first.anchored_at)
    if facts.block_number <= chain.finalized:
        return Final(included)
    return Wait("not-final") if state == "mined" else Mined(included)


def _in_block(block_number: int, chain: ChainFacts) -> bool:
    return all(known is not None and known.block_number == block_number for known in chain.anchorings)


def _is_right(facts: TransactionFacts, target: Target) -> bool:
    return facts.to == target.contract and facts.input == target.input and facts.sender == target.sender


def _eighth_more(wei: int) -> int:
    return wei + (wei + 7) // 8
