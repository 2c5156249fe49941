"""The states of an anchoring on one network, and its next step given what the chain says. Pure.

    closed ── sign ──▶ signed ── send ──▶ sent ── in a block ──▶ mined ── block final ──▶ final
      ▲ │                ▲ ▲              │  │                     │ ▲                      │
      │ │                │ └─ bump, again ┘  │ ◀────── reorg ──────┘ │    (deeper than final)│
      │ │                                    │ ◀─────────────────────┼──────────────────────┘
      │ └─ adopt: the contract knows it ─────┼───────────────────────┘
      └──────── nonce taken, reverted ───────┘

An anchoring is the work of getting a root into our contract on one network: one root by a transaction that holds
nothing else or, in a migration to another network, many by one `anchorMany`. A batch has one for each network. Signed
bytes are stored before they are sent, and sent again unchanged. Repetition is safe: a nonce is used once on chain, and
the contract accepts a root once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.anchor.domain.costs import Fee, FeeRules, GasPrice, bumped
from shared.chain.facts import RegistryEntry, TransactionFacts
from shared.retry import has_passed

State = Literal["closed", "signed", "sent", "mined", "final"]
STATES: tuple[State, ...] = ("closed", "signed", "sent", "mined", "final")

SendResult = Literal["accepted", "underpriced", "refused"]


@dataclass(frozen=True)
class Deployment:
    """Our contract on one network. `contract` in lower-case hexadecimal with 0x; `network` is its configured name."""

    network: str
    chain_id: int
    contract: str


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction of ours that carries the roots, without its raw bytes."""

    hash: str
    nonce: int
    fee: Fee
    signed_at: datetime


@dataclass(frozen=True)
class Inclusion:
    """The block that includes the transaction. `anchored_at` is the block's time."""

    transaction: str
    block_number: int
    block_hash: str
    anchored_at: datetime


@dataclass(frozen=True)
class Anchoring:
    """Roots to be anchored on one network, with all their transactions, the newest last. `raw`: the newest one's bytes.

    `inclusion`: the block that has them, as far as is known. Without any transaction they were adopted.
    """

    id: int
    roots: tuple[bytes, ...]
    many: bool
    state: State
    attempts: int
    signed: tuple[SignedTransaction, ...]
    raw: bytes | None
    inclusion: Inclusion | None

    @property
    def name(self) -> str:
        """For logs: the root, or the first of many."""
        return self.roots[0].hex()


@dataclass(frozen=True)
class ExpectedTransaction:
    """What a transaction must be to anchor the roots: from our account, to the contract, with exactly this input."""

    roots: tuple[bytes, ...]
    input: bytes
    contract: str
    sender: str


@dataclass(frozen=True)
class ChainFacts:
    """What a network says of an anchoring.

    `known`: those of its transactions that the network has, pending or in a block. `entries`: the contract's entries of
    all its roots once their block is final; before, of the first root only, since a transaction anchors all or none.
    """

    known: tuple[TransactionFacts, ...]
    entries: tuple[RegistryEntry | None, ...]
    canonical_hash: str | None  # of the block now at the height of the inclusion; None without one
    finalized: int
    next_nonce: int  # the number of transactions of our account that are in blocks
    gas_price: GasPrice


@dataclass(frozen=True)
class Wait:
    """Nothing to do until the next poll. The reason is counted."""

    reason: Literal["pending", "not-final", "fee-over-cap", "not-seen", "node-disagrees", "revert-not-final"]


@dataclass(frozen=True)
class SendAgain:
    """The node doesn't know the newest transaction: send the same bytes again."""


@dataclass(frozen=True)
class Bump:
    """No block includes the transaction: sign the same nonce again with a higher fee."""

    nonce: int
    fee: Fee


@dataclass(frozen=True)
class SignAgain:
    """None of the transactions can succeed any more: sign one with a new nonce."""

    reason: Literal["nonce-taken", "reverted", "adopted-gone"]


@dataclass(frozen=True)
class Mined:
    inclusion: Inclusion


@dataclass(frozen=True)
class Final:
    inclusion: Inclusion


@dataclass(frozen=True)
class Reorged:
    """The block that included the transaction is no longer part of the chain."""


Step = Wait | SendAgain | Bump | SignAgain | Mined | Final | Reorged


def next_step(
    state: State,
    expected: ExpectedTransaction,
    signed: tuple[SignedTransaction, ...],
    chain: ChainFacts,
    now: datetime,
    rules: FeeRules,
) -> Step:
    """The next step for roots that were sent. `signed`: all their transactions, the newest last; at least one."""
    ours = [facts for facts in chain.known if _is_expected(facts, expected)]
    for facts in ours:
        if facts.succeeded:
            return _step_in_block(state, facts, chain)
    if state == "mined":
        return Reorged()
    newest = signed[-1]
    current = [facts for facts in ours if facts.nonce == newest.nonce]
    for facts in current:
        if facts.succeeded is False:
            final = facts.block_number is not None and facts.block_number <= chain.finalized
            return SignAgain("reverted") if final else Wait("revert-not-final")
    stuck = has_passed(rules.stuck_after, newest.signed_at, now)
    if chain.next_nonce > newest.nonce:
        # Another transaction has our nonce, or the node shows the count before the receipt: it gets time to catch up.
        return SignAgain("nonce-taken") if stuck else Wait("not-seen")
    if stuck:
        more = bumped(newest.fee, chain.gas_price, rules.cap)
        if more is not None:
            return Bump(newest.nonce, more)
    if not any(facts.hash == newest.hash for facts in current):
        return SendAgain()
    return Wait("fee-over-cap" if stuck else "pending")


def adopted_step(inclusion: Inclusion, chain: ChainFacts) -> Step:
    """The next step for roots that the contract knew before we signed anything: their block has to become final."""
    if not _in_block(inclusion.block_number, chain):
        return SignAgain("adopted-gone")
    if chain.canonical_hash != inclusion.block_hash:
        return Wait("node-disagrees") if chain.canonical_hash is None else SignAgain("adopted-gone")
    return Final(inclusion) if inclusion.block_number <= chain.finalized else Wait("not-final")


def left_the_chain(inclusion: Inclusion, chain: ChainFacts) -> bool:
    """Whether a block that was final is not part of the chain any more. False while the node is behind that block."""
    if chain.finalized < inclusion.block_number:
        return False
    return chain.canonical_hash != inclusion.block_hash or not _in_block(inclusion.block_number, chain)


def send_result(answer: str) -> SendResult:
    """What a node's error text for a sent transaction means: wordings of geth, reth, Nethermind, Besu and anvil.

    accepted: it has or had the transaction. underpriced: it wants a higher fee for this nonce, which `next_step` offers
    in time. refused: it doesn't take it (no funds, no role); the same bytes are sent again later.
    """
    words = answer.lower()
    if any(phrase in words for phrase in ("already known", "known transaction", "already imported", "nonce too low")):
        return "accepted"
    if any(
        phrase in words for phrase in ("underpriced", "fee too low", "less than block base fee", "gas price too low")
    ):
        return "underpriced"
    return "refused"


def _step_in_block(state: State, facts: TransactionFacts, chain: ChainFacts) -> Step:
    first = chain.entries[0]
    if facts.block_number is None or facts.block_hash is None or first is None:
        return Wait("node-disagrees")  # a receipt for a root that the contract doesn't know
    if chain.canonical_hash != facts.block_hash or not _in_block(facts.block_number, chain):
        return Reorged() if state == "mined" else Wait("node-disagrees")
    inclusion = Inclusion(facts.hash, facts.block_number, facts.block_hash, first.anchored_at)
    if facts.block_number <= chain.finalized:
        return Final(inclusion)
    return Wait("not-final") if state == "mined" else Mined(inclusion)


def _in_block(block_number: int, chain: ChainFacts) -> bool:
    return all(entry is not None and entry.block_number == block_number for entry in chain.entries)


def _is_expected(facts: TransactionFacts, expected: ExpectedTransaction) -> bool:
    return facts.to == expected.contract and facts.input == expected.input and facts.sender == expected.sender
