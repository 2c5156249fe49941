"""holders.issued_at: whether the notice waits for a day that a clock named that was ahead."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table holders add column issued_at timestamptz")


def downgrade() -> None:
    op.execute("alter table holders drop column issued_at")
