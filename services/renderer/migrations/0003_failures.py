"""renderings: why the last attempt failed, as it was announced, and how many such reasons there were."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table renderings add column failure_revision integer not null default 0;
        alter table renderings add column failure_reason text, add column failure_field text;
        alter table renderings add column failure_characters text; -- code points, separated by commas
        """
    )


def downgrade() -> None:
    op.execute(
        "alter table renderings drop column failure_revision, drop column failure_reason, drop column failure_field,"
        " drop column failure_characters"
    )
