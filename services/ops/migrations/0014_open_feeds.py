"""decisions: an index of the files that were handed in and have no outcome yet."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "create index decisions_open_feeds on decisions (decided_at) where decision = 'feed' and outcome is null"
    )


def downgrade() -> None:
    op.execute("drop index decisions_open_feeds")
