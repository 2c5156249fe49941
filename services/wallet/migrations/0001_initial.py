"""badges: one row an assertion. progress: what other services announced about it. Accounts, addresses, sessions."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table accounts (
            account_id bigint generated always as identity primary key,
            full_name text not null,
            password_hash text not null,
            created_at timestamptz not null
        );
        comment on column accounts.full_name is 'as the person typed it; the certificate shows the registered name';

        create table addresses (
            address_key text primary key,
            account_id bigint not null references accounts on delete cascade,
            address text not null,
            is_primary boolean not null,
            verified_at timestamptz not null
        );
        comment on column addresses.address_key is 'the normal form: one mailbox, one account';
        create index addresses_account on addresses (account_id);

        create table sessions (
            token_sha256 bytea primary key,
            account_id bigint not null references accounts on delete cascade,
            created_at timestamptz not null,
            expires_at timestamptz not null
        );
        create index sessions_expires_at on sessions (expires_at);

        create table login_attempts (
            address_sha256 bytea primary key,
            attempts integer not null,
            began_at timestamptz not null
        );
        comment on table login_attempts is 'tries since the last good one, also for addresses that nobody has';
        create index login_attempts_began_at on login_attempts (began_at);

        create table badges (
            assertion_id text primary key,
            registration_id text not null,
            cohort text not null,
            qualification text not null,
            kind text not null,
            pass_number text not null,
            registration_number text not null,
            valid_from date not null,
            valid_until date not null,
            person_id text not null,
            family_name text not null,
            given_name text not null,
            family_name_latin text,
            given_name_latin text,
            address text not null,
            address_key text not null,
            issued_at timestamptz not null,
            replaces text,
            account_id bigint references accounts on delete set null,
            received_at timestamptz
        );
        create index badges_account on badges (account_id);
        create index badges_unreceived on badges (address_key) where account_id is null;

        create table progress (
            assertion_id text primary key,
            anchored_at timestamptz,
            rendered_at timestamptz,
            certificate_key text,
            certificate_sha256 text,
            details_key text,
            details_sha256 text,
            revoked_at timestamptz,
            revoke_reason text,
            replaced_by text
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table progress, badges, login_attempts, sessions, addresses, accounts")
