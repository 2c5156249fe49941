"""The migration of all past roots to another network: `akashi anchor migrate`."""

from __future__ import annotations

from dataclasses import dataclass

from services.anchor.domain.anchoring import Deployment
from services.anchor.domain.costs import chunked, migration_gas
from services.anchor.network.sender import Sender, input_for
from services.anchor.store import Store
from shared.errors import TryLater


@dataclass(frozen=True)
class Migration:
    """What is still to do. `chunks`: the roots to send, grouped by transaction; `known`: those the contract knows."""

    chunks: tuple[tuple[bytes, ...], ...]
    known: tuple[bytes, ...]
    gas: int

    @property
    def roots(self) -> int:
        return sum(map(len, self.chunks))


@dataclass(frozen=True)
class MigrationProgress:
    """Of the roots that have an anchoring on the network: how many are final, how many pending."""

    final: int
    pending: int
    last_error: str | None


def plan(store: Store, sender: Sender, deployment: Deployment, *, most_gas: int) -> Migration:
    """What is still to do for `deployment`; its contract is asked for each root. TryLater while it can't be."""
    with store.transaction() as tx:
        missing = tx.batches.roots_missing_from(deployment)
    known = sender.known(missing)
    chunks = chunked([root for root in missing if root not in known], most_gas)
    return Migration(chunks, tuple(known), sum(_gas(sender, chunk) for chunk in chunks))


def begin(store: Store, deployment: Deployment, migration: Migration) -> None:
    """Store the plan: from then on every anchor process that has the network configured carries it out.

    If we die before the commit, nothing was begun; after it, the next `migrate` finds these roots pending.
    """
    with store.transaction() as tx:
        tx.take_writer_lock(deployment.chain_id)
        missing = set(tx.batches.roots_missing_from(deployment))  # another `migrate` may have been faster
        for chunk in (*migration.chunks, *((root,) for root in migration.known)):
            if roots := [root for root in chunk if root in missing]:
                tx.anchorings.add(deployment, roots, many=True)


def progress(store: Store, deployment: Deployment) -> MigrationProgress:
    with store.transaction() as tx:
        counts = tx.anchorings.counts(deployment)
    return MigrationProgress(counts.roots, counts.pending_roots, counts.last_error)


def _gas(sender: Sender, chunk: tuple[bytes, ...]) -> int:
    """The node's estimate, or ours when it refuses to estimate, as it does for an account without money."""
    try:
        return sender.gas_for(input_for(chunk, many=True))
    except TryLater:
        return migration_gas(len(chunk))
