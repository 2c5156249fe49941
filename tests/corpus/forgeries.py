"""Proofs that aren't what they say, made from real badges on a real chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import cbor2

from shared.credentials.credential import leaf_of
from shared.credentials.merkle import root_of
from shared.credentials.merkle_proof import Anchor, MerkleProof, decode_proof, encode_proof
from shared.credentials.multibase import base58, from_base58
from tests.worlds.anvil import CHAIN_ID
from tests.worlds.verifier import VerifierWorld

Document = dict[str, Any]


def proof_in(document: Document) -> MerkleProof:
    return decode_proof(document["proof"][1]["proofValue"])


def with_proof(document: Document, **changes: Any) -> Document:
    """The badge with another second proof."""
    old = proof_in(document)
    new = MerkleProof(**{**{name: getattr(old, name) for name in old.__struct_fields__}, **changes})
    forged = deepcopy(document)
    forged["proof"][1]["proofValue"] = encode_proof(new)
    return forged


def _neighbours_path(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    return with_proof(badge, path=proof_in(neighbour).path)


def _neighbours_proof(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    return {**badge, "proof": [badge["proof"][0], neighbour["proof"][1]]}


def _inner_node_as_leaf(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    """A document that nobody anchored, with the path of an inner node of a real tree."""
    never = world.issue(7)
    proof = proof_in(badge)
    inner = _above(proof)
    value = MerkleProof(path=proof.path[1:], merkle_root=proof.merkle_root, target_hash=inner, anchors=proof.anchors)
    second = {**badge["proof"][1], "proofValue": encode_proof(value)}
    return {**never, "proof": [never["proof"][0], second]}


def _above(proof: MerkleProof) -> bytes:
    return root_of(proof.target_hash, proof.path[:1])


def _overlong_path(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    return with_proof(badge, path=proof_in(badge).path * 20)


def _own_root(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    """Its leaf as a root of its own, which nobody anchored, under the name of a real transaction."""
    never = world.issue(8)
    leaf = bytes.fromhex(leaf_of(never))
    value = MerkleProof(path=(), merkle_root=leaf, target_hash=leaf, anchors=proof_in(badge).anchors)
    return {**never, "proof": [never["proof"][0], {**badge["proof"][1], "proofValue": encode_proof(value)}]}


def _foreign_contract(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    """A transaction that carries the right root to a contract that isn't ours."""
    never = world.issue(9)
    leaf = bytes.fromhex(leaf_of(never))
    sent = world.send({"to": world.web3.to_checksum_address("0x" + "ee" * 20), "data": "0x" + leaf.hex()})
    world.chain.mine(8)
    value = MerkleProof(path=(), merkle_root=leaf, target_hash=leaf, anchors=(Anchor(CHAIN_ID, sent),))
    return {**never, "proof": [never["proof"][0], {**badge["proof"][1], "proofValue": encode_proof(value)}]}


def _reverted(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    """The root sent a second time, which the contract refused."""
    root = proof_in(badge).merkle_root
    sent = world.send(
        {"to": world.web3.to_checksum_address(world.registry), "data": "0x" + root.hex(), "gas": "0x30d40"}
    )
    world.chain.mine(8)
    return with_proof(badge, anchors=(Anchor(CHAIN_ID, sent),))


def _never_sent(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    never = world.issue(10)
    leaf = bytes.fromhex(leaf_of(never))
    value = MerkleProof(path=(), merkle_root=leaf, target_hash=leaf, anchors=(Anchor(CHAIN_ID, "0x" + "77" * 32),))
    return {**never, "proof": [never["proof"][0], {**badge["proof"][1], "proofValue": encode_proof(value)}]}


def _on(chain_id: int) -> Callable[[VerifierWorld, Document, Document], Document]:
    def forge(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
        never = world.issue(11)
        leaf = bytes.fromhex(leaf_of(never))
        value = MerkleProof(path=(), merkle_root=leaf, target_hash=leaf, anchors=(Anchor(chain_id, "0x" + "78" * 32),))
        return {**never, "proof": [never["proof"][0], {**badge["proof"][1], "proofValue": encode_proof(value)}]}

    return forge


def _written(change: Callable[[list[Any]], Any]) -> Callable[[VerifierWorld, Document, Document], Document]:
    """The true proof, whose CBOR is written otherwise: `change` gets its [key, value] pairs."""

    def forge(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
        pairs = cbor2.loads(from_base58(badge["proof"][1]["proofValue"], longest=16_384))
        forged = deepcopy(badge)
        forged["proof"][1]["proofValue"] = base58(cbor2.dumps(change(pairs)))
        return forged

    return forge


def _with(key: int, value: Callable[[Any], Any]) -> Callable[[VerifierWorld, Document, Document], Document]:
    return _written(lambda pairs: [[name, value(each) if name == key else each] for name, each in pairs])


def _many_anchors(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
    return with_proof(badge, anchors=tuple(Anchor(CHAIN_ID, "0x" + f"{n:064x}") for n in range(16)))


def _changed(change: Callable[[Document], object]) -> Callable[[VerifierWorld, Document, Document], Document]:
    def forge(world: VerifierWorld, badge: Document, neighbour: Document) -> Document:
        forged = deepcopy(badge)
        change(forged)
        return forged

    return forge


FORGERIES: Mapping[str, Callable[[VerifierWorld, Document, Document], Document]] = {
    "the neighbour's path": _neighbours_path,
    "the neighbour's proof": _neighbours_proof,
    "an inner node as leaf": _inner_node_as_leaf,
    "a path longer than any tree": _overlong_path,
    "a root of its own": _own_root,
    "a foreign contract": _foreign_contract,
    "a reverted transaction": _reverted,
    "a transaction that was never sent": _never_sent,
    "another chain": _on(11155111),
    "the mainnet": _on(1),
    "a chain that nobody knows (mocknet)": _on(1337),
    "more transactions than a badge has": _many_anchors,
    "a map for its pairs": _written(dict),
    "a pair twice": _written(lambda pairs: [*pairs, pairs[1]]),
    "a triple for a pair": _written(lambda pairs: [[*pairs[0], 0], *pairs[1:]]),
    "true for the number of a pair": _written(lambda pairs: [[True if n == 1 else n, each] for n, each in pairs]),
    "a step of three": _with(3, lambda path: [[*step, 0] for step in path]),
    "true for a side": _with(3, lambda path: [[bool(side), sibling] for side, sibling in path]),
    "true for the chain": _with(2, lambda anchors: [[[0, True], *each[1:]] for each in anchors]),
    "a hash with spaces": _with(
        1, lambda root: cbor2.dumps(" ".join(cbor2.loads(root)[n : n + 2] for n in range(0, 64, 2)))
    ),
    "a hash with a line behind": _with(1, lambda root: cbor2.dumps(cbor2.loads(root) + "\n")),
    "a number for a hash": _with(0, lambda hashed: cbor2.dumps(10**63)),
    "a list for a hash": _with(0, lambda hashed: cbor2.dumps([cbor2.loads(hashed)])),
    "a hash of 31 bytes": _with(1, lambda root: cbor2.dumps(bytes.fromhex(cbor2.loads(root))[1:])),
    "another name": _changed(lambda d: d["credentialSubject"]["identifier"][1].update(identityHash="髙橋 二郎")),
    "a later end": _changed(lambda d: d.update(validUntil="2099-03-31T23:59:59+09:00")),
    "another bit of the list": _changed(lambda d: d["credentialStatus"].update(statusListIndex="5")),
    "another list": _changed(lambda d: d["credentialStatus"].update(statusListCredential="http://127.0.0.1/x.json")),
    "a proof as proof of itself": _changed(lambda d: d["proof"].__setitem__(0, d["proof"][1])),
    "the issuer's name on another's key": _changed(
        lambda d: d["proof"][0].update(verificationMethod="did:web:forger.example#key-1")
    ),
}
