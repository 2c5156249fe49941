"""recoveries: accounts whose holder is said to have lost the mailbox, while the new address waits."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table recoveries (
            recovery_id text not null,
            account_id bigint not null references accounts on delete cascade,
            new_masked text not null,
            stop_url text not null,
            takes_effect_at timestamptz not null,
            primary key (recovery_id, account_id)
        );
        create index recoveries_account on recoveries (account_id);
        create index badges_person on badges (person_id);
        """
    )


def downgrade() -> None:
    op.execute("drop index badges_person; drop table recoveries")
