"""requested_letters: the latest state of each letter that a service asked the mailer for."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table requested_letters (
            letter_id text primary key,
            letter text not null,
            state text not null,
            attempt integer not null,
            at timestamptz not null,
            answer text
        );
        create index requested_letters_in_trouble on requested_letters (at) where state in ('bounced', 'suppressed');
        """
    )


def downgrade() -> None:
    op.execute("drop table requested_letters")
