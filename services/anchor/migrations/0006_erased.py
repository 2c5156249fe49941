"""leaves: those of people who were erased. Their credentials are gone: they need no proof, and stay in their batch."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table leaves add column erased_at timestamptz")


def downgrade() -> None:
    op.execute("alter table leaves drop column erased_at")
