"""Looking roots up on every configured network, at most a few seconds ago. Decides nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic
from typing import Protocol

from services.verifier.check.credential import Badge, anchorings_of
from services.verifier.check.evidence import ChainAnswers
from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.errors import TryLater, Unreadable

_MOST_TRANSACTIONS = 8  # asked for of one file; one of ours names one or two
_MOST_KEPT = 512
_KEPT = 5.0  # seconds; a batch's badges have one root, so a rush on them asks each node once


class Lookup(Protocol):
    """`shared.chain.lookup.Networks`."""

    def answers(
        self, roots: Iterable[bytes], transactions: Iterable[tuple[int, str]] = ()
    ) -> list[NetworkAnswers | NetworkAway]:
        """What each network says, in their order; one that can't be asked is NetworkAway."""


class AnchorSource(Protocol):
    """Where roots are looked up."""

    def answers(self, badge: Badge) -> ChainAnswers:
        """What is known of the roots and transactions that the credential names. TryLater, Unreadable."""


class Chains:
    """All configured networks. What stands on one of them is remembered for five seconds. Thread-safe."""

    def __init__(self, lookup: Lookup, *, seconds: Callable[[], float] = monotonic) -> None:
        self._lookup = lookup
        self._seconds = seconds
        self._kept: OrderedDict[object, tuple[float, ChainAnswers]] = OrderedDict()
        self._lock = Lock()

    def answers(self, badge: Badge) -> ChainAnswers:
        proofs = anchorings_of(badge)
        roots = tuple(dict.fromkeys(proof.merkle_root for proof in proofs))
        named = tuple(dict.fromkeys((a.chain_id, a.transaction) for proof in proofs for a in proof.anchors))
        if len(named) > _MOST_TRANSACTIONS:
            raise Unreadable(f"got {len(named)} transactions in the proofs, expected at most {_MOST_TRANSACTIONS}")
        now, question = self._seconds(), (roots, named)
        with self._lock:
            kept = self._kept.get(question)
        if kept is not None and now - kept[0] < _KEPT:
            return kept[1]
        answers = tuple(self._lookup.answers(roots, named))
        if any(isinstance(each, NetworkAnswers) and all(map(each.stands, roots)) for each in answers):
            self._keep(question, now, answers)
        return answers

    def _keep(self, question: object, now: float, answers: ChainAnswers) -> None:
        with self._lock:
            self._kept[question] = (now, answers)
            self._kept.move_to_end(question)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)


class NoChain:
    """Stands for a chain that can't even be asked, and says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def answers(self, badge: Badge) -> ChainAnswers:
        raise TryLater(self._why)
