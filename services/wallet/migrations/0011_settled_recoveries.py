"""settled_recoveries: which changes of lost mailboxes have come to their end here. Kept for good."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create table settled_recoveries (recovery_id text primary key)")


def downgrade() -> None:
    op.execute("drop table settled_recoveries")
