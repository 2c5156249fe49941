"""renderings: one row an anchored assertion."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table renderings (
            assertion_id text primary key,
            state text not null default 'pending' check (state in ('pending', 'done', 'failed')),
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text,               -- why nothing came of the last attempt
            noted_at timestamptz not null,
            rendered_at timestamptz
        );
        create index renderings_waiting on renderings (next_try_at) where state <> 'done';
        """
    )


def downgrade() -> None:
    op.execute("drop table renderings;")
