"""deletions: objects about people who were erased that are to be deleted from storage, and once more later."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table deletions (
            decision_id text primary key,
            event bytea not null,          -- AssertionsErased: ids only
            noted_at timestamptz not null,
            told_at timestamptz,           -- deleted once and told; null: not yet
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text
        )
        """
    )


def downgrade() -> None:
    op.execute("drop table deletions")
