"""published_objects: the bytes of each document as it was published last, to compare storage with and to put back."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table published_objects (
            key text primary key,          -- in object storage
            name text not null,            -- of its document
            content_type text not null,
            body bytea not null,
            published_at timestamptz not null
        );
        update documents set next_try_at = now();  -- each is noted by its next publication
        """
    )


def downgrade() -> None:
    op.execute("drop table published_objects")
