"""badges: until their holder decides, the programme file says whether the public page shows the numbers."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table badges alter column details_public drop default, alter column details_public drop not null;
        update badges set details_public = null where visibility_revision = 0;
        comment on column badges.details_public is 'the holder''s choice; null: none yet, the programme decides';
        """
    )


def downgrade() -> None:
    op.execute(
        """
        update badges set details_public = true where details_public is null;
        alter table badges alter column details_public set default true, alter column details_public set not null;
        """
    )
