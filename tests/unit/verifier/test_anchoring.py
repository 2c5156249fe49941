"""On which network a root is anchored at finality."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.verifier.check.anchoring import root_status
from shared.chain.facts import NetworkAnswers, NetworkAway, RegistryEntry, TransactionFacts
from shared.credentials.merkle_proof import Anchor, MerkleProof

ROOT, AT = b"\7" * 32, datetime(2026, 4, 2, tzinfo=UTC)
OURS, THEIRS = "0x" + "ab" * 20, "0x" + "ee" * 20
HASH = "0x" + "cd" * 32
FINAL, PENDING, UNKNOWN = RegistryEntry(AT, 12), RegistryEntry(AT, 99), None
REVOKED = RegistryEntry(AT, 12, revoked_at=AT)


def network(
    name: str, chain_id: int, found: RegistryEntry | None, facts: TransactionFacts | None = None
) -> NetworkAnswers:
    return NetworkAnswers(
        network=name,
        chain_id=chain_id,
        contract=OURS,
        finalized_block=20,
        anchorings={ROOT: found},
        transactions={HASH: facts} if facts else {},
    )


def away(name: str, chain_id: int) -> NetworkAway:
    return NetworkAway(network=name, chain_id=chain_id, contract=OURS, why="node away")


def facts(**changes: object) -> TransactionFacts:
    good: dict[str, object] = {
        "hash": HASH, "sender": THEIRS, "to": OURS, "input": ROOT, "nonce": 0, "succeeded": True, "block_number": 12,
    }  # fmt: skip
    return TransactionFacts(**{**good, **changes})  # type: ignore[arg-type]


PROOF = MerkleProof(path=(), merkle_root=ROOT, target_hash=ROOT, anchors=(Anchor(1, HASH),))


@pytest.mark.parametrize(
    ("chain", "outcome", "finding", "networks"),
    [
        ((network("old", 1, FINAL, facts()),), "ok", "", ("old",)),
        ((network("old", 1, FINAL), network("new", 2, FINAL)), "ok", "", ("old", "new")),
        ((away("old", 1), network("new", 2, FINAL)), "ok", "", ("new",)),
        ((network("old", 1, UNKNOWN), network("new", 2, FINAL)), "ok", "", ("new",)),
        ((network("old", 1, PENDING), network("new", 2, FINAL)), "ok", "", ("new",)),
        ((away("old", 1), network("new", 2, UNKNOWN)), "unknown", "", ()),
        ((away("old", 1), away("new", 2)), "unknown", "", ()),
        ((), "unknown", "", ()),
        ((network("old", 1, PENDING), away("new", 2)), "unknown", "pending", ()),
        ((network("old", 1, UNKNOWN), network("new", 2, UNKNOWN)), "failed", "", ()),
        ((network("third", 3, UNKNOWN),), "unknown", "", ()),
        # before finality a transaction may change its block, but not what it says
        ((network("old", 1, PENDING, facts(block_number=13)),), "unknown", "pending", ()),
        ((network("old", 1, PENDING, facts(block_number=None, succeeded=None)),), "unknown", "pending", ()),
        ((network("old", 1, PENDING, facts(succeeded=False)),), "unknown", "pending", ()),
        ((network("old", 1, PENDING, facts(to=THEIRS)),), "failed", "", ()),
        ((network("old", 1, PENDING, facts(to=None)),), "failed", "", ()),
        ((network("old", 1, PENDING, facts(input=b"\0" * 32)),), "failed", "", ()),
        ((network("old", 1, REVOKED), network("new", 2, FINAL)), "failed", "revoked", ()),
        ((network("old", 1, FINAL, facts(to=THEIRS)), network("new", 2, FINAL)), "failed", "", ()),
        ((network("old", 1, FINAL, facts(input=b"\0" * 32)),), "failed", "", ()),
        ((network("old", 1, FINAL, facts(succeeded=False)),), "failed", "", ()),
        ((network("old", 1, UNKNOWN, facts(succeeded=False)),), "failed", "", ()),
        ((network("old", 1, FINAL, facts(block_number=13)),), "failed", "", ()),
    ],
)
def test_a_root_is_judged_by_what_every_network_answers(
    chain: tuple[NetworkAnswers | NetworkAway, ...], outcome: str, finding: str, networks: tuple[str, ...]
) -> None:
    found = root_status(PROOF, chain)
    assert (found.outcome, found.finding, found.networks) == (outcome, finding, networks)
    assert found.got
    for each in networks:
        assert each in found.got


def test_a_proof_that_names_no_transaction_is_judged_by_its_root() -> None:
    unnamed = MerkleProof(path=(), merkle_root=ROOT, target_hash=ROOT, anchors=())
    assert root_status(unnamed, (network("old", 1, UNKNOWN),)).outcome == "failed"
    assert root_status(unnamed, (network("old", 1, FINAL),)).outcome == "ok"
