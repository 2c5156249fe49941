"""registrations.version: how often the office had the badge issued, the first time included."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table registrations add column version integer not null default 1 check (version >= 1)")


def downgrade() -> None:
    op.execute("alter table registrations drop column version")
