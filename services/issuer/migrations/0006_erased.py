"""assertions: since when nothing personal is kept of one, nor its credential in storage, but that it is revoked."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table assertions add column erased_at timestamptz")


def downgrade() -> None:
    op.execute("alter table assertions drop column erased_at")
