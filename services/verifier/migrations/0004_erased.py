"""assertions: when the holder of each was erased; of such a row nothing stays but this and the revocation's moment."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table assertions add column erased_at timestamptz")


def downgrade() -> None:
    op.execute("alter table assertions drop column erased_at")
