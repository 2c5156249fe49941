"""badges: which version of its registration each is, the edition of its picture, and whether its numbers are public."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table badges
            add column version integer not null default 1,
            add column edition text,
            add column details_public boolean not null default true,
            add column visibility_revision integer not null default 0;
        comment on column badges.visibility_revision is 'how often the holder has changed details_public';
        create index badges_versions on badges (registration_id, version);
        create index badges_renewals on badges (replaces) where replaces is not null;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop index badges_versions, badges_renewals;
        alter table badges drop column version, drop column edition, drop column details_public,
            drop column visibility_revision;
        """
    )
