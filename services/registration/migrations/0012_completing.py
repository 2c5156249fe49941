"""An index for those that are held until the day of their completion: each minute it is looked whose has come."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index registrations_completing on registrations (completed_on) where reason = 'completes-later'")


def downgrade() -> None:
    op.execute("drop index registrations_completing")
