"""Indexes for what is forgotten: browsers that were not seen for long, postal addresses of orders that have ended."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create index devices_seen_at on devices (seen_at);
        create index paper_orders_addressed on paper_orders (ordered_at) where line is not null;
        """
    )


def downgrade() -> None:
    op.execute("drop index paper_orders_addressed, devices_seen_at")
