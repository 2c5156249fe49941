"""decisions: the services that answer an order to rebuild. dead_letters: size and hash of a value that was cut."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table decisions add column producers text; -- separated by commas
        alter table dead_letters add column size bigint, add column sha256 text;
        """
    )


def downgrade() -> None:
    op.execute(
        "alter table decisions drop column producers; alter table dead_letters drop column size, drop column sha256"
    )
