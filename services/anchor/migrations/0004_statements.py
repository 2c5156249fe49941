"""leaves: also of statements of the count, which are no badges."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table leaves add column is_statement boolean not null default false")


def downgrade() -> None:
    op.execute("delete from leaves where is_statement; alter table leaves drop column is_statement")
