"""restores: databases that were set back, as their services noticed it. Decisions acknowledge them."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table restores (
            restore_id text primary key,
            service text not null,
            noticed_at timestamptz not null,
            recalled text not null, -- JSON: facts by event
            read_again bigint not null,
            gone bigint not null,
            storage text not null, -- JSON: by kind
            replaced boolean not null
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table restores")
