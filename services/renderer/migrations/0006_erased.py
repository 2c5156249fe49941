"""renderings: state `erased`, of somebody who was erased: no PDFs are in storage, and none are drawn."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table renderings drop constraint renderings_state_check;
        alter table renderings add constraint renderings_state_check
            check (state in ('pending', 'done', 'failed', 'skipped', 'erased'));
        create index print_sheets_entries on print_sheets using gin (assertion_ids);
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop index print_sheets_entries;
        delete from renderings where state = 'erased';
        alter table renderings drop constraint renderings_state_check;
        alter table renderings add constraint renderings_state_check
            check (state in ('pending', 'done', 'failed', 'skipped'));
        """
    )
