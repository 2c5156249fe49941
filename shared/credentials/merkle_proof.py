"""The proof value of merkle-proof-2019: CBOR in base58btc. Written by anchor, read by issuer and verifier; pure.

Source: MerkleProof2019 (W3C CCG, https://w3c-ccg.github.io/lds-merkle-proof-2019/) as Blockcerts' package
lds-merkle-proof-2019 writes it: an array of [key, value] pairs, each hash as the CBOR of its hexadecimal text within a
byte string. The key of an Ethereum network is its chain id; so networks that Blockcerts doesn't list have one as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import cbor2
import msgspec

from shared.credentials.merkle import LONGEST_PATH, Path, Side
from shared.credentials.multibase import base58, from_base58
from shared.errors import Unreadable

CRYPTOSUITE = "merkle-proof-2019"

NETWORKS: Mapping[str, int] = {
    "mainnet": 1,
    "ropsten": 3,
    "rinkeby": 4,
    "goerli": 5,
    "hoodi": 560048,
    "sepolia": 11155111,
    "local": 31337,
}
"""Chain ids of the networks that have a name in a `blink:eth:<network>:<transaction>` anchor."""

_NAMES = {chain_id: name for name, chain_id in NETWORKS.items()}
_MERKLE_ROOT, _TARGET_HASH, _ANCHORS, _PATH = range(4)
_SIDES: tuple[Side, Side] = ("left", "right")
_CHAIN, _NETWORK, _TRANSACTION = range(3)
_ETHEREUM = 1
_MOST_CHARACTERS = 16_384  # a path of 32 steps takes 3 900
_MOST_ANCHORS = 16
_MOST_PAIRS = 16
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")


class Anchor(msgspec.Struct, frozen=True):
    """A transaction (0x and 64 hexadecimal digits) on the Ethereum network with this chain id."""

    chain_id: int
    transaction: str

    @property
    def network(self) -> str:
        """The network's name in a blink; its chain id in digits when it has none."""
        return _NAMES.get(self.chain_id, str(self.chain_id))

    @property
    def blink(self) -> str:
        return f"blink:eth:{self.network}:{self.transaction}"


class MerkleProof(msgspec.Struct, frozen=True, kw_only=True):
    """That `target_hash` (the leaf) is under `merkle_root`, and where the root was anchored."""

    path: Path
    merkle_root: bytes
    target_hash: bytes
    anchors: tuple[Anchor, ...]


def encode_proof(proof: MerkleProof) -> str:
    """The proof value, byte for byte what Blockcerts' encoder makes of path, merkleRoot, targetHash, anchors."""
    return base58(
        cbor2.dumps(
            [
                [_PATH, [[_SIDES.index(side), cbor2.dumps(sibling.hex())] for side, sibling in proof.path]],
                [_MERKLE_ROOT, cbor2.dumps(proof.merkle_root.hex())],
                [_TARGET_HASH, cbor2.dumps(proof.target_hash.hex())],
                [
                    _ANCHORS,
                    [
                        [
                            [_CHAIN, _ETHEREUM],
                            [_NETWORK, anchor.chain_id],
                            [_TRANSACTION, cbor2.dumps(anchor.transaction)],
                        ]
                        for anchor in proof.anchors
                    ],
                ],
            ]
        )
    )


def decode_proof(value: str) -> MerkleProof:
    """The proof in a proof value of any writer. Unreadable, with got and expected, for anything else."""
    data = from_base58(value, longest=_MOST_CHARACTERS)
    try:
        fields = _pairs(cbor2.loads(data))
        return MerkleProof(
            path=tuple(_step(_listed(step, 2)) for step in _listed(fields[_PATH], LONGEST_PATH)),
            merkle_root=_hash(fields[_MERKLE_ROOT]),
            target_hash=_hash(fields[_TARGET_HASH]),
            anchors=tuple(_anchor(_pairs(parts)) for parts in _listed(fields[_ANCHORS], _MOST_ANCHORS)),
        )
    except Exception as error:  # a stranger's bytes: whatever cbor2's decoders or the shape raise, it is no proof
        raise Unreadable(f"expected a merkle-proof-2019 proof value: {type(error).__name__}: {error}") from error


def _pairs(content: Any) -> dict[int, Any]:
    """An array of [number, value] pairs, each number once."""
    pairs = [(_whole(pair[0]), pair[1]) for pair in _listed(content, _MOST_PAIRS) if len(_listed(pair, 2)) == 2]
    if len(dict(pairs)) != len(content):
        raise ValueError("got other than pairs of a number and a value, expected each number once")
    return dict(pairs)


def _step(step: list[Any]) -> tuple[Side, bytes]:
    side, sibling = step
    return _SIDES[_index(side)], _hash(sibling)


def _anchor(parts: Mapping[int, Any]) -> Anchor:
    if _whole(parts[_CHAIN]) != _ETHEREUM:
        raise ValueError(f"got chain {parts[_CHAIN]!r}, expected Ethereum ({_ETHEREUM})")
    chain_id = _whole(parts[_NETWORK])
    if chain_id < 1:
        raise ValueError(f"got network {chain_id!r}, expected a chain id")
    return Anchor(chain_id, "0x" + _hash(parts[_TRANSACTION]).hex())


def _hash(content: Any) -> bytes:
    """32 bytes, from hexadecimal text (Blockcerts in Python) or from a byte string (Blockcerts in JavaScript)."""
    inner = cbor2.loads(content)
    if isinstance(inner, str) and _HEX.fullmatch(inner):
        return bytes.fromhex(inner.removeprefix("0x"))
    if not isinstance(inner, bytes) or len(inner) != 32:
        raise ValueError(f"got a hash of {type(inner).__name__}, expected 32 bytes or their hexadecimal digits")
    return inner


def _index(side: Any) -> int:
    if _whole(side) not in (0, 1):
        raise ValueError(f"got side {side!r}, expected 0 (left) or 1 (right)")
    return int(side)


def _whole(value: Any) -> int:
    """A number below 2^53. One that was written as a float is the same number, as JavaScript reads it."""
    if type(value) not in (int, float) or value != value // 1 or abs(value) >= 2**53:
        raise ValueError(f"got {value!r}, expected a whole number")
    return int(value)


def _listed(content: Any, most: int) -> list[Any]:
    if not isinstance(content, list) or len(content) > most:
        raise ValueError(f"got {type(content).__name__}, expected an array of at most {most}")
    return content
