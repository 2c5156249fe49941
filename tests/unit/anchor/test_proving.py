from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from services.anchor.domain.anchoring import Deployment, Inclusion
from services.anchor.domain.proving import (
    FinalAnchor,
    TreeCache,
    anchored,
    has_more_anchors,
    lacks_last_proof,
    manifest_for,
    proof_for,
    read_manifest,
    with_proof,
)
from shared.credentials.merkle import merkle_tree, root_of
from shared.credentials.merkle_proof import Anchor, decode_proof
from shared.errors import Unreadable

LEAVES = [sha256(bytes([number])).digest() for number in range(5)]
TREE = merkle_tree(LEAVES)
BATCH = FinalAnchor(
    TREE.root,
    Deployment("local", 31337, "0x" + "c" * 40),
    Inclusion("0x" + "ab" * 32, 12, "0x" + "cd" * 32, datetime(2026, 4, 1, 1, 2, 3, tzinfo=UTC)),
)
ELSEWHERE = replace(
    BATCH,
    deployment=Deployment("sepolia", 11155111, BATCH.deployment.contract),
    inclusion=replace(BATCH.inclusion, transaction="0x" + "ef" * 32),
)
SIGNED = json.dumps({"id": "x", "name": "髙橋", "proof": [{"cryptosuite": "eddsa-rdfc-2022"}]}).encode()
DAMAGED = (SIGNED.replace(b"eddsa", b"edd\xffa"), SIGNED.replace(b'"x"', b"[" * 100_000))
PROOF = proof_for(BATCH, LEAVES[0], TREE.proof(LEAVES[0]), "did:web:example.jp#chain")


def test_the_proof_holds_the_path_of_the_leaf_and_the_anchor_of_the_root() -> None:
    decoded = decode_proof(PROOF["proofValue"])
    assert root_of(LEAVES[0], decoded.path) == decoded.merkle_root == BATCH.root
    assert (decoded.target_hash, decoded.anchors) == (LEAVES[0], (Anchor(31337, BATCH.inclusion.transaction),))
    assert PROOF["created"] == "2026-04-01T01:02:03Z"


def test_the_issuers_proof_stays_first() -> None:
    document = json.loads(with_proof(SIGNED, PROOF))
    assert [proof["cryptosuite"] for proof in document["proof"]] == ["eddsa-rdfc-2022", "merkle-proof-2019"]
    assert {**document, "proof": document["proof"][:1]} == json.loads(SIGNED)


def test_a_proof_added_twice_is_there_once_with_the_same_bytes() -> None:
    once = with_proof(SIGNED, PROOF)
    assert with_proof(once, PROOF) == once


def test_a_proof_on_another_chain_is_kept() -> None:
    other = proof_for(ELSEWHERE, LEAVES[0], TREE.proof(LEAVES[0]), "did:web:example.jp#chain")
    both = with_proof(with_proof(SIGNED, PROOF), other)
    assert len(json.loads(both)["proof"]) == 3
    assert with_proof(both, other) == both


@pytest.mark.parametrize(
    "damaged", [b"", b"[]", b"{}", b'{"proof": {}}', b'{"proof": []}', b'{"proof": [1]}', b"\xff", *DAMAGED]
)
def test_bytes_other_than_a_credential_are_unreadable(damaged: bytes) -> None:
    with pytest.raises(Unreadable):
        with_proof(damaged, PROOF)


def test_the_manifest_rebuilds_the_tree() -> None:
    manifest = json.loads(manifest_for([BATCH, ELSEWHERE], TREE.leaves))
    assert merkle_tree(map(bytes.fromhex, manifest["leaves"])).root.hex() == manifest["root"]
    assert [(each["network"], each["transaction"]) for each in manifest["anchors"]] == [
        ("local", BATCH.inclusion.transaction),
        ("sepolia", ELSEWHERE.inclusion.transaction),
    ]


def test_a_manifest_that_was_written_is_read_with_all_its_anchors_and_leaves() -> None:
    manifest = read_manifest(manifest_for([BATCH, ELSEWHERE], TREE.leaves), TREE.root)
    assert manifest.anchors == (BATCH, ELSEWHERE)
    assert sorted(manifest.leaves) == sorted(TREE.leaves)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"root": "00", "anchors": [], "leaves": []}',
        manifest_for([BATCH], TREE.leaves[:-1]),
        manifest_for([BATCH], TREE.leaves).replace(b'"leaves"', b'"fruits"'),
        manifest_for([BATCH], TREE.leaves).replace(TREE.leaves[0].hex().encode(), b"zz"),
        manifest_for([BATCH], TREE.leaves).replace(b"local", b"l\xffcal"),
        manifest_for([BATCH], TREE.leaves).replace(b'"local"', b"[" * 100_000),
        b'{"root": ' + b"[" * 100_000,
        b'{"added": ' + b"[" * 100_000,
    ],
)
def test_a_manifest_with_other_leaves_than_those_of_its_root_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match=TREE.root.hex()):
        read_manifest(body, TREE.root)


def test_the_event_carries_a_path_that_leads_to_the_root() -> None:
    event = anchored("A1", BATCH, LEAVES[3], TREE.proof(LEAVES[3]))
    path = tuple((side, bytes.fromhex(sibling)) for side, sibling in event.path)
    assert root_of(bytes.fromhex(event.leaf), path).hex() == event.merkle_root
    assert "@" not in str(event)


def test_a_proof_that_is_added_takes_nothing_away() -> None:
    signed, proved = with_proof(SIGNED, PROOF), with_proof(with_proof(SIGNED, PROOF), {**PROOF, "created": "later"})
    plain = json.dumps(json.loads(SIGNED), ensure_ascii=False, separators=(",", ":")).encode()
    assert lacks_last_proof(plain, signed)
    assert not lacks_last_proof(signed, proved)


def test_a_manifest_with_a_network_more_is_told_from_one_with_another() -> None:
    both, one = manifest_for([BATCH, ELSEWHERE], TREE.leaves), manifest_for([ELSEWHERE], TREE.leaves)
    assert has_more_anchors(both, TREE.root, [BATCH])
    assert not has_more_anchors(both, TREE.root, [BATCH, ELSEWHERE])
    assert not has_more_anchors(one, TREE.root, [BATCH])
    assert not has_more_anchors(b"{", TREE.root, [BATCH])


def test_a_cached_tree_is_found_by_its_own_root_only() -> None:
    trees = TreeCache()
    assert trees.find(TREE.root) is None
    assert trees.find(trees.keep(TREE).root) is TREE
    assert trees.find(LEAVES[0]) is None
