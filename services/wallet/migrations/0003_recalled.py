"""recalled: what this service announced of badges that its tables don't have: they were restored to before them."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table recalled (
            assertion_id text primary key,
            received_at timestamptz,
            details_public boolean not null default true,
            visibility_revision integer not null default 0
        );
        comment on table recalled is 'goes into badges as soon as the badge is there';
        """
    )


def downgrade() -> None:
    op.execute("drop table recalled")
