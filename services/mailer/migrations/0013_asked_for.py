"""The letters to send that somebody asked for, which leave before all others, in the order in which they are due."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "create index messages_to_send_asked_for on messages (next_try_at)"
        " where state in ('queued', 'deferred') and request_id is not null"
    )


def downgrade() -> None:
    op.execute("drop index messages_to_send_asked_for")
