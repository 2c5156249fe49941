"""Indexes for what the ticks look for, so that no look reads what is finished: proofs, manifests, what became final."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- In the order in which proofs are made: a run takes the first hundred of a batch, whatever its size.
        drop index leaves_unproved;
        create index leaves_unproved on leaves (root, next_try_at, assertion_id) where proved_at is null;
        create index batches_unnamed on batches (decided_by) where proof_names is null;
        create index batches_without_manifest on batches (closed_at) where manifest_at is null;
        create index batches_decided on batches (decided_by);
        create index anchorings_final on anchorings (chain_id, contract, final_at) where state = 'final';
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop index anchorings_final, batches_decided, batches_without_manifest, batches_unnamed, leaves_unproved;
        create index leaves_unproved on leaves (root, next_try_at) where proved_at is null;
        """
    )
