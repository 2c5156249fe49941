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
            last_error text,               -- failed: why it can't be rendered; pending: why not at the last attempt
            noted_at timestamptz not null,
            rendered_at timestamptz
        );
        create index renderings_pending on renderings (next_try_at) where state = 'pending';
        create index renderings_failed on renderings (assertion_id) where state = 'failed';
        """
    )


def downgrade() -> None:
    op.execute("drop table renderings;")
