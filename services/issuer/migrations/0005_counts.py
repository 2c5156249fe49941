"""The public count: statements, which of them counts each badge, and the leaves of anchored batches."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table statements (
            cohort text not null,
            number integer not null check (number >= 1),
            leaf text not null,
            body bytea,                    -- signed; null: known from our own announcement only, storage has it
            leaves bytea,                  -- the list of the badges that it counts first
            stated_at timestamptz not null,
            state text not null default 'signed' check (state in ('signed', 'published')),
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text,
            primary key (cohort, number)
        );
        create index statements_pending on statements (next_try_at) where state = 'signed' or body is null;

        alter table assertions add column stated_in integer;  -- the statement of its cohort that counts it first
        create index assertions_unstated on assertions (cohort, assertion_id) where stated_in is null;

        -- Batches of which a badge of ours was announced; their manifests tell all leaves.
        create table anchored_batches (
            root text primary key,
            read_at timestamptz,
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text
        );
        create index anchored_batches_unread on anchored_batches (next_try_at) where read_at is null;
        create table anchored_leaves (
            leaf text primary key,
            root text not null references anchored_batches
        );
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop table anchored_leaves; drop table anchored_batches;
        drop index assertions_unstated;
        alter table assertions drop column stated_in;
        drop table statements;
        """
    )
