"""Whether a root stands on one of the configured networks, and on which; pure.

The registry answers by root, whatever network the file names, so a root that was moved to a successor network counts
there. In this order: a root that one of our registries has taken back is revoked, wherever else it stands; a
transaction that the file names and that is there must be what the file says; then one network where the root is final
is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.verifier.check.evidence import ChainAnswers
from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.clock import JST
from shared.credentials.merkle_proof import MerkleProof

Outcome = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True)
class Standing:
    """The answer about one root. `networks`: the ids of those on which it stands."""

    outcome: Outcome
    got: str
    finding: Literal["", "revoked", "pending"] = ""
    networks: tuple[str, ...] = ()


def standing_of(proof: MerkleProof, chain: ChainAnswers) -> Standing:
    """Whether the root of `proof` counts, by what each network said."""
    root, answered = proof.merkle_root, [each for each in chain if isinstance(each, NetworkAnswers)]
    if not answered:
        return Standing("unknown", "; ".join(_away(each) for each in chain) or "no network is configured")
    for each in answered:
        found = each.anchorings.get(root)
        if found is not None and found.revoked_at is not None:
            return Standing("failed", f"{_place(each)}: root revoked at {_time(found.revoked_at)}", "revoked")
    wrong = _wrong_transaction(proof, answered)
    if wrong is not None:
        return Standing("failed", wrong)
    standing = [each for each in answered if each.stands(root)]
    if standing:
        blocks = [f"{_place(each)} in block {_block(each, root)}" for each in standing]
        others = [_other(each, root) for each in chain if each not in standing]
        return Standing(
            "ok",
            "; ".join([f"{root.hex()} stands on {' and on '.join(blocks)}", *others]),
            networks=tuple(each.network for each in standing),
        )
    young = [each for each in answered if each.anchorings.get(root) is not None]
    if young:
        waits = [f"{_place(each)}: block {_block(each, root)}, final is {each.finalized_block}" for each in young]
        return Standing("unknown", "; ".join(waits), "pending")
    return _nowhere(proof, chain, answered)


def _nowhere(proof: MerkleProof, chain: ChainAnswers, answered: list[NetworkAnswers]) -> Standing:
    """No network that answered knows the root. A no, unless one that gave no answer could know it.

    A file that names another chain only may be of a network that was taken out of the configuration.
    """
    told = "; ".join(_other(each, proof.merkle_root) for each in chain)
    silent = [each for each in chain if isinstance(each, NetworkAway)]
    ours = {each.chain_id for each in answered}
    named = ", ".join(anchor.blink for anchor in proof.anchors)
    if silent:
        return Standing("unknown", told)
    if proof.anchors and not any(anchor.chain_id in ours for anchor in proof.anchors):
        return Standing("unknown", f"{told}; the file names {named}, a network that is not configured here")
    return Standing("failed", f"{told}; the file names {named or 'no transaction'}")


def _wrong_transaction(proof: MerkleProof, answered: list[NetworkAnswers]) -> str | None:
    """What doesn't fit of the transactions that the file names on these chains.

    Nodes forget where transactions are after about a year, badges live for four: one that no node knows takes nothing
    away from what a registry says.
    """
    for anchor in proof.anchors:
        here = [each for each in answered if each.chain_id == anchor.chain_id]
        facts = next((found for each in here if (found := each.transactions.get(anchor.transaction))), None)
        if facts is None:
            continue
        to = [each for each in here if each.contract == facts.to]
        if not to or facts.input != proof.merkle_root:
            return f"transaction {facts.hash} to {facts.to} with {facts.input[:40].hex()}"
        known = to[0].anchorings.get(proof.merkle_root)
        if known is None and facts.block_number is None:
            continue  # not in a block yet: the registry's answer says all
        if facts.succeeded is not True or (known is not None and facts.block_number != known.block_number):
            return f"transaction {facts.hash}: succeeded {facts.succeeded}, block {facts.block_number}"
    return None


def _place(each: NetworkAnswers | NetworkAway) -> str:
    return f"{each.network} (chain {each.chain_id}), registry {each.contract}"


def _away(each: NetworkAnswers | NetworkAway) -> str:
    return f"{each.network}: {each.why if isinstance(each, NetworkAway) else 'answered'}"


def _other(each: NetworkAnswers | NetworkAway, root: bytes) -> str:
    """Of a network on which the root does not stand."""
    if isinstance(each, NetworkAway):
        return f"{each.network} gave no answer: {each.why}"[:160]
    if root not in each.anchorings:
        return f"{each.network}: not asked for {root.hex()}"
    if each.anchorings[root] is None:
        return f"{_place(each)} doesn't know {root.hex()}"
    return f"{each.network}: not final yet"


def _block(each: NetworkAnswers, root: bytes) -> int | None:
    found = each.anchorings[root]
    return found.block_number if found is not None else None


def _time(moment: datetime) -> str:
    return moment.astimezone(JST).isoformat(timespec="seconds")
