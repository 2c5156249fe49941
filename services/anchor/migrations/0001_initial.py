"""leaves: one row per badge. batches: one per Merkle root. transactions: all that were ever signed. nonces: ours."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table batches (
            root bytea primary key,
            leaf_count integer not null,
            closed_at timestamptz not null,
            state text not null default 'closed' check (state in ('closed', 'signed', 'sent', 'mined', 'final')),
            transaction text,
            block_number bigint,
            block_hash text,
            anchored_at timestamptz,
            final_at timestamptz,
            manifest_at timestamptz,
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text
        );
        create index batches_pending on batches (next_try_at) where state <> 'final';

        -- A leaf waits from ready_at on (all that ANCHOR_ON asks for has come) until it gets a root, or is excluded.
        create table leaves (
            assertion_id text primary key,
            leaf bytea,
            received_at timestamptz,
            ready_at timestamptz,
            excluded_as text,
            excluded_at timestamptz,
            root bytea references batches,
            proved_at timestamptz,
            attempts integer not null default 0,
            next_try_at timestamptz not null default '-infinity',
            last_error text
        );
        create index leaves_waiting on leaves (ready_at)
            where ready_at is not null and root is null and excluded_as is null;
        create index leaves_of_batch on leaves (root, leaf);
        create index leaves_unproved on leaves (root, next_try_at) where proved_at is null;

        -- raw is written before it is sent, and sent again as it is.
        create table transactions (
            number bigint generated always as identity primary key,
            hash text not null unique,
            root bytea not null references batches,
            nonce bigint not null,
            fee_most numeric not null,
            fee_tip numeric not null,
            gas bigint not null,
            raw bytea not null,
            signed_at timestamptz not null,
            sent_at timestamptz
        );
        create index transactions_of_batch on transactions (root, number);

        create table nonces (
            chain_id bigint not null,
            address text not null,
            next bigint not null,
            primary key (chain_id, address)
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table nonces; drop table transactions; drop table leaves; drop table batches")
