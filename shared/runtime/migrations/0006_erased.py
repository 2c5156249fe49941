"""erased: the registrations and assertions of people who were erased; what is read about them is left out."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table erased (
            subject text primary key,
            decision_id text not null,
            erased_at timestamptz not null
        )
        """
    )


def downgrade() -> None:
    op.execute("drop table erased")
