"""batches: those known from own announcements after a restore; the leaves that only their manifests tell."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- Its manifest in object storage tells more than our rows: they were restored to before it was written.
        alter table batches add column manifest_unread boolean not null default false;
        create index batches_unread on batches (closed_at) where manifest_unread;

        -- Leaves of such a batch whose badges are not known yet; deleted once they are.
        create table recalled_leaves (
            leaf bytea primary key,
            root bytea not null references batches
        );
        create index recalled_leaves_of_batch on recalled_leaves (root);
        """
    )


def downgrade() -> None:
    op.execute("drop table recalled_leaves; drop index batches_unread; alter table batches drop column manifest_unread")
