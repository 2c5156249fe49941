"""Whether a Merkle root is anchored at finality on a configured network, and on which; pure.

The registry is asked by root, whatever network the file names, so a root that was moved to a successor network counts
there. In this order: a root that one of our registries has revoked is revoked, on whatever other network it is
anchored; a transaction that the file names and a node knows must be as the file says; then one network where the root
is final is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.verifier.check.evidence import ChainAnswers
from services.verifier.check.outcome import CheckOutcome, Finding
from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.clock import JST
from shared.credentials.merkle_proof import MerkleProof


@dataclass(frozen=True)
class RootStatus:
    """The answer about one root. `networks`: the ids of those on which it is final."""

    outcome: CheckOutcome
    got: str
    finding: Finding = ""
    networks: tuple[str, ...] = ()


def root_status(proof: MerkleProof, chain: ChainAnswers) -> RootStatus:
    """Whether the root of `proof` is anchored, by what each network answered."""
    root, answered = proof.merkle_root, [each for each in chain if isinstance(each, NetworkAnswers)]
    if not answered:
        return RootStatus("unknown", "; ".join(_unavailable(each) for each in chain) or "no network is configured")
    for each in answered:
        found = each.anchorings.get(root)
        if found is not None and found.revoked_at is not None:
            return RootStatus("failed", f"{_place(each)}: root revoked at {_time(found.revoked_at)}", "revoked")
    wrong = _wrong_transaction(proof, answered)
    if wrong is not None:
        return RootStatus("failed", wrong)
    final = [each for each in answered if each.stands(root)]
    if final:
        blocks = [f"{_place(each)} in block {_block(each, root)}" for each in final]
        others = [_other(each, root) for each in chain if each not in final]
        return RootStatus(
            "ok",
            "; ".join([f"{root.hex()} stands on {' and on '.join(blocks)}", *others]),
            networks=tuple(each.network for each in final),
        )
    pending = [each for each in answered if each.anchorings.get(root) is not None]
    if pending:
        waits = [f"{_place(each)}: block {_block(each, root)}, final is {each.finalized_block}" for each in pending]
        return RootStatus("unknown", "; ".join(waits), "pending")
    return _not_anchored(proof, chain, answered)


def _not_anchored(proof: MerkleProof, chain: ChainAnswers, answered: list[NetworkAnswers]) -> RootStatus:
    """No network that answered knows the root: failed, unless one without an answer may know it.

    A file that names other chains only may be of a network that was removed from the configuration.
    """
    got = "; ".join(_other(each, proof.merkle_root) for each in chain)
    silent = [each for each in chain if isinstance(each, NetworkAway)]
    ours = {each.chain_id for each in answered}
    named = ", ".join(anchor.blink for anchor in proof.anchors)
    if silent:
        return RootStatus("unknown", got)
    if proof.anchors and not any(anchor.chain_id in ours for anchor in proof.anchors):
        return RootStatus("unknown", f"{got}; the file names {named}, a network that is not configured here")
    return RootStatus("failed", f"{got}; the file names {named or 'no transaction'}")


def _wrong_transaction(proof: MerkleProof, answered: list[NetworkAnswers]) -> str | None:
    """The first of the file's transactions on these chains that isn't as the file says; None without one.

    Nodes drop their index of transactions after about a year, badges are valid for four: a transaction that no node
    knows changes nothing of what a registry says.
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
            continue  # not in a block yet: the registry's answer decides
        if known is not None and known.block_number > to[0].finalized_block:
            continue  # it may come into another block yet
        if facts.succeeded is not True or (known is not None and facts.block_number != known.block_number):
            return f"transaction {facts.hash}: succeeded {facts.succeeded}, block {facts.block_number}"
    return None


def _place(each: NetworkAnswers | NetworkAway) -> str:
    return f"{each.network} (chain {each.chain_id}), registry {each.contract}"


def _unavailable(each: NetworkAnswers | NetworkAway) -> str:
    return f"{each.network}: {each.why if isinstance(each, NetworkAway) else 'answered'}"


def _other(each: NetworkAnswers | NetworkAway, root: bytes) -> str:
    """The answer of a network on which the root is not final."""
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
