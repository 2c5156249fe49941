"""Looking Merkle roots up on every configured network; final ones are cached for five seconds. Decides nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock
from time import monotonic
from typing import Protocol

from services.verifier.check.evidence import ChainAnswers
from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.chain.networks import Network
from shared.credentials.merkle_proof import MerkleProof
from shared.errors import TryLater, Unreadable

_MAX_TRANSACTIONS = 8  # asked for one file; one of ours names one or two
_MAX_ENTRIES = 512
_SECONDS = 5.0  # a batch's badges have one root: many requests for them ask each node once


class Lookup(Protocol):
    """`shared.chain.lookup.Networks`."""

    def answers(
        self, roots: Iterable[bytes], transactions: Iterable[tuple[int, str]] = ()
    ) -> list[NetworkAnswers | NetworkAway]:
        """What each network answers, in their order; one that can't be asked is NetworkAway."""


class AnchorSource(Protocol):
    """Where roots are looked up."""

    def answers(self, proofs: Sequence[MerkleProof]) -> ChainAnswers:
        """What is known of the roots and transactions that the proofs name. TryLater, Unreadable."""


class Chains:
    """All configured networks. Answers of which one has every root at finality are cached. Thread-safe."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._cached: OrderedDict[object, tuple[float, ChainAnswers]] = OrderedDict()
        self._lock = Lock()

    def answers(self, proofs: Sequence[MerkleProof]) -> ChainAnswers:
        roots = tuple(dict.fromkeys(proof.merkle_root for proof in proofs))
        named = tuple(dict.fromkeys((a.chain_id, a.transaction) for proof in proofs for a in proof.anchors))
        if len(named) > _MAX_TRANSACTIONS:
            raise Unreadable(f"got {len(named)} transactions in the proofs, expected at most {_MAX_TRANSACTIONS}")
        now, question = monotonic(), (roots, named)
        with self._lock:
            cached = self._cached.get(question)
        if cached is not None and now - cached[0] < _SECONDS:
            return cached[1]
        answers = tuple(self._lookup.answers(roots, named))
        if any(isinstance(each, NetworkAnswers) and all(map(each.stands, roots)) for each in answers):
            self._cache(question, now, answers)
        return answers

    def _cache(self, question: object, now: float, answers: ChainAnswers) -> None:
        with self._lock:
            self._cached[question] = (now, answers)
            self._cached.move_to_end(question)
            while len(self._cached) > _MAX_ENTRIES:
                self._cached.popitem(last=False)


def chains_of(networks: Sequence[Network] | str) -> Chains | NoChain:
    """All of `networks`; or none, with a text that says why."""
    if isinstance(networks, str):
        return NoChain(networks)
    from shared.chain.lookup import Networks

    return Chains(Networks(networks))


class NoChain:
    """A chain that is not asked, and why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def answers(self, proofs: Sequence[MerkleProof]) -> ChainAnswers:
        raise TryLater(self._why)
