"""What a restored database takes back: assertions without their bytes, revocations of unknown ones, list changes."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- null: known from our own announcement only; the bytes are in object storage
        alter table assertions alter column credential drop not null;
        -- status_entries keeps drawn bits apart; what is taken back or adopted is recorded as it is
        alter table assertions drop constraint assertions_status_list_status_index_key;
        create index assertions_place on assertions (status_list, status_index);

        create table recalled_revocations (
            assertion_id text primary key,
            reason text,                   -- null: only the settled order is known, not AssertionRevoked
            revoked_at timestamptz not null,
            replaced_by text,
            decision_id text
        );
        create table restores (
            noticed_at timestamptz primary key,
            first_list integer             -- bits are drawn from this list on; null: not looked for yet
        );
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop table restores; drop table recalled_revocations;
        drop index assertions_place;
        alter table assertions
            add constraint assertions_status_list_status_index_key unique (status_list, status_index);
        update assertions set credential = '' where credential is null;
        alter table assertions alter column credential set not null;
        """
    )
