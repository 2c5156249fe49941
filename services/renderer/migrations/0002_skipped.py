"""renderings: state `skipped`, with the reason: for example an assertion that was revoked before it was anchored."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table renderings drop constraint renderings_state_check;
        alter table renderings add constraint renderings_state_check
            check (state in ('pending', 'done', 'failed', 'skipped'));
        alter table renderings add column skipped_as text check ((skipped_as is not null) = (state = 'skipped'));
        drop index renderings_waiting;
        create index renderings_waiting on renderings (next_try_at) where state in ('pending', 'failed');
        """
    )


def downgrade() -> None:
    op.execute(
        """
        delete from renderings where state = 'skipped';
        drop index renderings_waiting;
        create index renderings_waiting on renderings (next_try_at) where state <> 'done';
        alter table renderings drop column skipped_as;
        alter table renderings drop constraint renderings_state_check;
        alter table renderings add constraint renderings_state_check check (state in ('pending', 'done', 'failed'));
        """
    )
