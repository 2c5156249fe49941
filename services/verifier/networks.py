"""A credential's roots on all configured networks: what `sources.gather` asks of the chain."""

from __future__ import annotations

from services.verifier.evidence import ChainAnswers
from services.verifier.reading import Badge, anchorings_of
from shared.chain_facts import NetworkAnswers, NetworkAway
from shared.errors import TryLater
from shared.runtime.networks import Networks


class AnyNetwork:
    """A root counts wherever it stands: the answers are those of the first network on which one of the badge's does.

    Where none does, they are of a network that at least knows it (taken back, not final yet), else of the first.
    While a network is away that might have the root, it says nothing that no other does: TryLater.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def answers(self, badge: Badge) -> ChainAnswers:
        proofs = anchorings_of(badge)
        roots = [proof.merkle_root for proof in proofs]
        named = [(anchor.chain_id, anchor.transaction) for proof in proofs for anchor in proof.anchors]
        said = self._networks.answers(roots, named)
        answered = [each for each in said if isinstance(each, NetworkAnswers)]
        away = [each for each in said if isinstance(each, NetworkAway)]
        standing = (each for each in answered if any(map(each.stands, roots)))
        knowing = (each for each in answered if any(each.anchorings.values()))
        best = next(standing, None) or next(knowing, None)
        if best is None and away:
            raise TryLater("; ".join(f"{each.network}: {each.why}" for each in away))
        best = best or answered[0]
        return ChainAnswers(
            network=best.network,
            chain_id=best.chain_id,
            registry=best.contract,
            finalized_block=best.finalized_block,
            anchorings=best.anchorings,
            transactions=best.transactions,
        )
