"""A Merkle tree over sorted pairs with SHA-256. Built by anchor, checked by issuer and verifier; pure.

The layout is that of OpenZeppelin's merkle-tree (an array of 2n-1 nodes, root first, sorted leaves from the end), so
their `MerkleProof` with a SHA-256 pair hash accepts these proofs. Leaves are digests already and are not hashed again,
so an inner node could pass as a leaf: a check of a proof computes the leaf from the document itself and bounds the
path (`longest_path`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal

Side = Literal["left", "right"]
Path = tuple[tuple[Side, bytes], ...]
"""The siblings from the leaf upwards, each with the side on which it stands."""

LONGEST_PATH = 32
"""No tree of ours is deeper: 2^32 leaves."""


class Tree:
    """The tree over some leaves; made by `merkle_tree`. Proofs are read out of it only when asked for."""

    def __init__(self, nodes: Sequence[bytes], leaves: tuple[bytes, ...]) -> None:
        self._nodes = nodes
        self.leaves = leaves
        self._places = {leaf: len(nodes) - 1 - order for order, leaf in enumerate(leaves)}

    @property
    def root(self) -> bytes:
        return self._nodes[0]

    def proof(self, leaf: bytes) -> Path:
        """The path from `leaf` to the root. KeyError for a leaf that isn't in the tree."""
        path: list[tuple[Side, bytes]] = []
        place = self._places[leaf]
        while place > 0:
            sibling = self._nodes[place + 1 if place % 2 else place - 1]
            path.append(("left" if sibling < self._nodes[place] else "right", sibling))
            place = (place - 1) // 2
        return tuple(path)


def merkle_tree(leaves: Iterable[bytes]) -> Tree:
    """The tree over a set of 32-byte leaves: their order does not matter, a repeated one counts once.

    100 000 leaves take about 0.3 s. ValueError without any leaf, or for a leaf of another length.
    """
    ordered = tuple(sorted(set(leaves)))
    if not ordered:
        raise ValueError("got no leaf, expected at least one")
    for leaf in ordered:
        if len(leaf) != 32:
            raise ValueError(f"got a leaf of {len(leaf)} bytes, expected 32")
    inner = len(ordered) - 1
    nodes = [b""] * inner + list(reversed(ordered))
    for place in range(inner - 1, -1, -1):
        nodes[place] = _parent(nodes[2 * place + 1], nodes[2 * place + 2])
    return Tree(nodes, ordered)


def root_of(leaf: bytes, path: Path) -> bytes:
    """The root to which `path` leads from `leaf`. ValueError when the path is longer than any tree of ours is deep.

    Sides are followed as they are given: what other verifiers of merkle-proof-2019 do.
    """
    if len(path) > LONGEST_PATH:
        raise ValueError(f"got a path of {len(path)} steps, expected at most {LONGEST_PATH}")
    node = leaf
    for side, sibling in path:
        node = sha256(sibling + node if side == "left" else node + sibling).digest()
    return node


def longest_path(leaves: int) -> int:
    """How many steps a proof in a tree of so many leaves has at most: the depth of the tree."""
    return max(leaves - 1, 0).bit_length()


def _parent(one: bytes, other: bytes) -> bytes:
    return sha256(one + other if one < other else other + one).digest()
