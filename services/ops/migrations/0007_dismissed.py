"""dismissals: rejected rows of deliveries that the office has dealt with, by the decision that says so."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table dismissals (
            rejection_id text primary key, -- of a field of the row; after a restore it may come before the rejection
            decision_id text not null
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table dismissals")
