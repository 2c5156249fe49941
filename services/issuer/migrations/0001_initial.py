"""assertions: one row per award. status_entries: bits in use. documents: what else is published. signing_keys."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table status_entries (
            status_list integer not null check (status_list >= 1),
            status_index integer not null check (status_index between 0 and 131071),
            revoked_at timestamptz,
            primary key (status_list, status_index)
        );
        create index status_entries_revoked on status_entries (status_list, status_index) where revoked_at is not null;

        create table assertions (
            assertion_id text primary key,
            registration_id text not null,
            version integer not null default 1,
            cohort text not null,
            qualification text not null,
            status_list integer not null,
            status_index integer not null,
            leaf text not null,
            credential bytea not null,     -- the signed document, as it goes to object storage
            announcement bytea not null,   -- AssertionIssued, announced once the document is stored
            issued_at timestamptz not null,
            state text not null default 'signed' check (state in ('signed', 'stored')),
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text,
            stored_at timestamptz,
            unique (registration_id, version),
            unique (status_list, status_index),
            foreign key (status_list, status_index) references status_entries
        );
        create index assertions_pending on assertions (next_try_at) where state = 'signed';

        create table documents (
            name text primary key,         -- issuer, badges/<qualification>/<edition>, status/<n>
            fingerprint text not null,     -- of what it is made from; another one makes it due
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text,
            published_at timestamptz
        );

        create table signing_keys (
            public_key text primary key,   -- Multikey
            first_used_at timestamptz not null
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table signing_keys; drop table documents; drop table assertions; drop table status_entries;")
