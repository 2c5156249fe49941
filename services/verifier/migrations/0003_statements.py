"""statements: those of the public count that were announced; the newest of a cohort is told from here."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table statements (
            cohort text not null,
            number integer not null,
            stated_at timestamptz not null,
            primary key (cohort, number)
        )
        """
    )


def downgrade() -> None:
    op.execute("drop table statements")
