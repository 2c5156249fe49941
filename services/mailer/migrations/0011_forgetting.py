"""Indexes for what is to be forgotten of requests: each hour it is looked for, and most were forgotten long ago."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create index requests_remembered on requests (request_id) where recipient is not null;
        create index messages_of_request on messages (request_id) where request_id is not null;
        """
    )


def downgrade() -> None:
    op.execute("drop index messages_of_request, requests_remembered")
