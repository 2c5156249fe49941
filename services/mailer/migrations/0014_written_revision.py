"""messages.written_revision: to which address of its badge a letter was written; a late bounce names the former one."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table messages add column written_revision integer;
        comment on column messages.written_revision is
            'address_revision of its badge when the bytes were written; null if a release before did';
        """
    )


def downgrade() -> None:
    op.execute("alter table messages drop column written_revision")
